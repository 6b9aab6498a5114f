#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/event/v1/numeric_model.pb.h"

// What an import is about to record, the same for every format: a format's reader fills a Plan,
// Finish puts it in order and finds what is wrong with it, and import_run.h sends it.
namespace credence::cli {

// A line of a file; the files are numbered by Plan::AddFile.
struct Place {
  size_t file = 0;
  int64_t line = 0;
};

// What the source says and the ledger gives no meaning to: column and value.
using Attributes = std::vector<std::pair<std::string, std::string>>;

struct PlannedQuestion {
  // Id in the ledger.
  std::string id;
  std::string title;
  std::string resolution_criteria;
  // Empty for yes and no, and where it asks for a number.
  std::vector<std::string> states;
  // Whether the states have an order.
  bool ordered = false;
  // Whether it asks for a number, and in which unit.
  bool numeric = false;
  std::string unit;
  std::optional<absl::Time> open_time;
  std::optional<absl::Time> close_time;
  std::vector<std::string> tags;
  Attributes attributes;
  Place place;
  // When it is put; Finish sets it.
  absl::Time effective_time;
};

struct PlannedForecaster {
  std::string id;
  std::string display_name;
};

// How a question ended.
struct PlannedEnd {
  enum class Kind { kState, kFraction, kNumber, kVoid, kAmbiguous, kAnnulled };
  Kind kind = Kind::kState;
  std::string outcome;
  double fraction = 0.0;
  double number = 0.0;
  std::string rationale;
};

struct PlannedRow {
  enum class Kind { kForecast, kWithdrawal, kEnd };
  Kind kind = Kind::kForecast;
  size_t question = 0;
  // Of forecasts and withdrawals.
  size_t forecaster = 0;
  absl::Time time;
  // One for yes, or one for each state.
  std::vector<double> probabilities;
  // Index of the distribution, in place of probabilities where the question asks for a number.
  std::optional<size_t> distribution;
  // Index of the row's attributes and of its end; absent where it has none.
  std::optional<size_t> attributes;
  std::optional<size_t> end;
  // An end after an earlier one.
  bool amends = false;
  Place place;
};

// How far a format's times are trusted.
struct PlanOptions {
  // Widens a question's open time where the source's is missing or does not hold all of its
  // forecasts; else a forecast outside it is a problem.
  bool widen_windows = true;
  // Nothing is recorded before it happens.
  absl::Time now = absl::Now();
  // Rows with a problem are left out and counted instead of stopping the import.
  bool skip_problems = false;
};

class Plan {
 public:
  explicit Plan(const PlanOptions& options) : options_(options) {}

  // Number of a file, for places.
  size_t AddFile(const std::string& name);

  // Adds a question under the source's own id. A second one of the same id is a problem.
  void AddQuestion(const std::string& external_id, PlannedQuestion question);
  [[nodiscard]] std::optional<size_t> FindQuestion(std::string_view external_id) const;
  // More of what the source says of a question of the plan.
  void AddAttributes(size_t question, Attributes attributes);

  // The forecaster under the source's own name, added when first asked for.
  size_t Forecaster(const std::string& external_id);

  void AddRow(PlannedRow row) { rows_.push_back(std::move(row)); }
  size_t AddAttributes(Attributes attributes);
  size_t AddDistribution(event::v1::NumericDistribution distribution);
  size_t AddEnd(PlannedEnd end);
  // The row that ends a question of the plan, by the source's own name of it.
  void AddEndRow(Place place, const std::string& question, absl::Time time, PlannedEnd end);

  // Something that is wrong and must be put right; with skip_problems it counts as skipped.
  void AddProblem(Place place, std::string_view why);
  // Something that is right but has no place here.
  void Skip(Place place, const std::string& why);
  // Something worth saying that leaves nothing out.
  void Note(const std::string& what) { ++notes_[what]; }

  // Puts the rows in the order of their times, sets the questions' times, and finds what does not
  // fit together. INVALID_ARGUMENT naming file and line of each problem, 100 at most.
  [[nodiscard]] absl::Status Finish();

  struct Skipped {
    int64_t count = 0;
    Place first;
  };

  [[nodiscard]] const std::vector<PlannedQuestion>& questions() const { return questions_; }
  [[nodiscard]] const std::vector<PlannedForecaster>& forecasters() const { return forecasters_; }
  [[nodiscard]] const std::vector<PlannedRow>& rows() const { return rows_; }
  [[nodiscard]] const Attributes& attributes(size_t index) const { return attributes_[index]; }
  [[nodiscard]] const PlannedEnd& end(size_t index) const { return ends_[index]; }
  [[nodiscard]] const event::v1::NumericDistribution& distribution(size_t index) const {
    return distributions_[index];
  }
  [[nodiscard]] const std::map<std::string, Skipped>& skipped() const { return skipped_; }
  [[nodiscard]] const std::map<std::string, int64_t>& notes() const { return notes_; }
  [[nodiscard]] std::string PlaceText(Place place) const;

 private:
  void NoteCut();
  void CutTexts(Attributes& attributes);
  [[nodiscard]] bool Good(const PlannedRow& row);
  void OrderRows();
  void CheckSequence();
  void SetTimes();

  PlanOptions options_;
  std::vector<std::string> files_;
  std::vector<PlannedQuestion> questions_;
  absl::flat_hash_map<std::string, size_t> question_index_;
  absl::flat_hash_set<std::string> question_ids_;
  std::vector<PlannedForecaster> forecasters_;
  absl::flat_hash_map<std::string, size_t> forecaster_index_;
  absl::flat_hash_set<std::string> forecaster_ids_;
  std::vector<PlannedRow> rows_;
  std::vector<Attributes> attributes_;
  std::vector<PlannedEnd> ends_;
  std::vector<event::v1::NumericDistribution> distributions_;
  std::vector<std::string> problems_;
  int64_t problem_count_ = 0;
  std::map<std::string, Skipped> skipped_;
  std::map<std::string, int64_t> notes_;
};

// An id of the ledger for a name of another system: a label of lower-case letters, digits and
// hyphens that begins with a letter. Where that loses something of the name or has no room for it,
// a digest of the name ends it, so that different names have different ids.
[[nodiscard]] std::string LedgerId(std::string_view name, char first_letter);

}  // namespace credence::cli
