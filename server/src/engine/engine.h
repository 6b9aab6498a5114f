#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/base/histogram.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"
#include "credence/v1/common.pb.h"
#include "decide/authors.h"
#include "decide/decide.h"
#include "engine/executor.h"
#include "engine/head_waiter.h"
#include "engine/view_cache.h"
#include "state/persist.h"
#include "state/state.h"

// Joins the log and the projections: commands go in on one side and become events, readers get
// immutable states on the other.
//
// Thread-safe, but for Start and Stop. The state being built belongs to the sequencer's thread.
namespace credence::server {

// One write, as a service hands it over.
struct WriteCommand {
  // Full method name: a request id is bound to it.
  std::string method;
  // The request's serialized bytes without what may differ between retries: its id, and whether a
  // proof is wanted.
  std::string body;
  v1::WriteOptions options;
  // Stream of the expected revision and of the receipt's revision. Called with the newest durable
  // state. Empty where the write has no stream of its own: an expected revision is then refused.
  std::function<absl::StatusOr<std::string>(const State&)> stream;
  // True where the decision reads the question's history.
  bool needs_history = false;
  // True for a record of all stream heads, which the log makes itself; `decide` then only says
  // whether it may.
  bool record_stream_heads = false;
  std::function<DecisionOr(const State&, const DecideFacts&)> decide;
};

// What a write did.
struct WriteResult {
  // Absent where the write was only validated.
  std::optional<ledger::Receipt> receipt;
  // For a repeat only the ids are known, read back from the log; the moves are told once.
  Decision decision;
  // A state that holds the write; for a repeat the newest one.
  std::shared_ptr<const State> state;
};

// What a read sees.
struct StateView {
  std::shared_ptr<const State> state;
  // Last position that it holds; -1 for none.
  int64_t position = -1;
  // Of the cache of views when the state was taken.
  uint64_t epoch = 0;
  // The instant that it speaks of where a read names none: of an as-of read the time that was asked
  // for or that of the position, else now.
  absl::Time time;
};

struct EngineOptions {
  // The projections are stored after this many events ...
  int64_t store_event_count = 8'192;
  // ... or with the first batch after this time, whatever comes first.
  absl::Duration store_interval = absl::Minutes(1);
  // States of the past that are kept for reads.
  size_t cached_views_max = 8;
  // Longest wait for a position.
  absl::Duration wait_max = absl::Minutes(5);
  // Called on the thread that answers a batch of writes, before its first answer and after its last;
  // both or neither.
  std::function<void()> begin_answers;
  std::function<void()> end_answers;
};

// For a monitor.
struct EngineStats {
  // Nanoseconds of each write's decision.
  Histogram::Snapshot decision_nanos;
  // Tasks of the executor that no thread has taken yet.
  int64_t queued_task_count = 0;
};

class Engine final : public ledger::Projection {
 public:
  // `log` and `clock` must outlive the engine.
  Engine(ledger::Log* log, const ledger::Clock* clock, const EngineOptions& options = {});
  ~Engine() override;

  // Loads the stored state, replays the rest, and starts the log.
  [[nodiscard]] absl::Status Start();
  // Finishes what was taken and stops the log. Idempotent.
  void Stop();

  // The newest durable state. Never null after Start.
  [[nodiscard]] std::shared_ptr<const State> Published() const;

  // The same, but one that holds `position`, which must have been read from the log. Waits for the
  // moment between the log's head reaching a position and the state of it being published.
  [[nodiscard]] std::shared_ptr<const State> PublishedWith(int64_t position) const;

  // Hands over a write; `done` is called once: on a thread of the log, or within the call where
  // the write is refused before it reaches the log or only validated. Besides what `decide` and the
  // log refuse: INVALID_ARGUMENT for options that are malformed, with paths below `options`.
  void Write(WriteCommand command, std::function<void(absl::StatusOr<WriteResult>)> done);

  // Calls `ready` once with the state that `view` asks for: within the call, or on another thread
  // after waiting for min_position until `deadline` (DEADLINE_EXCEEDED). An as-of view of one
  // network or question (`scope`, such as "networks/x") replays the streams that bear on it only,
  // so forecasters are absent from it, and sources that it does not rest on; an empty scope replays
  // everything. OUT_OF_RANGE (BEYOND_HEAD) for a position beyond the head.
  void View(const v1::ReadView& view, std::string_view scope, absl::Time deadline,
            std::function<void(absl::StatusOr<StateView>)> ready);

  // Keeps a view for the next page of its list.
  void Remember(std::string_view scope, const StateView& view);

  [[nodiscard]] EngineStats Stats() const {
    return {decision_nanos_.Read(), executor_.queued_count()};
  }

  [[nodiscard]] ledger::Log& log() { return *log_; }
  [[nodiscard]] const ledger::Log& log() const { return *log_; }
  [[nodiscard]] const ledger::Clock& clock() const { return *clock_; }
  [[nodiscard]] Executor& executor() { return executor_; }

  void Fold(const ledger::SequencedEvent& event) override;
  [[nodiscard]] BatchSteps Seal(ledger::StateWriter& writer,
                                           ledger::TreeSize size) override;

 private:
  struct Durable {
    std::shared_ptr<const State> state;
    absl::Time record_time;
  };

  [[nodiscard]] Durable durable() const;
  void Publish(Durable durable);
  [[nodiscard]] absl::StatusOr<WriteResult> Validate(const WriteCommand& command,
                                                     const CheckedStatements& statements,
                                                     const std::string& stream, DecideFacts facts);
  void Submit(WriteCommand command, CheckedStatements statements, std::string request_id,
              std::string stream, DecideFacts facts,
              std::function<void(absl::StatusOr<WriteResult>)> done);
  [[nodiscard]] absl::StatusOr<StateView> Resolve(const v1::ReadView& view, std::string_view scope);
  [[nodiscard]] absl::StatusOr<std::shared_ptr<const State>> StateAt(std::string_view scope,
                                                                     int64_t position,
                                                                     uint64_t epoch);

  ledger::Log* const log_;
  const ledger::Clock* const clock_;
  const EngineOptions options_;

  // The sequencer's thread only, after Start.
  State head_;
  absl::Time head_record_time_ = absl::InfinitePast();
  StatePersister persister_;
  absl::Time stored_time_ = absl::InfinitePast();
  // Whether the batch erases texts: then they leave the stored state with it.
  bool erased_ = false;

  mutable absl::Mutex mutex_;
  Durable durable_ ABSL_GUARDED_BY(mutex_);

  Histogram decision_nanos_{LatencyBounds()};
  ViewCache views_;
  Executor executor_;
  HeadWaiter waiter_;
};

}  // namespace credence::server
