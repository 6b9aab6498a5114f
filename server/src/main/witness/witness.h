#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/witness_client.h"
#include "credence/ledger/cosigner.h"
#include "http/http.h"

namespace credence::server {

// A log that a witness watches: whoever has the key may have its checkpoints cosigned.
struct WitnessedLog {
  std::string origin;
  client::VerifierKey key;
};

// "ORIGIN KEY", or a verifier key whose name is the origin.
[[nodiscard]] absl::StatusOr<WitnessedLog> ParseWitnessedLog(std::string_view text);

struct WitnessOptions {
  // Holds `witness.key`, and in `logs/` for each log the checkpoint cosigned last.
  std::string directory;
  // An origin may have several keys.
  std::vector<WitnessedLog> logs;
  std::function<absl::Time()> now = absl::Now;
  // Told of a log that was caught with two trees of one size. May be empty.
  std::function<void(const std::string& origin, const std::string& evidence_path)> on_fork;
};

// A witness of logs (C2SP tlog-witness): it cosigns a checkpoint that extends the one it cosigned
// before, and never one that does not. What it cosigned is on disk, synced, before it is answered,
// so that no crash lets it cosign two histories.
//
// Thread-safe.
class Witness {
 public:
  // Makes the directory and the key of a new witness; gives its verifier key. May be repeated.
  [[nodiscard]] static absl::StatusOr<std::string> Create(const std::string& directory,
                                                          const std::string& name);

  // FAILED_PRECONDITION, reason WRONG_STATE, where there is no key or another process has the
  // directory; DATA_LOSS where what was kept of a log is damaged: without it nobody can tell what
  // was cosigned. INVALID_ARGUMENT where there is no log to watch.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Witness>> Open(WitnessOptions options);

  ~Witness();
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  [[nodiscard]] const std::string& verifier_key() const { return cosigner_.verifier_key(); }

  // Answers the body of a POST to /add-checkpoint:
  //
  //   200  the cosignature; the checkpoint is on disk
  //   400  malformed, or an old size larger than the checkpoint's
  //   403  not signed by a key of the log
  //   404  an origin that is not watched
  //   409  another old size than that of the checkpoint cosigned last, which is the answer's body,
  //        of type text/x.tlog.size; or the same size and another root
  //   422  the consistency proof does not hold
  //   500  the disk failed; nothing was cosigned
  [[nodiscard]] HttpResponse AddCheckpoint(std::string_view body);

  // The same for any request: other paths are 404, other methods 405.
  [[nodiscard]] HttpResponse Answer(const HttpRequest& request);

 private:
  struct Log {
    std::vector<client::VerifierKey> keys;
    // Of the checkpoint cosigned last; absent where none was.
    std::optional<client::Checkpoint> latest;
  };
  class Lock;

  Witness(WitnessOptions options, ledger::Cosigner cosigner, std::unique_ptr<Lock> lock);

  [[nodiscard]] std::string PathOf(std::string_view folder, std::string_view origin) const;
  [[nodiscard]] absl::Status Load(const std::string& origin, Log& log);
  [[nodiscard]] std::optional<HttpResponse> Refuse(const client::AddCheckpointRequest& request,
                                                   const client::Checkpoint& checkpoint,
                                                   const Log& log)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepEvidence(const client::Checkpoint& checkpoint, const std::string& note);

  const WitnessOptions options_;
  const ledger::Cosigner cosigner_;
  const std::unique_ptr<Lock> lock_;
  absl::Mutex mutex_;
  std::map<std::string, Log, std::less<>> logs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::server
