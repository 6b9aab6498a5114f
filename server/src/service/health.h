#pragma once

#include <memory>
#include <string>

#include "service/router.h"

// gRPC's health service, which load balancers and service managers ask: each service of the router,
// and the server as a whole by the empty name, serves until the drain. Anybody may ask.
//
// gRPC's own would bring the callback API's threads with it, which take turns with those that take
// calls.
namespace credence::server {

class HealthState;

// Thread-safe, but for Add, which comes before the server begins.
class Health {
 public:
  Health();

  void Add(const std::string& service);

  // From now on nothing serves. Whoever watches is told so, and then with UNAVAILABLE that the
  // server stops.
  void Drain();

  [[nodiscard]] const Router& router() const { return router_; }

 private:
  std::shared_ptr<HealthState> state_;
  Router router_;
};

}  // namespace credence::server
