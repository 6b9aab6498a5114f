#include "query/history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "convert/numeric.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"
#include "engine/stream_reader.h"
#include "query/convert.h"
#include "query/find.h"
#include "query/pool.h"
#include "query/recorded.h"

namespace credence::server {
namespace {

constexpr int kQuestionsMax = 200;
constexpr int kPointsMin = 2;
constexpr int kPointsMax = 5'000;
constexpr int kPointsDefault = 1'000;
// Quantiles over forecasters: the median with the middle half and the middle four fifths.
constexpr std::array<double, 5> kSpreadLevels = {0.1, 0.25, 0.5, 0.75, 0.9};

// A question of the request, and what is found out about it.
struct Wanted {
  const QuestionState* question;
  std::vector<v1::PublishedPosterior> posteriors;
};

absl::StatusOr<size_t> ParsePointCount(int stated) {
  if (stated == 0) return size_t{kPointsDefault};
  if (stated < kPointsMin || stated > kPointsMax) {
    return InvalidField("FIELD_INVALID", "point_count_max",
                        Cat("is ", stated, "; ", kPointsMin, " to ", kPointsMax, " are taken"));
  }
  return static_cast<size_t>(stated);
}

absl::StatusOr<std::vector<Wanted>> FindWanted(const State& state,
                                               const v1::BatchGetHistoriesRequest& request) {
  if (request.questions().empty()) {
    return InvalidField("FIELD_REQUIRED", "questions", "names no question");
  }
  if (request.questions_size() > kQuestionsMax) {
    return InvalidField(
        "FIELD_INVALID", "questions",
        Cat("has ", request.questions_size(), " names; at most ", kQuestionsMax, " are taken"));
  }
  std::vector<Wanted> wanted;
  for (int i = 0; i < request.questions_size(); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                              FindQuestion(state, request.questions(i), Cat("questions[", i, "]")));
    wanted.push_back({question, {}});
  }
  return wanted;
}

// The posteriors of all that are wanted: each network's stream is read once.
absl::Status ReadPosteriors(const ledger::Log& log, ledger::Position last, absl::Time until,
                            std::vector<Wanted>& wanted) {
  std::map<std::string, std::vector<Wanted*>> by_network;
  for (Wanted& one : wanted) by_network[one.question->network].push_back(&one);
  for (const auto& entry : by_network) {
    const std::vector<Wanted*>& questions = entry.second;
    CREDENCE_RETURN_IF_ERROR(ForEachInStream(
        log, Cat("networks/", entry.first), 0, last, [&](const ledger::SequencedEvent& event) {
          if (event.effective_time > until) return true;
          for (Wanted* one : questions) {
            auto posterior = ToPublishedPosterior(*one->question, event);
            if (posterior.has_value()) one->posteriors.push_back(*std::move(posterior));
          }
          return true;
        }));
  }
  const auto seconds = [](const v1::PublishedPosterior& posterior) {
    return std::pair(posterior.effective_time().seconds(), posterior.effective_time().nanos());
  };
  for (Wanted& one : wanted) {
    std::stable_sort(
        one.posteriors.begin(), one.posteriors.end(),
        [&seconds](const auto& left, const auto& right) { return seconds(left) < seconds(right); });
  }
  return absl::OkStatus();
}

// What the height of a point is, to tell low from high.
double HeightOf(const v1::PublishedPosterior& posterior) {
  if (posterior.probabilities_size() > 0) return posterior.probabilities(0).probability();
  const auto& quantiles = posterior.numeric().quantiles();
  return quantiles.empty() ? 0.0 : quantiles[quantiles.size() / 2].value();
}

// Which of `posteriors` are shown: the ends, and of each stretch between them the lowest and the
// highest.
std::set<size_t> Thinned(const std::vector<v1::PublishedPosterior>& posteriors, size_t count_max) {
  std::set<size_t> kept;
  const size_t count = posteriors.size();
  if (count <= count_max) {
    for (size_t i = 0; i < count; ++i) kept.insert(i);
    return kept;
  }
  kept = {0, count - 1};
  const size_t stretches = (count_max - 2) / 2;
  for (size_t stretch = 0; stretch < stretches; ++stretch) {
    const size_t begin = 1 + stretch * (count - 2) / stretches;
    const size_t end = 1 + (stretch + 1) * (count - 2) / stretches;
    size_t low = begin;
    size_t high = begin;
    for (size_t i = begin; i < end; ++i) {
      if (HeightOf(posteriors[i]) < HeightOf(posteriors[low])) low = i;
      if (HeightOf(posteriors[i]) > HeightOf(posteriors[high])) high = i;
    }
    kept.insert(low);
    kept.insert(high);
  }
  return kept;
}

// The ends of the intervals and the median, as quantiles, by probability.
void FillIntervals(const v1::StateInterval& spread, v1::HistoryPoint& point) {
  std::map<double, double> quantiles = {{0.5, spread.median()}};
  for (const event::v1::CredibleInterval& interval : spread.intervals()) {
    quantiles[(1.0 - interval.level()) / 2.0] = interval.low();
    quantiles[(1.0 + interval.level()) / 2.0] = interval.high();
  }
  for (const auto& [probability, value] : quantiles) {
    event::v1::QuantilePoint& quantile = *point.add_quantiles();
    quantile.set_probability(probability);
    quantile.set_value(value);
  }
}

void FillModel(const Wanted& wanted, size_t count_max, v1::QuestionHistory& history) {
  for (const size_t i : Thinned(wanted.posteriors, count_max)) {
    const v1::PublishedPosterior& posterior = wanted.posteriors[i];
    v1::HistoryPoint& point = *history.add_model();
    *point.mutable_effective_time() = posterior.effective_time();
    for (const v1::StateProbability& state : posterior.probabilities()) {
      point.add_probabilities(state.probability());
    }
    *point.mutable_quantiles() = posterior.numeric().quantiles();
    if (!posterior.intervals().empty()) FillIntervals(posterior.intervals(0), point);
    point.set_position(posterior.position());
    point.set_cause(posterior.cause());
    if (posterior.has_cause_position()) point.set_cause_position(posterior.cause_position());
  }
}

// Quantiles of `values`, straight between order statistics (type 7 of Hyndman and Fan 1996).
void FillSpread(std::vector<double> values, v1::HistoryPoint& point) {
  std::sort(values.begin(), values.end());
  for (const double level : kSpreadLevels) {
    const double at = level * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, values.size() - 1);
    event::v1::QuantilePoint& quantile = *point.add_quantiles();
    quantile.set_probability(level);
    quantile.set_value(values[below] +
                       (at - static_cast<double>(below)) * (values[above] - values[below]));
  }
}

