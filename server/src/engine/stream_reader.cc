#include "engine/stream_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/network_events.pb.h"
#include "decide/forecast_history.h"
#include "fold/fold.h"

namespace credence::server {
namespace {

// Reads one stream page by page.
class StreamCursor {
 public:
  StreamCursor(const ledger::Log* log, std::string stream, int64_t from_version,
               ledger::Position last)
      : log_(log), stream_(std::move(stream)), last_(last), next_version_(from_version) {}

  // The next entry; null at the end.
  absl::StatusOr<const ledger::StoredEntry*> Peek() {
    if (index_ == page_.size()) {
      CREDENCE_ASSIGN_OR_RETURN(page_, log_->ReadStream(stream_, next_version_, {}, last_));
      next_version_ += static_cast<int64_t>(page_.size());
      index_ = 0;
    }
    return index_ < page_.size() ? &page_[index_] : nullptr;
  }
  void Advance() { ++index_; }

 private:
  const ledger::Log* log_;
  std::string stream_;
  ledger::Position last_;
  int64_t next_version_;
  std::vector<ledger::StoredEntry> page_;
  size_t index_ = 0;
};

absl::Status FoldEntry(const ledger::Log& log, const ledger::StoredEntry& entry, State& state) {
  CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event, log.Decode(entry));
  Fold(state, event.AsEvent());
  return absl::OkStatus();
}

}  // namespace

absl::Status ForEachInStream(const ledger::Log& log, std::string_view stream, int64_t from_version,
                             ledger::Position last,
                             absl::FunctionRef<bool(const ledger::SequencedEvent&)> visit) {
  StreamCursor cursor(&log, std::string(stream), from_version, last);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const ledger::StoredEntry* entry, cursor.Peek());
    if (entry == nullptr) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event, log.Decode(*entry));
    if (!visit(event.AsEvent())) return absl::OkStatus();
    cursor.Advance();
  }
}

absl::StatusOr<State> ReplayStreams(const ledger::Log& log, const std::vector<std::string>& streams,
                                    ledger::Position last) {
  struct Head {
    ledger::Position position;
    size_t cursor;
    bool operator>(const Head& other) const { return position > other.position; }
  };
  std::vector<StreamCursor> cursors;
  cursors.reserve(streams.size());
  std::vector<Head> heads;
  const auto push = [&cursors, &heads](size_t cursor) -> absl::Status {
    CREDENCE_ASSIGN_OR_RETURN(const ledger::StoredEntry* entry, cursors[cursor].Peek());
    if (entry == nullptr) return absl::OkStatus();
    heads.push_back({entry->position, cursor});
    std::push_heap(heads.begin(), heads.end(), std::greater<>());
    return absl::OkStatus();
  };
  for (size_t i = 0; i < streams.size(); ++i) {
    cursors.emplace_back(&log, streams[i], 0, last);
    CREDENCE_RETURN_IF_ERROR(push(i));
  }
  State state;
  while (!heads.empty()) {
    std::pop_heap(heads.begin(), heads.end(), std::greater<>());
    const size_t cursor = heads.back().cursor;
    heads.pop_back();
    CREDENCE_ASSIGN_OR_RETURN(const ledger::StoredEntry* entry, cursors[cursor].Peek());
    CREDENCE_RETURN_IF_ERROR(FoldEntry(log, *entry, state));
    cursors[cursor].Advance();
    CREDENCE_RETURN_IF_ERROR(push(cursor));
  }
  return state;
}

absl::StatusOr<State> ReplayAll(const ledger::Log& log, ledger::Position last) {
  State state;
  ledger::Position next{0};
  while (next <= last) {
    ledger::ReadLimits limits;
    limits.entry_count_max = std::min<int64_t>(limits.entry_count_max, last.value - next.value + 1);
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                              log.Read(next, limits));
    if (entries.empty()) break;
    for (const ledger::StoredEntry& entry : entries) {
      CREDENCE_RETURN_IF_ERROR(FoldEntry(log, entry, state));
    }
    next.value += static_cast<int64_t>(entries.size());
  }
  return state;
}

absl::StatusOr<std::vector<RecordedForecast>> LogHistory::Forecasts(
    const QuestionState& question) const {
  ForecastHistory history;
  CREDENCE_RETURN_IF_ERROR(ForEachInStream(log_, Cat("questions/", question.id), 0, last_,
                                           [&history](const ledger::SequencedEvent& event) {
                                             history.Take(event);
                                             return true;
                                           }));
  return history.Forecasts();
}

absl::StatusOr<std::vector<RecordedForecast>> LogHistory::Posteriors(
    const QuestionState& question) const {
  std::vector<RecordedForecast> posteriors;
  CREDENCE_RETURN_IF_ERROR(ForEachInStream(
      log_, Cat("networks/", question.network), 0, last_,
      [&posteriors, &question](const ledger::SequencedEvent& event) {
        const auto* published = dynamic_cast<const event::v1::PosteriorPublished*>(event.payload);
        if (published == nullptr) return true;
        for (const auto& posterior : published->posteriors()) {
          if (posterior.question() != question.id) continue;
          RecordedForecast recorded;
          recorded.effective_time = event.effective_time;
          recorded.backfilled = event.backfilled;
          recorded.cause = published->cause();
          if (event.cause.has_value()) recorded.cause_position = event.cause->value;
          recorded.Take(posterior);
          posteriors.push_back(std::move(recorded));
        }
        return true;
      }));
  return posteriors;
}

}  // namespace credence::server
