#include "decide/forecast_history.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "convert/time.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/question_events.pb.h"

namespace credence::server {

void ForecastHistory::Take(const ledger::SequencedEvent& event) {
  RecordedForecast said;
  said.effective_time = event.effective_time;
  said.backfilled = event.backfilled;
  if (const auto* recorded = dynamic_cast<const event::v1::ForecastRecorded*>(event.payload)) {
    said.forecaster = recorded->forecaster();
    said.Take(*recorded);
    said_.push_back(std::move(said));
  } else if (const auto* withdrawn =
                 dynamic_cast<const event::v1::ForecastWithdrawn*>(event.payload)) {
    said.forecaster = withdrawn->forecaster();
    said_.push_back(std::move(said));
  } else if (const auto* sealed = dynamic_cast<const event::v1::ForecastSealed*>(event.payload)) {
    seals_[sealed->forecast()] = {sealed->forecaster(), event.record_time,
                                  ToTime(sealed->reveal_time())};
  } else if (const auto* revealed =
                 dynamic_cast<const event::v1::ForecastRevealed*>(event.payload)) {
    Reveal(event, *revealed);
  } else if (dynamic_cast<const event::v1::QuestionResolved*>(event.payload) != nullptr ||
             dynamic_cast<const event::v1::QuestionAnnulled*>(event.payload) != nullptr) {
    ended_ = true;
  }
}

void ForecastHistory::Reveal(const ledger::SequencedEvent& event,
                             const event::v1::ForecastRevealed& revealed) {
  const auto seal = seals_.find(revealed.forecast());
  event::v1::SealedForecast statement;
  if (seal == seals_.end() || ended_ || event.record_time >= seal->second.reveal_time ||
      !statement.ParseFromString(revealed.statement())) {
    return;
  }
  seal->second.revealed_in_time = true;
  RecordedForecast& said = said_.emplace_back();
  said.forecaster = revealed.forecaster();
  said.effective_time = seal->second.sealed_time;
  said.revealed_time = event.record_time;
  said.Take(statement);
}

std::vector<RecordedForecast> ForecastHistory::Forecasts() const {
  absl::flat_hash_set<std::string> owing;
  for (const auto& [forecast, seal] : seals_) {
    if (!seal.revealed_in_time) owing.insert(seal.forecaster);
  }
  std::vector<RecordedForecast> counted = said_;
  if (!owing.empty()) {
    std::erase_if(counted, [&owing](const RecordedForecast& said) {
      return said.revealed_time.has_value() && owing.contains(said.forecaster);
    });
  }
  return counted;
}

std::vector<RecordedForecast> AsOthersKnew(const std::vector<const RecordedForecast*>& said) {
  std::vector<RecordedForecast> known;
  for (const RecordedForecast* forecast : said) {
    RecordedForecast& copy = known.emplace_back(*forecast);
    if (!forecast->revealed_time.has_value()) continue;
    const absl::Time revealed = *forecast->revealed_time;
    const bool overtaken = std::any_of(said.begin(), said.end(), [&](const auto* other) {
      return other != forecast && other->effective_time >= forecast->effective_time &&
             other->revealed_time.value_or(other->effective_time) < revealed;
    });
    if (overtaken) {
      known.pop_back();
    } else {
      copy.effective_time = revealed;
    }
  }
  return known;
}

}  // namespace credence::server
