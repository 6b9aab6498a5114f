#include "query/coherence.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/strip.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"
#include "query/find.h"
#include "query/recorded.h"

namespace credence::server {
namespace {

// Numbers that differ by less agree.
constexpr double kExcessMin = 1e-9;

constexpr std::string_view kModel = "model";

using Numbers = std::map<std::string, double>;

v1::QuestionProbability Stated(const std::string& id, double probability) {
  v1::QuestionProbability stated;
  stated.set_question(Cat("questions/", id));
  stated.set_probability(probability);
  return stated;
}

// The questions whose first state follows from that of `id` by one declaration.
std::vector<std::string> FollowingFrom(const State& state, const std::string& id) {
  const QuestionState* question = state.questions.Find(id);
  if (question == nullptr || question->relations == nullptr) return {};
  std::vector<std::string> following = question->relations->implied;
  const std::vector<std::string>& conjuncts = question->relations->conjuncts;
  following.insert(following.end(), conjuncts.begin(), conjuncts.end());
  return following;
}

// Finds the alarms of one subject.
class Finder {
 public:
  Finder(const State& state, std::string subject, const Numbers& numbers)
      : state_(state), subject_(std::move(subject)), numbers_(numbers) {}

  std::vector<v1::CoherenceAlarm> Find() {
    for (const std::string& id : state_.related_questions.SortedIds()) {
      const auto number = numbers_.find(id);
      if (number == numbers_.end()) continue;
      FindDisorder(id, number->second);
      const QuestionRelations& relations = *state_.questions.Find(id)->relations;
      if (!relations.conjuncts.empty()) CheckConjunction(id, number->second, relations.conjuncts);
    }
    return std::move(alarms_);
  }

 private:
  v1::CoherenceAlarm& Add(v1::CoherenceAlarmKind kind, const std::string& id, double probability,
                          double bound, double excess) {
    v1::CoherenceAlarm& alarm = alarms_.emplace_back();
    alarm.set_kind(kind);
    alarm.set_subject(subject_);
    *alarm.mutable_question() = Stated(id, probability);
    alarm.set_bound(bound);
    alarm.set_excess(excess);
    return alarm;
  }

  // Follows the declarations from `id` up to the first number on each way.
  void FindDisorder(const std::string& id, double probability) {
    const QuestionRelations& own = *state_.questions.Find(id)->relations;
    absl::flat_hash_set<std::string> seen = {id};
    std::vector<std::string> open = FollowingFrom(state_, id);
    while (!open.empty()) {
      const std::string next = std::move(open.back());
      open.pop_back();
      if (!seen.insert(next).second) continue;
      const auto number = numbers_.find(next);
      if (number == numbers_.end()) {
        const std::vector<std::string> further = FollowingFrom(state_, next);
        open.insert(open.end(), further.begin(), further.end());
        continue;
      }
      const bool is_conjunct =
          std::find(own.conjuncts.begin(), own.conjuncts.end(), next) != own.conjuncts.end();
      const double excess = probability - number->second;
      // A part that is less probable than the whole is told of with the bounds of the whole.
      if (is_conjunct || !(excess > kExcessMin)) continue;
      *Add(v1::COHERENCE_ALARM_KIND_ORDER, id, probability, number->second, excess).add_related() =
          Stated(next, number->second);
    }
  }

