#include "fuzz_target.h"

#include "google/protobuf/stubs/logging.h"

namespace credence::fuzz {

const std::vector<FuzzTarget>& FuzzTargets() {
  static const auto* const kTargets = [] {
    // A line for each text that is no UTF-8 would be most of what a run does.
    google::protobuf::SetLogHandler(nullptr);
    auto* const all = new std::vector<FuzzTarget>();
    for (const auto& some : {VerifierTargets(), NetworkTargets(), ImportTargets(), GatewayTargets(),
                             MessageTargets(), DecideTargets()}) {
      all->insert(all->end(), some.begin(), some.end());
    }
    return all;
  }();
  return *kTargets;
}

const FuzzTarget* FindTarget(std::string_view name) {
  for (const FuzzTarget& target : FuzzTargets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace credence::fuzz
