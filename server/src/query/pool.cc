#include "query/pool.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "convert/numeric.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/pool.h"
#include "credence/scoring/weights.h"
#include "decide/checks.h"
#include "decide/numeric_scores.h"
#include "decide/pool_policy.h"
#include "decide/read_forecast.h"
#include "engine/stream_reader.h"
#include "query/convert.h"
#include "query/find.h"
#include "query/recorded.h"

namespace credence::server {
namespace {

using event::v1::PoolPolicy;

// Rule of the scores that weigh a forecaster.
constexpr std::string_view kRecordRule = "brier.half.timeweighted";

absl::StatusOr<PoolPolicy> PolicyOf(const v1::GetPoolRequest& request,
                                    const QuestionState& question) {
  PoolPolicy policy;
  if (request.has_policy()) {
    policy = request.policy();
  } else if (question.pool.has_value()) {
    policy = *question.pool;
  }
  if (request.method() != event::v1::POOL_METHOD_UNSPECIFIED &&
      request.method() != policy.method()) {
    policy.set_method(request.method());
    // What goes with the other method means nothing here.
    if (!request.has_policy()) {
      policy.clear_extremizing_factor();
      policy.clear_baseline_probabilities();
    }
  }
  CREDENCE_RETURN_IF_ERROR(
      CheckPoolPolicy(policy, question.numeric, question.states.size(), "policy"));
  return policy;
}

// The forecasts of the projection that counted by `time`, by forecaster.
std::vector<RecordedForecast> StandingIn(const QuestionState& question, absl::Time time) {
  std::vector<RecordedForecast> members;
  for (const std::string& id : question.standing.SortedIds()) {
    const StandingForecast& standing = *question.standing.Find(id);
    if (standing.effective_time > time) continue;
    RecordedForecast& member = members.emplace_back();
    member.forecaster = id;
    member.effective_time = standing.effective_time;
    member.probabilities = standing.probabilities;
    member.distribution = standing.distribution;
  }
  return members;
}

// What stands, by forecaster, so that no sum depends on the order in a map.
absl::StatusOr<std::vector<RecordedForecast>> Members(const ledger::Log& log,
                                                      const v1::GetPoolRequest& request,
                                                      const QuestionState& question,
                                                      absl::Time time, ledger::Position last) {
  if (request.has_effective_time()) return StandingAt(log, question, time, last);
  return StandingIn(question, absl::InfiniteFuture());
}

void MultiplyByRecency(const std::vector<RecordedForecast>& members, std::vector<double>& weights) {
  std::vector<size_t> by_age(members.size());
  std::iota(by_age.begin(), by_age.end(), size_t{0});
  std::stable_sort(by_age.begin(), by_age.end(), [&members](size_t left, size_t right) {
    return members[left].effective_time < members[right].effective_time;
  });
  const std::vector<double> recency = scoring::RecencyWeights(members.size());
  for (size_t n = 0; n < by_age.size(); ++n) weights[by_age[n]] *= recency[n];
}

// Weights from the members' scores on questions that were scored by `time`; `question` itself is
// not among them.
std::vector<double> RecordWeights(const State& state, const QuestionState& question,
                                  const std::vector<RecordedForecast>& members, absl::Time time) {
  struct Record {
    double sum = 0.0;
    size_t count = 0;
  };
  absl::flat_hash_map<std::string, Record> records;
  for (const RecordedForecast& member : members) {
    records.emplace(Cat("forecasters/", member.forecaster), Record());
  }
  // In order of their ids, so that the sums are always the same.
  for (const std::string& id : state.questions.SortedIds()) {
    if (id == question.id) continue;
    const ScoreVersionState* version = state.questions.Find(id)->ScoresAt(time);
    if (version == nullptr) continue;
    const std::optional<size_t> found = version->FindRule(kRecordRule);
    if (!found.has_value()) continue;
    const size_t rule = found.value_or(0);
    for (const SubjectScoreState& subject : version->subjects) {
      if (!std::isfinite(subject.values[rule])) continue;
      const auto record = records.find(subject.subject);
      if (record == records.end()) continue;
      record->second.sum += subject.values[rule];
      ++record->second.count;
    }
  }
  std::vector<double> weights;
  for (const RecordedForecast& member : members) {
    const Record& record = records.at(Cat("forecasters/", member.forecaster));
    weights.push_back(scoring::RecordWeight(record.sum, record.count));
  }
  return weights;
}

std::vector<double> WeightsOf(const State& state, const QuestionState& question,
                              const PoolPolicy& policy,
                              const std::vector<RecordedForecast>& members, absl::Time time) {
  std::vector<double> weights(members.size(), 1.0);
  if (UsesRecency(policy.weighting())) MultiplyByRecency(members, weights);
  if (UsesRecords(policy.weighting())) {
    const std::vector<double> records = RecordWeights(state, question, members, time);
    for (size_t i = 0; i < members.size(); ++i) weights[i] *= records[i];
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

// The posterior that goes with the request's instant; empty where there is none.
absl::StatusOr<std::vector<double>> ModelOf(const ledger::Log& log,
                                            const v1::GetPoolRequest& request,
                                            const QuestionState& question, absl::Time time,
                                            ledger::Position last) {
  if (request.has_effective_time()) return PublishedAt(log, question, time, last);
  return question.published.has_value() ? question.published->probabilities : std::vector<double>();
}

absl::Status Combine(const QuestionState& question, const std::vector<double>& pooled,
                     const std::vector<double>& model, double model_weight,
                     v1::GetPoolResponse& response) {
  if (model.empty()) return absl::OkStatus();
  AddProbabilities(question.states, model, *response.mutable_model_probabilities());
  const std::vector<std::span<const double>> both = {pooled, model};
  const std::vector<double> weights = {1.0 - model_weight, model_weight};
  scoring::PoolOptions log_pool;
  log_pool.method = scoring::PoolMethod::kLogarithmic;
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> combined,
                            scoring::Pool(both, weights, log_pool));
  AddProbabilities(question.states, combined, *response.mutable_combined_probabilities());
  return absl::OkStatus();
}

absl::StatusOr<event::v1::NumericDistribution> PoolNumbers(
    const std::vector<RecordedForecast>& members) {
  std::vector<forecaster::Distribution> distributions;
  for (const RecordedForecast& member : members) {
    CREDENCE_ASSIGN_OR_RETURN(forecaster::Distribution distribution,
                              ToDistribution(*member.distribution));
    distributions.push_back(std::move(distribution));
  }
  return ToMessage(PoolQuantiles(distributions));
}

void FillMembers(const std::vector<RecordedForecast>& members, const std::vector<double>& weights,
                 v1::GetPoolResponse& response) {
  for (size_t i = 0; i < members.size(); ++i) {
    v1::PoolMember& member = *response.add_members();
    member.set_forecaster(Cat("forecasters/", members[i].forecaster));
    member.set_weight(weights[i]);
    SetTime(members[i].effective_time, *member.mutable_effective_time());
  }
}

absl::StatusOr<std::vector<double>> PoolStates(const PoolPolicy& policy,
                                               const std::vector<RecordedForecast>& members,
                                               const std::vector<double>& weights) {
  std::vector<std::span<const double>> views;
  for (const RecordedForecast& member : members) views.emplace_back(member.probabilities);
  // Told that they are equal, the median need not find out from sums of fractions.
  const bool equal = !UsesRecency(policy.weighting()) && !UsesRecords(policy.weighting());
  return scoring::Pool(views, equal ? std::span<const double>() : std::span(weights),
                       ToPoolOptions(policy));
}

// Puts a forecast among those that stand, in place of its forecaster's.
void Suppose(RecordedForecast supposed, std::vector<RecordedForecast>& members) {
  const auto place = std::lower_bound(
      members.begin(), members.end(), supposed.forecaster,
      [](const RecordedForecast& member, const std::string& id) { return member.forecaster < id; });
  if (place != members.end() && place->forecaster == supposed.forecaster) {
    *place = std::move(supposed);
  } else {
    members.insert(place, std::move(supposed));
  }
}

}  // namespace

bool NeedsRecords(const v1::GetPoolRequest& request) {
  // Without a policy of its own the question's applies, which may ask for records.
  return !request.has_policy() || UsesRecords(request.policy().weighting());
}

absl::StatusOr<RecordedForecast> PoolStanding(const State& state, const QuestionState& question,
                                              const PoolPolicy& policy, absl::Time time) {
  return PoolMembers(state, question, policy, StandingIn(question, time), time);
}

absl::StatusOr<RecordedForecast> PoolMembers(const State& state, const QuestionState& question,
                                             const PoolPolicy& policy,
                                             const std::vector<RecordedForecast>& members,
                                             absl::Time time) {
  RecordedForecast pool;
  pool.effective_time = time;
  if (members.empty()) return pool;
  if (question.numeric) {
    CREDENCE_ASSIGN_OR_RETURN(pool.distribution, PoolNumbers(members));
    return pool;
  }
  const std::vector<double> weights = WeightsOf(state, question, policy, members, time);
  auto pooled = PoolStates(policy, members, weights);
  if (pooled.ok()) {
    pool.probabilities = *std::move(pooled);
  } else if (!absl::IsFailedPrecondition(pooled.status())) {
    return pooled.status();
  }
  return pool;
}

absl::Status PoolForecasts(const ledger::Log& log, const State& state, absl::Time now,
                           ledger::Position last, const v1::GetPoolRequest& request,
                           v1::GetPoolResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(state, request.parent(), "parent"));
  CREDENCE_ASSIGN_OR_RETURN(const PoolPolicy policy, PolicyOf(request, *question));
  absl::Time time = now;
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(time, ParseTime(request.effective_time(), "effective_time"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<RecordedForecast> members,
                            Members(log, request, *question, time, last));
  const auto default_method =
      question->numeric ? event::v1::POOL_METHOD_MEDIAN : event::v1::POOL_METHOD_LOG;
  response.set_method(policy.method() == event::v1::POOL_METHOD_UNSPECIFIED ? default_method
                                                                            : policy.method());
  response.set_weighting(policy.weighting() == event::v1::POOL_WEIGHTING_UNSPECIFIED
                             ? event::v1::POOL_WEIGHTING_EQUAL
                             : policy.weighting());
  response.set_forecast_count(static_cast<int64_t>(members.size()));
  if (members.empty()) return absl::OkStatus();
  const std::vector<double> weights = WeightsOf(state, *question, policy, members, time);
  FillMembers(members, weights, response);
  if (question->numeric) {
    CREDENCE_ASSIGN_OR_RETURN(const event::v1::NumericDistribution pooled, PoolNumbers(members));
    *response.mutable_numeric() = Describe(pooled, DefaultLevels());
    return absl::OkStatus();
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> pooled, PoolStates(policy, members, weights));
  AddProbabilities(question->states, pooled, *response.mutable_probabilities());
  if (Extremizes(policy.method())) {
    response.set_extremizing_factor(policy.has_extremizing_factor()
                                        ? policy.extremizing_factor()
                                        : scoring::NeymanRoughgardenFactor(members.size()));
  }
  if (!policy.has_model_weight()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> model,
                            ModelOf(log, request, *question, time, last));
  return Combine(*question, pooled, model, policy.model_weight(), response);
}

absl::Status SimulatePool(const State& state, absl::Time now,
                          const v1::SimulatePoolRequest& request,
                          v1::SimulatePoolResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(state, request.parent(), "parent"));
  absl::StatusOr<RecordedForecast> supposed = ReadForecast(*question, request.forecast());
  if (!supposed.ok()) return WithFieldPrefix(supposed.status(), "forecast");
  supposed->effective_time = now;
  std::vector<RecordedForecast> members = StandingIn(*question, absl::InfiniteFuture());
  Suppose(*std::move(supposed), members);
  response.set_forecast_count(static_cast<int64_t>(members.size()));
  CREDENCE_ASSIGN_OR_RETURN(
      const RecordedForecast pool,
      PoolMembers(state, *question, question->pool.value_or(PoolPolicy()), members, now));
  if (pool.distribution.has_value()) {
    *response.mutable_numeric() = Describe(*pool.distribution, DefaultLevels());
  } else if (!pool.probabilities.empty()) {
    AddProbabilities(question->states, pool.probabilities, *response.mutable_probabilities());
  }
  return absl::OkStatus();
}

}  // namespace credence::server
