#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "credence/cli/context.h"
#include "credence/cli/table.h"
#include "credence/v1/score_service.pb.h"

// What the commands on scores share.
namespace credence::cli {

void AddScoreLeaderboard(CLI::App* noun, CliContext& context);
void AddScoreCalibration(CLI::App* noun, CliContext& context);
void AddScoreCompare(CLI::App* noun, CliContext& context);

// A forecaster's id stands for its full name; the model, the pools, sources and the base rate have
// names of their own.
[[nodiscard]] std::string SubjectName(const std::string& subject);

// A mean to four digits, exact for spreadsheets; "infinite" where it is absent.
[[nodiscard]] Table::Cell MeanCell(bool finite, double mean);

// A number where there is one, else nothing.
[[nodiscard]] Table::Cell OptionalCell(bool present, double value);

// "412 questions ended, 400 scored, 9 void, 1 ambiguous, 2 annulled: void rate 2.91 %".
[[nodiscard]] std::string SettlementText(const v1::Settlement& settlement);

// A line on questions that changed materially after forecasts that counted; empty where none did.
[[nodiscard]] std::string AcrossVersionsText(int64_t count);

// Which scores a report is made of.
struct ScoreFilterFlags {
  std::string tag;
  std::string effective_time;
  bool backfilled = false;
};
void AddScoreFilterFlags(CLI::App* command, ScoreFilterFlags* flags);
[[nodiscard]] absl::StatusOr<v1::ScoreFilter> MakeScoreFilter(const CliContext& context,
                                                              const ScoreFilterFlags& flags);

// Form of a reliability diagram.
struct DiagramStyle {
  int width = 61;
  int height = 21;
  bool unicode = true;
};

// Draws observed rates over forecasts, with the diagonal and the band around it, and below how many
// forecasts lie where.
void WriteReliabilityDiagram(const v1::GetCalibrationResponse& response, const DiagramStyle& style,
                             std::ostream& out);

// Draws a mean over time.
void WriteScoreHistory(const google::protobuf::RepeatedPtrField<v1::ScorePoint>& history,
                       const DiagramStyle& style, std::ostream& out);

}  // namespace credence::cli
