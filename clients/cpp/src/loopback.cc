#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace credence::client {

bool IsLoopbackHost(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 &&
         ntohl(address.s_addr) >> 24U == IN_LOOPBACKNET;
}

}  // namespace credence::client
