#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "credence/client/verify/witness_client.h"
#include "credence/client/verify/witness_policy.h"
#include "credence/ledger/log.h"
#include "credence/ledger/tlog.h"
#include "engine/published_checkpoint.h"
#include "main/pace.h"

namespace credence::server {

struct WitnessFeedOptions {
  explicit WitnessFeedOptions(client::WitnessPolicy asked) : policy(std::move(asked)) {}

  client::WitnessPolicy policy;
  // Time between two rounds; one begins when the one before has ended.
  absl::Duration interval = absl::Seconds(10);
  // A log that does not grow is cosigned again after this time, so that readers see that nothing
  // newer is held back.
  absl::Duration renewal = absl::Hours(1);
  // Of one request.
  absl::Duration timeout = absl::Seconds(10);
  // File that keeps what was published, so that a restart goes on from it.
  std::string path;
};

// Asks witnesses to cosign the checkpoint signed last, all at once and once an interval, and
// publishes what a quorum cosigned. Where there is nothing new to cosign, those are asked again
// that gave nothing, so that a witness that was away adds its line when it is back. Nothing waits
// for it but those who read what is published.
//
// Thread-safe, but for Start and Stop, which the owner calls one after the other.
class WitnessFeed {
 public:
  // Told, on a thread of the feed, of a witness whose standing changed: the error, or OK again.
  using Report = std::function<void(const std::string& witness, const absl::Status& status)>;

  // INVALID_ARGUMENT for a policy without an address, or one that its witnesses with an address
  // cannot meet. What `options.path` holds is published if it is a quorum's and the log's. `log`
  // and `published` must outlive the feed.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<WitnessFeed>> Make(
      const ledger::Log& log, PublishedCheckpoint& published, WitnessFeedOptions options,
      Report report);
  // Stops.
  ~WitnessFeed();
  WitnessFeed(const WitnessFeed&) = delete;
  WitnessFeed& operator=(const WitnessFeed&) = delete;

  void Start();
  // In place of the options' interval and renewal, from the wait under way on. Both are positive.
  void SetTimes(absl::Duration interval, absl::Duration renewal);
  // Ends the requests under way, and joins. Idempotent.
  void Stop();

  // One round, now: for whoever does not Start it. True where a quorum cosigned.
  bool RunRound();

 private:
  // One witness, and its part of the round.
  struct Member {
    // Null for a witness without an address.
    std::unique_ptr<client::WitnessClient> client;
    WitnessStanding standing;
    std::vector<client::NoteSignature> cosignatures;
  };
  struct Round;

  WitnessFeed(const ledger::Log& log, PublishedCheckpoint& published, WitnessFeedOptions options,
              Report report);
  [[nodiscard]] absl::Status MakeClients();
  void LoadPublished();
  void Run();
  // Whether all are to be asked, since the log grew or the last quorum is old.
  [[nodiscard]] bool IsDue(const ledger::SignedCheckpoint& latest);
  void Ask(Round& round, size_t index);
  void Publish(Round& round) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(size_t index, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ledger::Log& log_;
  PublishedCheckpoint& published_;
  const WitnessFeedOptions options_;
  const Report report_;

  Pace pace_;

  absl::Mutex mutex_;
  std::vector<Member> members_;
  absl::Duration renewal_ ABSL_GUARDED_BY(mutex_);
  // Of the last quorum.
  ledger::TreeSize cosigned_size_;
  absl::Time cosigned_time_ = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace credence::server
