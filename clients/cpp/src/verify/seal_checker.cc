#include "credence/client/verify/seal_checker.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/hash.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "verify/payload_type.h"

namespace credence::client {
namespace {

using event::v1::ForecastRevealed;
using event::v1::ForecastSealed;
using event::v1::SealedForecast;

constexpr size_t kSaltBytes = 32;

std::string TextField(std::string_view message, int number) {
  return std::string(
      BytesField(message, static_cast<uint32_t>(number)).value_or(std::string_view()));
}

absl::Status BadState(std::string_view what) {
  return InvalidField("FIELD_INVALID", "state", what);
}

}  // namespace

absl::Status SealChecker::Take(std::string_view origin, const EntryView& view) {
  if (Is<ForecastSealed>(view)) {
    return TakeSeal(view);
  }
  if (Is<ForecastRevealed>(view)) {
    return TakeReveal(origin, view);
  }
  return absl::OkStatus();
}

absl::Status SealChecker::TakeSeal(const EntryView& view) {
  const std::string name = Cat(TextField(view.payload, ForecastSealed::kQuestionFieldNumber), "/",
                               TextField(view.payload, ForecastSealed::kForecastFieldNumber));
  const Seal seal{TextField(view.payload, ForecastSealed::kForecasterFieldNumber),
                  TextField(view.payload, ForecastSealed::kDigestFieldNumber)};
  if (!open_.emplace(name, seal).second) {
    return VerificationFailed(Cat("the forecast ", name, " is sealed twice"));
  }
  ++counts_.sealed;
  return absl::OkStatus();
}

absl::Status SealChecker::TakeReveal(std::string_view origin, const EntryView& view) {
  const std::string question = TextField(view.payload, ForecastRevealed::kQuestionFieldNumber);
  const std::string name =
      Cat(question, "/", TextField(view.payload, ForecastRevealed::kForecastFieldNumber));
  const std::string forecaster = TextField(view.payload, ForecastRevealed::kForecasterFieldNumber);
  const std::string salt = TextField(view.payload, ForecastRevealed::kSaltFieldNumber);
  const std::string statement = TextField(view.payload, ForecastRevealed::kStatementFieldNumber);
  const auto seal = open_.find(name);
  if (seal == open_.end() || seal->second.forecaster != forecaster) {
    return VerificationFailed(
        Cat("the forecast ", name, " is revealed by ", forecaster, ", who has no seal of it open"));
  }
  const Hash digest = Sha256(Cat(salt, statement));
  if (salt.size() != kSaltBytes || BytesOf(digest) != seal->second.digest) {
    return VerificationFailed(Cat("the forecast ", name, " is not what was sealed"));
  }
  if (TextField(statement, SealedForecast::kOriginFieldNumber) != origin ||
      TextField(statement, SealedForecast::kQuestionFieldNumber) != question ||
      TextField(statement, SealedForecast::kForecasterFieldNumber) != forecaster) {
    return VerificationFailed(
        Cat("the forecast ", name, " was sealed for another ledger, question or forecaster"));
  }
  open_.erase(seal);
  ++counts_.revealed;
  return absl::OkStatus();
}

// One line of counts, then one line a seal that is not revealed:
//
//   "seals" sealed revealed
//   "seal" digest-in-hexadecimal forecaster question/forecast
std::string SealChecker::Save() const {
  if (counts_.sealed == 0) return "";
  std::string text = Cat("seals ", counts_.sealed, " ", counts_.revealed, "\n");
  for (const auto& [name, seal] : open_) {
    absl::StrAppend(&text, "seal ", absl::BytesToHexString(seal.digest), " ", seal.forecaster, " ",
                    name, "\n");
  }
  return text;
}

absl::Status SealChecker::Load(const std::vector<std::string_view>& lines) {
  for (const std::string_view line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(ToAbsl(line), ' ');
    if (parts.size() == 3 && parts[0] == "seals") {
      if (!absl::SimpleAtoi(parts[1], &counts_.sealed) ||
          !absl::SimpleAtoi(parts[2], &counts_.revealed)) {
        return BadState("has a bad line of seals");
      }
    } else if (parts.size() == 4 && parts[0] == "seal") {
      open_[parts[3]] = {parts[2], absl::HexStringToBytes(parts[1])};
    } else {
      return BadState("has a bad line of a seal");
    }
  }
  return absl::OkStatus();
}

}  // namespace credence::client
