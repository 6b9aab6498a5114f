#pragma once

#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/cli/context.h"
#include "credence/event/v1/envelope.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/question_service.pb.h"

// What the forms of `credence extract` share.
namespace credence::cli {

struct ExtractFlags {
  std::string directory;
  std::string tag;
};

// A form of files that questions and forecasts are written in.
using Extractor = absl::Status (*)(CliContext&, const ExtractFlags&);

// The rows of other systems' files, as they were imported: see import/formats.h.
[[nodiscard]] absl::Status ExtractMetaculus(CliContext& context, const ExtractFlags& flags);
[[nodiscard]] absl::Status ExtractGoodJudgment(CliContext& context, const ExtractFlags& flags);
[[nodiscard]] absl::Status ExtractForecastBench(CliContext& context, const ExtractFlags& flags);
[[nodiscard]] absl::Status ExtractManifold(CliContext& context, const ExtractFlags& flags);
// Everything that `import jsonl` reads, what other systems said of it included.
[[nodiscard]] absl::Status ExtractLines(CliContext& context, const ExtractFlags& flags);

// One record of RFC 4180.
void WriteRow(std::ostream& out, const std::vector<std::string>& fields);

// The shortest number that reads back as the same, without an exponent unless it is very small.
[[nodiscard]] std::string Plain(double number);

// The value of an attribute; empty where it has none.
[[nodiscard]] std::string AttributeOf(const v1::Question& question, const std::string& key);

// How an event ended a question or mended its end: 1 for yes, 0 for no, or the fraction in between;
// nothing where it is no such event, or the outcome is none of a market.
struct MarketEnd {
  bool amends = false;
  double value = 0.0;
  std::string rationale;
};
[[nodiscard]] std::optional<MarketEnd> MarketEndOf(const event::v1::EventEnvelope& envelope);

// How a question ended, as tables state it; empty where it has not.
[[nodiscard]] std::string OutcomeText(const v1::Question& question);
[[nodiscard]] bool IsYesNo(const v1::Question& question);

// Calls `visit` with each question that the flags select, by id, until one fails.
absl::Status ForEachQuestion(CliContext& context, const ExtractFlags& flags,
                             absl::FunctionRef<absl::Status(const v1::Question&)> visit);
// The same of the forecasts and withdrawals on a question, in the order of their positions.
absl::Status ForEachForecast(CliContext& context, const std::string& question,
                             absl::FunctionRef<void(const v1::Forecast&)> visit);

// The same of the events of a question's stream.
absl::Status ForEachEvent(CliContext& context, const std::string& question,
                          absl::FunctionRef<void(const event::v1::EventEnvelope&)> visit);

// A new file in the directory, which is made where need be.
[[nodiscard]] absl::StatusOr<std::ofstream> OpenFile(const ExtractFlags& flags,
                                                     const std::string& name);

// OK where everything was written.
[[nodiscard]] absl::Status CheckWritten(bool good);

}  // namespace credence::cli
