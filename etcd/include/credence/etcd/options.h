#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace credence::etcd {

// Files in PEM. A file that is replaced is read again within a minute, for new connections.
struct TlsFiles {
  // Authorities that the members' certificates are checked against; empty for the system's.
  std::string authority_file{};
  // What is shown to the members: a certificate with its chain, and its key. Both or none.
  std::string certificate_file{};
  std::string key_file{};
};

struct Options {
  // The members' client URLs, such as "https://10.0.0.1:2379": at least one, all with one scheme.
  std::vector<std::string> endpoints{};
  // Used where the scheme is https; without it, no file may be named.
  TlsFiles tls{};
  // How long a call may take in all, over whatever members.
  absl::Duration call_timeout = absl::Seconds(5);
  // How long one member may take to connect, and to answer a call that changes nothing, before the
  // next one is asked.
  absl::Duration member_timeout = absl::Seconds(1);
};

}  // namespace credence::etcd
