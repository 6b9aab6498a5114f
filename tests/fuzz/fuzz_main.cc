#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/synchronization/mutex.h"
#include "fuzz_target.h"

// Entry points of libFuzzer. CREDENCE_FUZZ_TARGET names what is fuzzed; without it the names are
// printed.
namespace {

const credence::fuzz::FuzzTarget* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* const name = std::getenv("CREDENCE_FUZZ_TARGET");
  if (name != nullptr) target = credence::fuzz::FindTarget(name);
  if (target != nullptr) return 0;
  for (const auto& each : credence::fuzz::FuzzTargets()) std::puts(each.name);
  std::exit(name == nullptr ? 0 : 2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
