#include "query/recorded.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "convert/numeric.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "engine/stream_reader.h"
#include "query/convert.h"

namespace credence::server {
namespace {

using event::v1::ForecastRecorded;
using event::v1::ForecastWithdrawn;

void FillEvent(const ledger::SequencedEvent& event, v1::Forecast& forecast) {
  forecast.set_position(event.position.value);
  SetTime(event.record_time, *forecast.mutable_record_time());
  SetTime(event.effective_time, *forecast.mutable_effective_time());
  forecast.set_backfilled(event.backfilled);
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
        Latest& held = latest[forecast->forecaster()];
        if (held.effective_time <= event.effective_time) {
          held = {event.effective_time, *std::move(forecast)};
        }
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
  CREDENCE_ASSIGN_OR_RETURN(std::vector<RecordedForecast> forecasts,
                            LogHistory(log, last).Forecasts(question));
  std::map<std::string, RecordedForecast> latest;
  for (RecordedForecast& forecast : forecasts) {
    if (forecast.effective_time > time) continue;
    const auto [held, is_new] = latest.try_emplace(forecast.forecaster, forecast);
    if (!is_new && held->second.effective_time <= forecast.effective_time) {
      held->second = std::move(forecast);
    }
  }
  std::vector<RecordedForecast> standing;
  for (auto& [forecaster, forecast] : latest) {
    const bool withdrawn = forecast.probabilities.empty() && !forecast.distribution.has_value();
    if (!withdrawn) standing.push_back(std::move(forecast));
  }
  return standing;
}

}  // namespace credence::server
