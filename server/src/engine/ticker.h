#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/engine.h"

// What becomes due by time alone, written by the actor `system`: the posteriors of deadlines that
// came nearer, once a day at midnight UTC, for networks that nobody writes to; the close of a
// question at its close time; and its resolution where it says how it resolves by itself.
//
// Each is one write with a request id of its own, so that none is recorded twice, also not by a
// server that was stopped in between and looks again.
//
// Thread-safe, but for Start and Stop.
namespace credence::server {

struct TickerOptions {
  // How often it looks.
  absl::Duration interval = absl::Minutes(1);
  // A network or question is left alone until nothing was written to it for this long, so that a
  // history that is being loaded is not overtaken by the present between two of its items.
  absl::Duration quiet_time = absl::Minutes(10);
  // Told, on a thread of the log, why a write that was due was not recorded. May be empty.
  std::function<void(const std::string& problem)> report = nullptr;
};

class Ticker {
 public:
  // The engine must outlive the ticker.
  explicit Ticker(Engine* engine, const TickerOptions& options = {});
  ~Ticker();

  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Starts the thread that looks by itself.
  void Start();
  // Idempotent.
  void Stop();

  // Looks once: submits what is due and returns how many writes that were. From one thread at a
  // time.
  int64_t Look();

 private:
  struct Seen {
    int64_t revision = -1;
    absl::Time since;
    // Midnight that was found to move nothing, or whose tick was submitted.
    absl::Time settled = absl::InfinitePast();
    // Revision of a question at which its close or resolution was submitted.
    int64_t submitted_revision = -1;
  };

  void Run();
  // What is remembered of a stream, brought up to its revision.
  [[nodiscard]] Seen& SeenAt(const std::string& stream, int64_t revision, absl::Time now);
  [[nodiscard]] bool QuietFor(const Seen& seen, absl::Time now) const;
  [[nodiscard]] bool LookAtNetwork(const State& state, const NetworkState& network,
                                   absl::Time midnight, absl::Time now);
  [[nodiscard]] bool LookAtQuestion(const State& state, const QuestionState& question,
                                    absl::Time now);
  [[nodiscard]] bool SubmitTick(const State& state, const std::string& network, absl::Time midnight,
                                absl::Time now);
  void SubmitClose(const QuestionState& question);
  void SubmitResolution(const QuestionState& question);

  Engine* const engine_;
  const TickerOptions options_;
  // By stream. Whoever looks only.
  std::map<std::string, Seen> seen_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace credence::server
