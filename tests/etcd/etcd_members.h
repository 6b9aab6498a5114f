#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "credence/etcd/client.h"

namespace credence::etcd {

// Certificates in a folder of their own: an authority, and what it signed for 127.0.0.1.
struct TestCertificates {
  std::string authority;
  std::string certificate;
  std::string key;
};
[[nodiscard]] TestCertificates MakeCertificates(const std::string& directory);

// A cluster of real members on loopback, in a directory of its own; all die with it.
class EtcdMembers {
 public:
  struct Settings {
    size_t count = 1;
    // More arguments for each member.
    std::vector<std::string> arguments{};
    bool tls = false;
  };

  // Starts them and waits until they serve.
  explicit EtcdMembers(const Settings& settings);
  ~EtcdMembers();
  EtcdMembers(const EtcdMembers&) = delete;
  EtcdMembers& operator=(const EtcdMembers&) = delete;

  // What a client needs; where there is TLS, with certificates.
  [[nodiscard]] Options options() const;
  [[nodiscard]] std::unique_ptr<Client> MakeClient() const;
  [[nodiscard]] const TestCertificates& certificates() const { return certificates_; }

  void Kill(size_t member);
  // From what it had stored.
  void Restart(size_t member);
  // Stops its time, and lets it go on.
  void Pause(size_t member);
  void Resume(size_t member);

  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  struct Member {
    std::vector<std::string> arguments;
    std::string endpoint;
    pid_t pid = -1;
  };

  void Start(Member& member) const;

  std::string directory_;
  TestCertificates certificates_;
  bool tls_ = false;
  std::vector<Member> members_;
};

}  // namespace credence::etcd