  void CheckConjunction(const std::string& id, double probability,
                        const std::vector<std::string>& conjuncts) {
    Numbers known;
    double sum = 0.0;
    for (const std::string& conjunct : conjuncts) {
      const auto number = numbers_.find(conjunct);
      if (number == numbers_.end()) continue;
      known.emplace(*number);
      sum += number->second;
    }
    if (known.empty()) return;
    const auto least =
        std::min_element(known.begin(), known.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (probability - least->second > kExcessMin) {
      *Add(v1::COHERENCE_ALARM_KIND_JOINT_ABOVE, id, probability, least->second,
           probability - least->second)
           .add_related() = Stated(least->first, least->second);
    }
    if (known.size() < conjuncts.size()) return;
    const double bound = sum - static_cast<double>(conjuncts.size() - 1);
    if (!(bound - probability > kExcessMin)) return;
    v1::CoherenceAlarm& alarm =
        Add(v1::COHERENCE_ALARM_KIND_JOINT_BELOW, id, probability, bound, bound - probability);
    for (const auto& [part, number] : known) *alarm.add_related() = Stated(part, number);
  }

  const State& state_;
  const std::string subject_;
  const Numbers& numbers_;
  std::vector<v1::CoherenceAlarm> alarms_;
};

bool IsAbout(const v1::CoherenceAlarm& alarm, const std::string& question) {
  if (question.empty() || alarm.question().question() == question) return true;
  return std::any_of(alarm.related().begin(), alarm.related().end(),
                     [&](const auto& related) { return related.question() == question; });
}

// Whether the question ended without an answer that its numbers could be about.
bool EndedUnanswered(const ResolutionState* end) {
  return end != nullptr && (end->annulled || !end->scored());
}

}  // namespace

absl::StatusOr<CoherenceFilter> ReadCoherenceFilter(const State& state, const std::string& parent,
                                                    const std::string& subject) {
  CoherenceFilter filter;
  if (!parent.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question, FindQuestion(state, parent, "parent"));
    filter.question = question->id;
  }
  if (!subject.empty() && subject != kModel) {
    const absl::StatusOr<std::string> id = ParseName(subject, "forecasters", "subject");
    if (!id.ok()) {
      return InvalidField("NAME_INVALID", "subject",
                          "must be `model` or have the form forecasters/{forecaster}");
    }
  }
  filter.subject = subject;
  return filter;
}

absl::flat_hash_set<std::string> RelatedQuestions(const State& state) {
  absl::flat_hash_set<std::string> related;
  state.related_questions.ForEach([&](const std::string& id, bool) {
    related.insert(id);
    for (std::string& following : FollowingFrom(state, id)) related.insert(std::move(following));
  });
  return related;
}

StatedNumbers StandingNumbers(const State& state) {
  StatedNumbers numbers;
  for (const std::string& id : RelatedQuestions(state)) {
    const QuestionState* question = state.questions.Find(id);
    if (question == nullptr) continue;
    const ResolutionState* end = question->EndAt(absl::InfiniteFuture());
    if (EndedUnanswered(end)) continue;
    if (question->published.has_value()) {
      numbers[std::string(kModel)][id] = question->published->probabilities.front();
    }
    if (end != nullptr) continue;
    question->standing.ForEach([&](const std::string& forecaster, const StandingForecast& stated) {
      numbers[Cat("forecasters/", forecaster)][id] = stated.probabilities.front();
    });
  }
  return numbers;
}

absl::StatusOr<StatedNumbers> StandingNumbers(const ledger::Log& log, const State& state,
                                              std::optional<absl::Time> time,
                                              ledger::Position last) {
  if (!time.has_value()) return StandingNumbers(state);
  StatedNumbers numbers;
  for (const std::string& id : RelatedQuestions(state)) {
    const QuestionState* question = state.questions.Find(id);
    if (question == nullptr) continue;
    const ResolutionState* end = question->EndAt(*time);
    if (EndedUnanswered(end)) continue;
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> published,
                              PublishedAt(log, *question, *time, last));
    if (!published.empty()) numbers[std::string(kModel)][id] = published.front();
    if (end != nullptr) continue;
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<RecordedForecast> forecasts,
                              StandingAt(log, *question, *time, last));
    for (const RecordedForecast& forecast : forecasts) {
      numbers[Cat("forecasters/", forecast.forecaster)][id] = forecast.probabilities.front();
    }
  }
  return numbers;
}

std::vector<v1::CoherenceAlarm> FindCoherenceAlarms(const State& state,
                                                    const StatedNumbers& numbers,
                                                    const CoherenceFilter& filter) {
  const std::string question =
      filter.question.empty() ? std::string() : Cat("questions/", filter.question);
  std::vector<v1::CoherenceAlarm> alarms;
  for (const auto& [subject, stated] : numbers) {
    if (!filter.subject.empty() && subject != filter.subject) continue;
    for (v1::CoherenceAlarm& alarm : Finder(state, subject, stated).Find()) {
      if (IsAbout(alarm, question)) alarms.push_back(std::move(alarm));
    }
  }
  std::stable_sort(alarms.begin(), alarms.end(), [](const auto& a, const auto& b) {
    return std::forward_as_tuple(-a.excess(), a.subject(), a.question().question()) <
           std::forward_as_tuple(-b.excess(), b.subject(), b.question().question());
  });
  return alarms;
}

}  // namespace credence::server
