#include "etcd_members.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"

namespace credence::etcd {
namespace {

// Sockets that hold ports until all are chosen.
class FreePorts {
 public:
  ~FreePorts() {
    for (const int socket : sockets_) close(socket);
  }
  FreePorts() = default;
  FreePorts(const FreePorts&) = delete;
  FreePorts& operator=(const FreePorts&) = delete;

  int Take() {
    sockets_.push_back(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    CREDENCE_CHECK(bind(sockets_.back(), generic, size) == 0);
    CREDENCE_CHECK(getsockname(sockets_.back(), generic, &size) == 0);
    return ntohs(address.sin_port);
  }

 private:
  std::vector<int> sockets_;
};

void Shell(const std::string& command) {
  // The commands and their paths are the test's own.
  CREDENCE_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
}

}  // namespace

TestCertificates MakeCertificates(const std::string& directory) {
  std::filesystem::create_directories(directory);
  const std::string request = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  Shell(
      absl::StrCat("cd ", directory, " && ", request,
                   " -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null && ",
                   request, " -subj /CN=member -keyout key.pem -out request.pem 2>/dev/null && ",
                   "printf 'subjectAltName=IP:127.0.0.1' > names && ",
                   "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial ",
                   "-days 2 -extfile names -out certificate.pem 2>/dev/null"));
  return {directory + "/ca.pem", directory + "/certificate.pem", directory + "/key.pem"};
}

EtcdMembers::EtcdMembers(const Settings& settings) : tls_(settings.tls) {
  std::string pattern = testing::TempDir() + "/etcd-XXXXXX";
  CREDENCE_CHECK(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  if (tls_) certificates_ = MakeCertificates(directory_ + "/tls");
  std::vector<std::string> peers;
  {
    FreePorts ports;
    for (size_t i = 0; i < settings.count; ++i) {
      const std::string name = absl::StrCat("m", i);
      const std::string client =
          absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", ports.Take());
      const std::string peer = absl::StrCat("http://127.0.0.1:", ports.Take());
      peers.push_back(absl::StrCat(name, "=", peer));
      Member& member = members_.emplace_back();
      member.endpoint = client;
      member.arguments = {ETCD_PATH,
                          "--name=" + name,
                          absl::StrCat("--data-dir=", directory_, "/", name),
                          "--listen-client-urls=" + client,
                          "--advertise-client-urls=" + client,
                          "--listen-peer-urls=" + peer,
                          "--initial-advertise-peer-urls=" + peer,
                          "--heartbeat-interval=50",
                          "--election-timeout=500",
                          "--logger=zap"};
      if (!tls_) continue;
      for (const std::string& argument :
           {"--cert-file=" + certificates_.certificate, "--key-file=" + certificates_.key,
            "--trusted-ca-file=" + certificates_.authority, std::string("--client-cert-auth")}) {
        member.arguments.push_back(argument);
      }
    }
  }
  for (Member& member : members_) {
    member.arguments.push_back("--initial-cluster=" + absl::StrJoin(peers, ","));
    for (const std::string& argument : settings.arguments) member.arguments.push_back(argument);
    Start(member);
  }
  Options patient = options();
  patient.call_timeout = absl::Seconds(60);
  const auto client = Client::Create(patient);
  CREDENCE_CHECK(client.ok());
  const auto ready = (*client)->Get("ready");
  EXPECT_TRUE(ready.ok()) << ready.status();
}

EtcdMembers::~EtcdMembers() {
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].pid > 0) Kill(i);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Options EtcdMembers::options() const {
  Options options;
  for (const Member& member : members_) options.endpoints.push_back(member.endpoint);
  if (tls_) {
    options.tls = {certificates_.authority, certificates_.certificate, certificates_.key};
  }
  return options;
}

std::unique_ptr<Client> EtcdMembers::MakeClient() const {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options());
  CREDENCE_CHECK(client.ok());
  return *std::move(client);
}

void EtcdMembers::Start(Member& member) const {
  std::vector<char*> arguments;
  for (std::string& argument : member.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const std::string log = directory_ + "/log";
  member.pid = fork();
  CREDENCE_CHECK(member.pid >= 0);
  if (member.pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int file = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void EtcdMembers::Kill(size_t member) {
  kill(members_[member].pid, SIGKILL);
  waitpid(members_[member].pid, nullptr, 0);
  members_[member].pid = -1;
}

void EtcdMembers::Restart(size_t member) { Start(members_[member]); }

void EtcdMembers::Pause(size_t member) { kill(members_[member].pid, SIGSTOP); }

void EtcdMembers::Resume(size_t member) { kill(members_[member].pid, SIGCONT); }

}  // namespace credence::etcd
