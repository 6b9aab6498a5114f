#include <cstdio>

#include "credence/client/client.h"

// Prints the origin of the ledger that the server at the first argument serves.
int main(int argc, char** argv) {
  credence::client::ClientOptions options;
  options.endpoint = argc > 1 ? argv[1] : options.endpoint;
  credence::client::Client client(options);
  const auto head = client.GetTreeHead(credence::v1::GetTreeHeadRequest());
  std::printf("%s\n", head.ok() ? head->origin().c_str() : head.status().ToString().c_str());
  return head.ok() ? 0 : 1;
}
