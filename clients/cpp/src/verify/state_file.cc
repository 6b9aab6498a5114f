#include "verify/state_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/tile.h"

namespace credence::client {
namespace {

constexpr std::string_view kHeader = "credence-verified/v2\n";
constexpr std::string_view kSumPrefix = "sha256 ";
constexpr size_t kTileLines = kTileLevelMax + 1;
constexpr size_t kCheckpointLines = 3;

absl::Status Unusable(const std::string& path, std::string_view why) {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects.push_back(path);
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Cat(path, " ", why, "; delete it to verify everything again."), detail);
}

// The first `count` lines of `rest`, with their ends, which are taken off it. Shorter where it is.
std::string_view TakeLines(std::string_view& rest, size_t count) {
  size_t end = 0;
  for (size_t i = 0; i < count && end < rest.size(); ++i) {
    end = std::min(rest.find('\n', end), rest.size() - 1) + 1;
  }
  const std::string_view lines = rest.substr(0, end);
  rest.remove_prefix(end);
  return lines;
}

}  // namespace

absl::StatusOr<std::optional<VerifyState>> ReadStateFile(const std::string& path,
                                                         const VerifierKey& key) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::optional<VerifyState>();
  std::ostringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const size_t sum = text.rfind(kSumPrefix);
  if (sum == std::string::npos ||
      text.substr(sum) != Cat(kSumPrefix, ToHex(Sha256(text.substr(0, sum))), "\n")) {
    return Unusable(path, "is damaged");
  }
  std::string_view rest = std::string_view(text).substr(0, sum);
  if (TakeLines(rest, 1) != kHeader) return Unusable(path, "is of another version");
  if (TakeLines(rest, 1) != Cat(FormatVerifierKey(key), "\n")) {
    return Unusable(path, "remembers a log of another key");
  }
  VerifyState state;
  int64_t nanoseconds = 0;
  if (!absl::SimpleAtoi(ToAbsl(TakeLines(rest, 1)), &nanoseconds)) {
    return Unusable(path, "is damaged");
  }
  state.began = absl::FromUnixNanos(nanoseconds);
  CREDENCE_ASSIGN_OR_RETURN(state.checkpoint, ParseCheckpoint(TakeLines(rest, kCheckpointLines)));
  state.tiles = std::string(TakeLines(rest, kTileLines));
  state.entries = std::string(rest);
  return std::optional(std::move(state));
}

absl::Status WriteStateFile(const std::string& path, const VerifierKey& key,
                            const VerifyState& state) {
  Checkpoint bare = state.checkpoint;
  bare.extensions.clear();
  const std::string text =
      Cat(kHeader, FormatVerifierKey(key), "\n", absl::ToUnixNanos(state.began), "\n",
          FormatCheckpoint(bare), state.tiles, state.entries);
  const std::string partial = Cat(path, ".partial");
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << text << kSumPrefix << ToHex(Sha256(text)) << "\n";
  file.close();
  std::error_code error;
  if (file.good()) std::filesystem::rename(partial, path, error);
  if (!file.good() || error) {
    return absl::InternalError(Cat("What was verified cannot be remembered in ", path, "."));
  }
  return absl::OkStatus();
}

}  // namespace credence::client
