#include "query/recorded.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "decide/forecast_history.h"
#include "decide/intervals.h"
#include "engine/stream_reader.h"
#include "query/convert.h"

namespace credence::server {
namespace {

using event::v1::ForecastRecorded;
using event::v1::ForecastRevealed;
using event::v1::ForecastSealed;
using event::v1::ForecastWithdrawn;

void FillEvent(const ledger::SequencedEvent& event, v1::Forecast& forecast) {
  forecast.set_position(event.position.value);
  SetTime(event.record_time, *forecast.mutable_record_time());
  SetTime(event.effective_time, *forecast.mutable_effective_time());
  forecast.set_backfilled(event.backfilled);
}

// A forecast that was sealed, as it was revealed: it counts from its seal.
std::optional<v1::Forecast> ToRevealed(const QuestionState& question,
                                       const ledger::SequencedEvent& event,
                                       const ForecastRevealed& revealed) {
  const SealState* seal = question.seals.Find(revealed.forecast());
  event::v1::SealedForecast statement;
  if (seal == nullptr || !statement.ParseFromString(revealed.statement())) return std::nullopt;
  StandingForecast said;
  said.probabilities.assign(statement.probabilities().begin(), statement.probabilities().end());
  if (statement.has_distribution()) said.distribution = statement.distribution();
  said.forecast = revealed.forecast();
  said.rationale = revealed.rationale();
  said.position = event.position.value;
  said.record_time = event.record_time;
  said.effective_time = seal->record_time;
  return ToForecastResource(question, revealed.forecaster(), said);
}

std::optional<v1::Forecast> ToForecast(const QuestionState& question,
                                       const ledger::SequencedEvent& event,
                                       std::string_view forecaster) {
  v1::Forecast forecast;
  if (const auto* recorded = dynamic_cast<const ForecastRecorded*>(event.payload)) {
    if (!forecaster.empty() && recorded->forecaster() != forecaster) return std::nullopt;
    forecast.set_name(Cat("questions/", question.id, "/forecasts/", recorded->forecast()));
    forecast.set_forecaster(Cat("forecasters/", recorded->forecaster()));
    if (recorded->probabilities_size() == 2) forecast.set_probability(recorded->probabilities(0));
    AddProbabilities(question.states,
                     std::span(recorded->probabilities().data(),
                               static_cast<size_t>(recorded->probabilities_size())),
                     *forecast.mutable_probabilities());
    if (recorded->has_distribution()) *forecast.mutable_distribution() = recorded->distribution();
    forecast.set_rationale(recorded->rationale());
    *forecast.mutable_attributes() = recorded->attributes();
  } else if (const auto* withdrawn = dynamic_cast<const ForecastWithdrawn*>(event.payload)) {
    if (!forecaster.empty() && withdrawn->forecaster() != forecaster) return std::nullopt;
    forecast.set_forecaster(Cat("forecasters/", withdrawn->forecaster()));
    forecast.set_rationale(withdrawn->rationale());
    forecast.set_withdrawn(true);
    *forecast.mutable_attributes() = withdrawn->attributes();
  } else if (const auto* sealed = dynamic_cast<const ForecastSealed*>(event.payload)) {
    const SealState* seal = question.seals.Find(sealed->forecast());
    // What is revealed by now stands where it was revealed.
    if (seal == nullptr || seal->revealed_time.has_value()) return std::nullopt;
    if (!forecaster.empty() && sealed->forecaster() != forecaster) return std::nullopt;
    forecast.set_name(Cat("questions/", question.id, "/forecasts/", sealed->forecast()));
    forecast.set_forecaster(Cat("forecasters/", sealed->forecaster()));
    *forecast.mutable_seal() = ToSealResource(*seal);
  } else if (const auto* revealed = dynamic_cast<const ForecastRevealed*>(event.payload)) {
    if (!forecaster.empty() && revealed->forecaster() != forecaster) return std::nullopt;
    return ToRevealed(question, event, *revealed);
  } else {
    return std::nullopt;
  }
  FillEvent(event, forecast);
  forecast.set_question_version(question.VersionAt(event.effective_time));
  return forecast;
}

// Collects what `convert` makes of the stream's events until the page is full.
template <typename Resource, typename Convert>
absl::StatusOr<RecordedPage<Resource>> ReadPage(const ledger::Log& log, const std::string& stream,
                                                int64_t from_version, ledger::Position last,
                                                size_t count_max, const Convert& convert) {
  RecordedPage<Resource> page;
  CREDENCE_RETURN_IF_ERROR(
      ForEachInStream(log, stream, from_version, last, [&](const ledger::SequencedEvent& event) {
        std::optional<Resource> resource = convert(event);
        if (!resource.has_value()) return true;
        if (page.resources.size() == count_max) {
          page.next_version = event.stream_version;
          return false;
        }
        page.resources.push_back(*std::move(resource));
        return true;
      }));
  return page;
}

}  // namespace

std::optional<v1::PublishedPosterior> ToPublishedPosterior(const QuestionState& question,
                                                           const ledger::SequencedEvent& event) {
  const auto* published = dynamic_cast<const event::v1::PosteriorPublished*>(event.payload);
  if (published == nullptr) return std::nullopt;
  for (const event::v1::QuestionPosterior& posterior : published->posteriors()) {
    if (posterior.question() != question.id) continue;
    v1::PublishedPosterior resource;
    resource.set_name(Cat("questions/", question.id, "/posteriors/", event.position.value));
    AddProbabilities(question.states,
                     std::span(posterior.probabilities().data(),
                               static_cast<size_t>(posterior.probabilities_size())),
                     *resource.mutable_probabilities());
    if (posterior.has_distribution()) {
      *resource.mutable_numeric() = Describe(posterior.distribution(), DefaultLevels());
    }
    const std::vector<event::v1::ProbabilitySpread> spreads = SpreadsOfStates(posterior);
    for (size_t s = 0; s < std::min(spreads.size(), question.states.size()); ++s) {
      *resource.add_intervals() = ToStateInterval(question.states[s], spreads[s]);
    }
    if (!spreads.empty()) resource.set_interval_draw_count(published->interval_draw_count());
    resource.set_cause(published->cause());
    if (event.cause.has_value()) resource.set_cause_position(event.cause->value);
    resource.set_position(event.position.value);
    resource.set_network_revision(published->network_revision());
    resource.set_engine_version(published->engine_version());
    SetTime(event.record_time, *resource.mutable_record_time());
    SetTime(event.effective_time, *resource.mutable_effective_time());
    resource.set_backfilled(event.backfilled);
    return resource;
  }
  return std::nullopt;
}

absl::StatusOr<RecordedPage<v1::Forecast>> ReadForecasts(const ledger::Log& log,
                                                         const QuestionState& question,
                                                         const ForecastSelection& selection,
                                                         ledger::Position last, size_t count_max) {
  return ReadPage<v1::Forecast>(
      log, Cat("questions/", question.id), selection.from_version, last, count_max,
      [&](const ledger::SequencedEvent& event) -> std::optional<v1::Forecast> {
        if (selection.counted_by.has_value() && event.effective_time > *selection.counted_by) {
          return std::nullopt;
        }
        return ToForecast(question, event, selection.forecaster);
      });
}

absl::StatusOr<std::vector<v1::Forecast>> ReadStandingAt(const ledger::Log& log,
                                                         const QuestionState& question,
                                                         std::string_view forecaster,
                                                         absl::Time time, ledger::Position last) {
  struct Latest {
    absl::Time effective_time = absl::InfinitePast();
    v1::Forecast forecast;
  };
  std::map<std::string, Latest> latest;
  CREDENCE_RETURN_IF_ERROR(ForEachInStream(
      log, Cat("questions/", question.id), 0, last, [&](const ledger::SequencedEvent& event) {
        if (event.effective_time > time) return true;
        std::optional<v1::Forecast> forecast = ToForecast(question, event, forecaster);
        if (!forecast.has_value()) return true;
        // A sealed forecast stands when it is revealed, and then from its seal on.
        const bool sealed = forecast->has_seal();
        if (sealed && (!forecast->seal().has_revealed_time() || forecast->seal().revealed_late())) {
          return true;
        }
        const absl::Time from = sealed ? ToTime(forecast->effective_time()) : event.effective_time;
        Latest& held = latest[forecast->forecaster()];
        if (held.effective_time <= from) held = {from, *std::move(forecast)};
        return true;
      }));
  std::vector<v1::Forecast> standing;
  for (auto& [id, held] : latest) {
    if (!held.forecast.withdrawn()) standing.push_back(std::move(held.forecast));
  }
  std::sort(standing.begin(), standing.end(), [](const v1::Forecast& a, const v1::Forecast& b) {
    return a.position() < b.position();
  });
  return standing;
}

absl::StatusOr<RecordedPage<v1::PublishedPosterior>> ReadPosteriors(const ledger::Log& log,
                                                                    const QuestionState& question,
                                                                    int64_t from_version,
                                                                    ledger::Position last,
                                                                    size_t count_max) {
  return ReadPage<v1::PublishedPosterior>(
      log, Cat("networks/", question.network), from_version, last, count_max,
      [&](const ledger::SequencedEvent& event) { return ToPublishedPosterior(question, event); });
}

absl::StatusOr<std::vector<RecordedForecast>> StandingAt(const ledger::Log& log,
                                                         const QuestionState& question,
                                                         absl::Time time, ledger::Position last) {
  ForecastHistory history;
  CREDENCE_RETURN_IF_ERROR(ForEachInStream(log, Cat("questions/", question.id), 0, last,
                                           [&history](const ledger::SequencedEvent& event) {
                                             history.Take(event);
                                             return true;
                                           }));
  std::map<std::string, RecordedForecast> latest;
  for (const RecordedForecast& forecast : history.Known()) {
    // In a pool of the past counts what was known then.
    if (std::max(forecast.effective_time, forecast.revealed_time.value_or(absl::InfinitePast())) >
        time) {
      continue;
    }
    const auto [held, is_new] = latest.try_emplace(forecast.forecaster, forecast);
    if (!is_new && held->second.effective_time <= forecast.effective_time) {
      held->second = forecast;
    }
  }
  std::vector<RecordedForecast> standing;
  for (auto& [forecaster, forecast] : latest) {
    const bool withdrawn = forecast.probabilities.empty() && !forecast.distribution.has_value();
    if (!withdrawn) standing.push_back(std::move(forecast));
  }
  return standing;
}

absl::StatusOr<std::vector<double>> PublishedAt(const ledger::Log& log,
                                                const QuestionState& question, absl::Time time,
                                                ledger::Position last) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<RecordedForecast> published,
                            LogHistory(log, last).Posteriors(question));
  const RecordedForecast* latest = nullptr;
  for (const RecordedForecast& posterior : published) {
    if (posterior.effective_time > time) continue;
    if (latest == nullptr || latest->effective_time <= posterior.effective_time) {
      latest = &posterior;
    }
  }
  return latest == nullptr ? std::vector<double>() : latest->probabilities;
}

}  // namespace credence::server
