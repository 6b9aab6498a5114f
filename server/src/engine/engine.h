#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"
#include "credence/v1/common.pb.h"
#include "decide/decide.h"
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
  // The request's serialized bytes without its request id: the same for each retry.
  std::string body;
  v1::WriteOptions options;
  // Stream of the expected revision. Called with the state that the write is decided on.
  std::function<absl::StatusOr<std::string>(const State&)> stream;
  // True where the decision reads the question's history.
  bool needs_history = false;
  std::function<DecisionOr(const State&, const DecideFacts&)> decide;
};

// What a write did.
struct WriteResult {
  // Absent where the write was only validated.
  std::optional<ledger::Receipt> receipt;
  // Empty for a repeat, whose decision was made long ago.
  Decision decision;
  // A state that holds the write; for a repeat the newest one.
  std::shared_ptr<const State> state;
};

class Engine final : public ledger::Projection {
 public:
  // `log` must outlive the engine.
  explicit Engine(ledger::Log* log, const ledger::Clock* clock);
  ~Engine() override;

  // Loads the stored state, replays the rest, and starts the log and the ticker of deadlines.
  [[nodiscard]] absl::Status Start();
  // Finishes what was taken, stores the state, stops the log.
  void Stop();

  // The newest durable state. Never null after Start.
  [[nodiscard]] std::shared_ptr<const State> Published() const;

  // Hands over a write; `done` is called once, on another thread.
  void Write(WriteCommand command, std::function<void(absl::StatusOr<WriteResult>)> done);

  // Calls `ready` with the state that `view` asks for. With min_position it waits for it, until
  // `deadline` (DEADLINE_EXCEEDED). An as-of view of one network or question (`scope`, such as
  // "networks/x") replays the streams that bear on it only; an empty scope replays everything.
  // OUT_OF_RANGE (BEYOND_HEAD) for a position beyond the head.
  void View(const v1::ReadView& view, std::string_view scope, absl::Time deadline,
            std::function<void(absl::StatusOr<std::shared_ptr<const State>>)> ready);

  [[nodiscard]] ledger::Log& log() { return *log_; }
  [[nodiscard]] const ledger::Clock& clock() const { return *clock_; }

  void Fold(const ledger::SequencedEvent& event) override;
  [[nodiscard]] std::function<void()> Seal(ledger::StateWriter& writer,
                                           ledger::TreeSize size) override;

 private:
  ledger::Log* log_;
  const ledger::Clock* clock_;
};

}  // namespace credence::server
