#include "engine/write_options.h"

#include <algorithm>
#include <string_view>

#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

absl::Status CheckOption(std::string_view text, std::string_view field) {
  CREDENCE_RETURN_IF_ERROR(CheckText(text, field, kOptionBytesMax));
  const bool printable = std::none_of(text.begin(), text.end(), [](char character) {
    const auto code = static_cast<unsigned char>(character);
    return code < 0x20 || code == 0x7f;
  });
  if (!printable) return InvalidField("FIELD_INVALID", field, "must not hold control characters");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecideFacts> FactsOf(const v1::WriteOptions& options) {
  CREDENCE_RETURN_IF_ERROR(CheckOption(options.request_id(), "options.request_id"));
  CREDENCE_RETURN_IF_ERROR(CheckOption(options.actor(), "options.actor"));
  if (options.has_expected_revision() && options.expected_revision() < 0) {
    return InvalidField("FIELD_INVALID", "options.expected_revision", "must not be negative");
  }
  DecideFacts facts;
  facts.actor = options.actor().empty() ? "anonymous" : options.actor();
  if (options.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(facts.effective_time,
                              ParseTime(options.effective_time(), "options.effective_time"));
  }
  return facts;
}

absl::Status CheckNotInFuture(const DecideFacts& facts) {
  if (!facts.effective_time.has_value() || *facts.effective_time <= facts.record_time) {
    return absl::OkStatus();
  }
  return InvalidField("TIME_INVALID", "options.effective_time",
                      Cat("must not lie after the record time, ", TimeText(facts.record_time)));
}

}  // namespace credence::server
