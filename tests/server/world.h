#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/ledger/event.h"
#include "decide/decide.h"
#include "fold/fold.h"
#include "google/protobuf/text_format.h"
#include "state/state.h"

// A small language for tests of decisions: a world begins empty, commands are done in it at stated
// times, and what is refused changes nothing.
namespace credence::server {

inline absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    ADD_FAILURE() << text << ": " << error;
  }
  return time;
}

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class World : public QuestionHistory {
 public:
  // When the next command is recorded, and what it states as its effective time.
  absl::Time now = At("2026-01-01T00:00:00Z");

  template <typename Request>
  using Decider = DecisionOr (*)(const State&, const DecideFacts&, const Request&);

  // Decides and, where it is accepted, folds.
  template <typename Request>
  DecisionOr Do(Decider<Request> decide, const Request& request, const char* effective = nullptr) {
    now += absl::Seconds(1);
    DecideFacts facts;
    facts.next_position = state.size;
    facts.record_time = now;
    facts.actor = "tester";
    if (effective != nullptr) facts.effective_time = At(effective);
    facts.history = this;
    DecisionOr decision = decide(state, facts, request);
    if (decision.ok()) Record(*decision);
    return decision;
  }

  template <typename Request>
  DecisionOr Do(Decider<Request> decide, const std::string& text, const char* effective = nullptr) {
    return Do(decide, Parse<Request>(text), effective);
  }

  void Record(const Decision& decision) {
    const int64_t first = state.size;
    for (const ledger::EventDraft& draft : decision.events) {
      ledger::SequencedEvent event;
      event.position = ledger::Position{state.size};
      event.stream = draft.stream;
      event.stream_version = stream_sizes_[draft.stream]++;
      event.record_time = now;
      event.effective_time = draft.effective_time.value_or(now);
      event.backfilled = draft.backfilled;
      event.actor = draft.actor;
      if (draft.caused_by.has_value()) {
        event.cause = ledger::Position{first + static_cast<int64_t>(*draft.caused_by)};
      }
      event.payload = draft.payload.get();
      Fold(state, event);
      log.push_back(draft);
      batch_starts_.push_back(first);
    }
  }

  [[nodiscard]] absl::StatusOr<std::vector<RecordedForecast>> Forecasts(
      const QuestionState& question) const override {
    std::vector<RecordedForecast> found;
    for (const ledger::EventDraft& draft : log) {
      RecordedForecast entry;
      entry.effective_time = *draft.effective_time;
      entry.backfilled = draft.backfilled;
      if (const auto* made =
              dynamic_cast<const event::v1::ForecastRecorded*>(draft.payload.get())) {
        if (made->question() != question.id) continue;
        entry.forecaster = made->forecaster();
        entry.Take(*made);
        found.push_back(std::move(entry));
      } else if (const auto* ended =
                     dynamic_cast<const event::v1::ForecastWithdrawn*>(draft.payload.get())) {
        if (ended->question() != question.id) continue;
        entry.forecaster = ended->forecaster();
        found.push_back(std::move(entry));
      }
    }
    return found;
  }

  [[nodiscard]] absl::StatusOr<std::vector<RecordedForecast>> Posteriors(
      const QuestionState& question) const override {
    std::vector<RecordedForecast> found;
    for (size_t index = 0; index < log.size(); ++index) {
      const ledger::EventDraft& draft = log[index];
      const auto* published =
          dynamic_cast<const event::v1::PosteriorPublished*>(draft.payload.get());
      if (published == nullptr) continue;
      for (const event::v1::QuestionPosterior& posterior : published->posteriors()) {
        if (posterior.question() != question.id) continue;
        RecordedForecast entry;
        entry.effective_time = *draft.effective_time;
        entry.Take(posterior);
        entry.backfilled = draft.backfilled;
        entry.cause = published->cause();
        if (draft.caused_by.has_value()) {
          entry.cause_position = batch_starts_[index] + static_cast<int64_t>(*draft.caused_by);
        }
        found.push_back(std::move(entry));
      }
    }
    return found;
  }

  // Number of events of one type.
  template <typename Payload>
  [[nodiscard]] int64_t Count() const {
    return std::count_if(log.begin(), log.end(), [](const ledger::EventDraft& draft) {
      return dynamic_cast<const Payload*>(draft.payload.get()) != nullptr;
    });
  }

  State state;
  std::vector<ledger::EventDraft> log;

 private:
  std::map<std::string, int64_t> stream_sizes_;
  // By position, that of the first event of the same decision.
  std::vector<int64_t> batch_starts_;
};

// Whether a refusal has this reason and names this field (where it is not empty).
inline testing::AssertionResult Refused(const DecisionOr& decision, std::string_view reason,
                                        std::string_view field) {
  if (decision.ok()) return testing::AssertionFailure() << "was accepted";
  const ErrorDetail detail = GetErrorDetail(decision.status());
  if (detail.reason != reason) {
    return testing::AssertionFailure()
           << "has reason " << detail.reason << ": " << decision.status();
  }
  if (field.empty()) return testing::AssertionSuccess();
  for (const FieldViolation& violation : detail.fields) {
    if (violation.field == field) return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "names no field " << field << ": " << decision.status();
}

}  // namespace credence::server
