#pragma once

#include <string_view>
#include <vector>

// Functions that must bear any bytes: each feeds them to a decoder, and checks what every input
// must leave true. A broken promise ends the process, as do the sanitizers.
//
// The same functions run in two ways: under libFuzzer (`make fuzz`), and over the corpus, with some
// mutations of it, as an ordinary test.
namespace credence::fuzz {

struct FuzzTarget {
  // Also the name of its folder in the corpus.
  const char* name;
  void (*run)(std::string_view input);
};

// Each file of targets gives its own.
[[nodiscard]] std::vector<FuzzTarget> VerifierTargets();
[[nodiscard]] std::vector<FuzzTarget> NetworkTargets();
[[nodiscard]] std::vector<FuzzTarget> ImportTargets();
[[nodiscard]] std::vector<FuzzTarget> GatewayTargets();
[[nodiscard]] std::vector<FuzzTarget> MessageTargets();
[[nodiscard]] std::vector<FuzzTarget> DecideTargets();

// All of them.
[[nodiscard]] const std::vector<FuzzTarget>& FuzzTargets();

// Null where there is none of that name.
[[nodiscard]] const FuzzTarget* FindTarget(std::string_view name);

}  // namespace credence::fuzz