absl::Status FillPoolPoint(const State& state, const QuestionState& question, absl::Time time,
                           const std::vector<RecordedForecast>& members, v1::HistoryPoint& point) {
  SetTime(time, *point.mutable_effective_time());
  point.set_forecast_count(static_cast<int64_t>(members.size()));
  if (members.empty()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(
      const RecordedForecast pool,
      PoolMembers(state, question, question.pool.value_or(event::v1::PoolPolicy()), members, time));
  if (pool.distribution.has_value()) {
    *point.mutable_quantiles() = Describe(*pool.distribution, DefaultLevels()).quantiles();
    return absl::OkStatus();
  }
  point.mutable_probabilities()->Add(pool.probabilities.begin(), pool.probabilities.end());
  std::vector<double> first_state;
  for (const RecordedForecast& member : members) first_state.push_back(member.probabilities[0]);
  FillSpread(std::move(first_state), point);
  return absl::OkStatus();
}

// The instants at which what stands changes, evenly thinned to `count_max`.
std::vector<absl::Time> PoolTimes(const std::vector<RecordedForecast>& forecasts,
                                  size_t count_max) {
  std::vector<absl::Time> times;
  for (const RecordedForecast& forecast : forecasts) times.push_back(forecast.effective_time);
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  if (times.size() <= count_max) return times;
  std::vector<absl::Time> kept;
  for (size_t i = 0; i < count_max; ++i) {
    kept.push_back(times[i * (times.size() - 1) / (count_max - 1)]);
  }
  return kept;
}

absl::Status FillPool(const ledger::Log& log, const State& state, const QuestionState& question,
                      ledger::Position last, absl::Time until, size_t count_max,
                      v1::QuestionHistory& history) {
  CREDENCE_ASSIGN_OR_RETURN(std::vector<RecordedForecast> forecasts,
                            LogHistory(log, last).Forecasts(question));
  std::erase_if(forecasts, [until](const RecordedForecast& f) { return f.effective_time > until; });
  std::stable_sort(forecasts.begin(), forecasts.end(),
                   [](const RecordedForecast& left, const RecordedForecast& right) {
                     return left.effective_time < right.effective_time;
                   });
  std::map<std::string, RecordedForecast> standing;
  auto next = forecasts.begin();
  for (const absl::Time time : PoolTimes(forecasts, count_max)) {
    for (; next != forecasts.end() && next->effective_time <= time; ++next) {
      const bool withdrawn = next->probabilities.empty() && !next->distribution.has_value();
      if (withdrawn) {
        standing.erase(next->forecaster);
      } else {
        standing.insert_or_assign(next->forecaster, *next);
      }
    }
    std::vector<RecordedForecast> members;
    for (const auto& [forecaster, forecast] : standing) members.push_back(forecast);
    CREDENCE_RETURN_IF_ERROR(FillPoolPoint(state, question, time, members, *history.add_pool()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadHistories(const ledger::Log& log, const State& state, ledger::Position last,
                           const v1::BatchGetHistoriesRequest& request,
                           v1::BatchGetHistoriesResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(const size_t count_max, ParsePointCount(request.point_count_max()));
  absl::Time until = absl::InfiniteFuture();
  if (request.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(until, ParseTime(request.effective_time(), "effective_time"));
  }
  CREDENCE_ASSIGN_OR_RETURN(std::vector<Wanted> wanted, FindWanted(state, request));
  CREDENCE_RETURN_IF_ERROR(ReadPosteriors(log, last, until, wanted));
  for (const Wanted& one : wanted) {
    v1::QuestionHistory& history = *response.add_histories();
    history.set_question(Cat("questions/", one.question->id));
    history.mutable_states()->Add(one.question->states.begin(), one.question->states.end());
    FillModel(one, count_max, history);
    if (!request.with_pool()) continue;
    CREDENCE_RETURN_IF_ERROR(FillPool(log, state, *one.question, last, until, count_max, history));
  }
  return absl::OkStatus();
}

}  // namespace credence::server
