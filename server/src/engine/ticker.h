#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/engine.h"

// Publishes the posteriors of deadlines that came nearer, once a day at midnight UTC, for networks
// that nobody writes to.
//
// Thread-safe, but for Start and Stop.
namespace credence::server {

struct TickerOptions {
  // How often it looks.
  absl::Duration interval = absl::Minutes(1);
  // A network is left alone until nothing was written to it for this long, so that a history that
  // is being loaded is not overtaken by the present between two of its items.
  absl::Duration quiet_time = absl::Minutes(10);
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
  };

  void Run();
  [[nodiscard]] bool Due(const State& state, const NetworkState& network, absl::Time midnight,
                         absl::Time now);
  [[nodiscard]] bool Submit(const State& state, const std::string& network, absl::Time midnight,
                            absl::Time now);

  Engine* const engine_;
  const TickerOptions options_;
  // Whoever looks only.
  std::map<std::string, Seen> seen_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace credence::server
