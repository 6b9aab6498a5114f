#include "service/coherence_watch.h"

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "query/coherence.h"
#include "service/watch.h"

namespace credence::server {
namespace {

// What tells one alarm from another: all but its numbers.
std::string KeyOf(const v1::CoherenceAlarm& alarm) {
  std::string key =
      Cat(static_cast<int>(alarm.kind()), " ", alarm.subject(), " ", alarm.question().question());
  for (const auto& related : alarm.related()) key += Cat(" ", related.question());
  return key;
}

class AlarmTracker {
 public:
  AlarmTracker(const Engine& engine, CoherenceFilter filter)
      : engine_(engine), filter_(std::move(filter)) {}

  absl::Status Make(const std::vector<ledger::StoredEntry>& entries, int64_t next_position,
                    std::deque<std::string>& messages) {
    if (!begun_) {
      Look(v1::COHERENCE_CHANGE_STANDING, next_position, messages);
      begun_ = true;
    }
    if (entries.empty()) {
      v1::WatchCoherenceAlarmsResponse mark;
      mark.set_next_position(next_position);
      messages.push_back(mark.SerializeAsString());
      return absl::OkStatus();
    }
    CREDENCE_ASSIGN_OR_RETURN(const bool matters, AnyMatters(entries));
    if (matters) Look(v1::COHERENCE_CHANGE_RAISED, next_position, messages);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<bool> AnyMatters(const std::vector<ledger::StoredEntry>& entries) const {
    for (const ledger::StoredEntry& entry : entries) {
      CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent decoded,
                                ledger::DecodeEntry(*entry.bytes));
      if (Matters(decoded.AsEvent())) return true;
    }
    return false;
  }

  // Whether the event can change a number or a relation.
  [[nodiscard]] bool Matters(const ledger::SequencedEvent& event) const {
    if (const auto* published = dynamic_cast<const event::v1::PosteriorPublished*>(event.payload)) {
      for (const auto& posterior : published->posteriors()) {
        if (related_.contains(posterior.question())) return true;
      }
      return false;
    }
    if (const auto* created = dynamic_cast<const event::v1::QuestionCreated*>(event.payload)) {
      return created->implied_questions_size() > 0 || created->conjuncts_size() > 0;
    }
    if (const auto* updated = dynamic_cast<const event::v1::QuestionUpdated*>(event.payload)) {
      if (updated->implied_questions_size() > 0 || updated->conjuncts_size() > 0) return true;
    }
    absl::string_view question = ToAbsl(event.stream);
    return absl::ConsumePrefix(&question, "questions/") && related_.contains(question);
  }

  // Compares the alarms of the newest state with those told before.
  void Look(v1::CoherenceChange of_new, int64_t next_position, std::deque<std::string>& messages) {
    const std::shared_ptr<const State> state = engine_.PublishedWith(next_position - 1);
    related_ = RelatedQuestions(*state);
    std::map<std::string, v1::CoherenceAlarm> found;
    for (v1::CoherenceAlarm& alarm :
         FindCoherenceAlarms(*state, StandingNumbers(*state), filter_)) {
      const std::string key = KeyOf(alarm);
      const auto told = told_.find(key);
      if (told == told_.end()) {
        Tell(alarm, of_new, next_position, messages);
      } else if (told->second.SerializeAsString() != alarm.SerializeAsString()) {
        Tell(alarm, v1::COHERENCE_CHANGE_MOVED, next_position, messages);
      }
      found.emplace(key, std::move(alarm));
    }
    for (const auto& [key, alarm] : told_) {
      if (found.contains(key)) continue;
      Tell(alarm, v1::COHERENCE_CHANGE_CLEARED, next_position, messages);
    }
    told_ = std::move(found);
  }

  static void Tell(const v1::CoherenceAlarm& alarm, v1::CoherenceChange change,
                   int64_t next_position, std::deque<std::string>& messages) {
    v1::WatchCoherenceAlarmsResponse message;
    *message.mutable_alarm() = alarm;
    message.set_change(change);
    message.set_next_position(next_position);
    messages.push_back(message.SerializeAsString());
  }

  const Engine& engine_;
  const CoherenceFilter filter_;
  bool begun_ = false;
  absl::flat_hash_set<std::string> related_;
  // The alarms that the client knows of, by key.
  std::map<std::string, v1::CoherenceAlarm> told_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MessageSource>> MakeCoherenceWatch(
    Engine& engine, const v1::WatchCoherenceAlarmsRequest& request) {
  CREDENCE_ASSIGN_OR_RETURN(
      CoherenceFilter filter,
      ReadCoherenceFilter(*engine.Published(), request.parent(), request.subject()));
  CREDENCE_ASSIGN_OR_RETURN(const ledger::Position from, WatchStart(engine.log(), std::nullopt));
  auto tracker = std::make_shared<AlarmTracker>(engine, std::move(filter));
  return std::make_unique<LogWatch>(
      engine.log(), from, /*stream=*/"",
      [tracker](const std::vector<ledger::StoredEntry>& entries, int64_t next_position,
                std::deque<std::string>& messages) {
        return tracker->Make(entries, next_position, messages);
      });
}

}  // namespace credence::server
