#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace credence::bench {

Process::Process(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  const int file = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

Process::~Process() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  Wait();
}

void Process::Kill(int signal) { kill(pid_, signal); }

int Process::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int64_t Process::ResidentKib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (status >> word) {
    if (word != "VmRSS:") continue;
    int64_t kib = 0;
    status >> kib;
    return kib;
  }
  return 0;
}

double Process::CpuSeconds() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(stat, text);
  // The second field, a name in brackets, may hold blanks; user and system time are the 14th and
  // 15th field.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void RunToEnd(const std::vector<std::string>& arguments, const std::string& log) {
  Process process(arguments, log);
  const int code = process.Wait();
  if (code == 0) return;
  std::fprintf(stderr, "%s %s ended with %d, see %s\n", arguments[0].c_str(), arguments[1].c_str(),
               code, log.c_str());
  std::exit(1);
}

int WaitForPort(const std::string& path) {
  for (int i = 0; i < 30'000; ++i) {
    int port = 0;
    if (std::ifstream(path) >> port && port > 0) return port;
    poll(nullptr, 0, 1);
  }
  std::fprintf(stderr, "no port appeared in %s\n", path.c_str());
  std::exit(1);
}

}  // namespace credence::bench
