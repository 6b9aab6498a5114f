#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/scoring/rules.h"
#include "credence/scoring/score.h"
#include "credence/v1/score_service.pb.h"
#include "state/state.h"

// Skill against a reference: a subject, or the base rate. Pure functions.
namespace credence::server {

// The forecast that says on every yes/no question how often these came out yes: it knows the
// outcomes' mean, and nothing else.
inline constexpr std::string_view kBaseRate = "base-rate";

// OK for kBaseRate and what CheckSubject takes.
[[nodiscard]] absl::Status CheckReference(std::string_view reference, std::string_view field);

// The share of the first of two states in how the question ended at `at`; absent for other states
// and where it is not scored.
[[nodiscard]] std::optional<double> ShareOfFirst(const QuestionState& question, absl::Time at);

// The rule's scores of the mean of `shares` on a question for each of them; absent for rules that
// compare with others or that a yes/no question does not have.
[[nodiscard]] absl::StatusOr<std::optional<std::vector<scoring::Score>>> BaseRateScores(
    const scoring::Rule& rule, const std::vector<double>& shares);

// The skill of a mean over a reference's; absent where the rule has no perfect score, or none can
// be said.
[[nodiscard]] std::optional<double> SkillOf(const scoring::Rule& rule, double mean,
                                            double reference_mean);

// One subject's scores beside those of a reference on the same questions, by rule; live and
// backfilled scores apart.
class SkillPairs {
 public:
  // Of all rules where `rule` is null. `reference` must outlive the pairs.
  SkillPairs(std::string_view reference, const scoring::Rule* rule, absl::Time at)
      : reference_(reference), rule_(rule), at_(at) {}

  // Takes what the subject and the reference have in a version of the question's scores.
  void Add(const QuestionState& question, const ScoreVersionState& version,
           const SubjectScoreState& subject);
  // Live ones first, in the order of the registry.
  [[nodiscard]] absl::StatusOr<std::vector<v1::RuleSkill>> Skills() const;

 private:
  struct Pair {
    std::vector<scoring::Score> own;
    // One of these is filled.
    std::vector<scoring::Score> reference;
    std::vector<double> shares;
  };
  using Key = std::pair<bool, std::string_view>;

  // One of `other` and `share` is there.
  void AddRule(const scoring::Rule& rule, size_t index, const SubjectScoreState& subject,
               const SubjectScoreState* other, std::optional<double> share);

  std::string_view reference_;
  const scoring::Rule* rule_;
  absl::Time at_;
  // By whether it is backfilled, and rule id.
  std::map<Key, Pair> pairs_;
};

}  // namespace credence::server
