#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "yaml_message.h"

// Files that `credence apply` takes: what a ledger shall hold, as one or more YAML documents (JSON
// is read as YAML). Each document is a mapping:
//
//   kind: Source | Forecaster | GradeTable | Network | Question | Evidence | Forecast | Withdrawal
//   |
//         Retraction | Resolution | EvidenceList | ForecastList
//   id:            id of the thing. Required but for GradeTable, Withdrawal and Resolution, which
//   have
//                  none; Evidence and Forecast without one get an id made from their content. For a
//                  Retraction it is the id of the evidence.
//   parent:        networks/NETWORK or questions/QUESTION of Evidence and Retraction,
//                  questions/QUESTION of Forecast, Withdrawal and Resolution
//   actor:         who writes; else the flag --actor
//   effectiveTime: when the statement counted; a bare date means 12:00Z for Evidence, else 00:00Z
//   backfill:      true: Evidence without effectiveTime counts from its occur time
//   spec:          the thing, in the JSON form of the API's message Source, Forecaster, GradeTable,
//                  Network, Question, Evidence, Forecast or Resolution; of WithdrawForecastRequest
//                  (forecaster, rationale) for a Withdrawal and of RetractEvidenceRequest
//                  (rationale) for a Retraction. See yaml_message.h for the scalars.
//
// EvidenceList and ForecastList have `items` in place of `id` and `spec`: a list of mappings with
// id, effectiveTime and spec, which share the document's parent, actor and backfill.
//
//   kind: EvidenceList
//   parent: networks/afghanistan-2021
//   backfill: true
//   items:
//     - id: inauguration-declined
//       spec:
//         model:
//           node: russia-recognizes
//           summary: Russia declines the planned inauguration
//           occurTime: 2021-09-06
//           grade: B2
//           likelihoodRatio: 0.5
//
// The whole file is read and checked before anything is written. Sources, forecasters, the grade
// table, networks and questions come first, in this order, then everything dated, in the order of
// effective times; what has none counts from now on and comes last. Where these are equal the order
// of the file holds.
namespace credence::cli {

// Kinds in the order in which they are applied; those from kEvidence on are dated and share a turn.
enum class DeclarationKind {
  kSource,
  kForecaster,
  kGradeTable,
  kNetwork,
  kQuestion,
  kEvidence,
  kForecast,
  kWithdrawal,
  kRetraction,
  kResolution,
};

// Name of a kind as files give it.
[[nodiscard]] std::string KindName(DeclarationKind kind);

// One thing that a file declares.
struct Declaration {
  DeclarationKind kind = DeclarationKind::kSource;
  std::string id;
  std::string parent;
  std::string actor;
  std::optional<absl::Time> effective_time;
  std::unique_ptr<google::protobuf::Message> spec;
  Place place;
};

// What names a declaration to people: "Evidence networks/n/evidence/e", "Source wire".
[[nodiscard]] std::string Describe(const Declaration& declaration);

// Request id of a write: a function of what is written, so that a second run repeats the first.
// `circumstance` tells apart writes of one content that are meant to happen again, such as a return
// to an earlier model.
[[nodiscard]] std::string RequestIdOf(const Declaration& declaration,
                                      const std::string& circumstance);

// Reads a file and puts its declarations in the order of application.
[[nodiscard]] absl::StatusOr<std::vector<Declaration>> ParseApplyFile(const std::string& file,
                                                                      const std::string& text);

// Puts declarations, perhaps of several files, in the order of application, and checks that nothing
// is declared twice.
[[nodiscard]] absl::Status OrderDeclarations(std::vector<Declaration>* declarations);

}  // namespace credence::cli
