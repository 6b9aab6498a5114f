#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "credence/ledger/event.h"
#include "decide/decide.h"

namespace credence::server {

// What was said on one question, from the events of its stream. A sealed forecast counts from the
// time of its seal, but only where its forecaster revealed every forecast that it sealed on the
// question in time: before the seal's reveal time, and before the question was first resolved or
// annulled. So nobody can seal several and show the one that came out best.
class ForecastHistory {
 public:
  // Events of other kinds are passed over.
  void Take(const ledger::SequencedEvent& event);

  // All that counts, withdrawals among it, in the order of their positions.
  [[nodiscard]] std::vector<RecordedForecast> Forecasts() const;

  // The same, and whatever else was revealed in time: what others know, whether it is scored or
  // not.
  [[nodiscard]] const std::vector<RecordedForecast>& Known() const { return said_; }

 private:
  struct Seal {
    std::string forecaster;
    absl::Time sealed_time;
    absl::Time reveal_time;
    bool revealed_in_time = false;
  };

  void Reveal(const ledger::SequencedEvent& event, const event::v1::ForecastRevealed& revealed);

  std::vector<RecordedForecast> said_;
  // By id of the forecast.
  absl::flat_hash_map<std::string, Seal> seals_;
  bool ended_ = false;
};

// The forecasts of one forecaster as others knew them: what was sealed from its reveal on, where
// nothing later had been said by then.
[[nodiscard]] std::vector<RecordedForecast> AsOthersKnew(
    const std::vector<const RecordedForecast*>& said);

}  // namespace credence::server
