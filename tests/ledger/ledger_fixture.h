#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "credence/ledger/clock.h"
#include "credence/ledger/event.h"
#include "credence/ledger/log.h"
#include "credence/ledger/sequencer.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace credence::ledger {

// A directory that goes away with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// An event in `stream` that says `text`.
[[nodiscard]] EventDraft Say(std::string_view stream, std::string_view text);

// A forecast of question "q" for the reason `rationale`: a text that lies beside the log.
[[nodiscard]] EventDraft Forecast(std::string_view rationale);

// A write that erases the text `field` of an entry of the stream of question "q".
[[nodiscard]] Submission Erasure(std::string_view request_id, Position position,
                                 std::string_view field = "rationale");

// The names of the files below `directory` in which `text` stands.
[[nodiscard]] std::vector<std::string> FilesWith(const std::string& directory,
                                                 std::string_view text);

// What an entry made by Say says.
[[nodiscard]] std::string TextOf(const StoredEntry& entry);

// The envelope of an entry; fails the test where it is none.
[[nodiscard]] event::v1::EventEnvelope EnvelopeOf(const StoredEntry& entry);

// A write of `drafts`, whose digest is that of `body`; without `done`.
[[nodiscard]] Submission WriteOf(std::string_view request_id, std::string_view body,
                                 std::vector<EventDraft> drafts);

// Hands over `submission` and waits for its outcome.
[[nodiscard]] absl::StatusOr<Receipt> SubmitAndWait(Log& log, Submission submission);

// All entries, read in portions of `portion`.
[[nodiscard]] std::vector<StoredEntry> ReadAll(const Log& log, int64_t portion = 1'000);

// The root of the tree over `entries`, by the definition of RFC 6962.
[[nodiscard]] Hash NaiveRoot(const std::vector<Hash>& leaves);

// The reason of an error.
[[nodiscard]] std::string ReasonOf(const absl::Status& status);

// Outcomes that come from other threads.
class Outcomes {
 public:
  // For Submission::done.
  [[nodiscard]] std::function<void(absl::StatusOr<Receipt>)> Collector();
  [[nodiscard]] std::vector<absl::StatusOr<Receipt>> AwaitCount(size_t count);

 private:
  absl::Mutex mutex_;
  std::vector<absl::StatusOr<Receipt>> outcomes_;
};

// A ledger in a directory of its own, written and reopened in few words.
class LedgerFixture : public testing::Test {
 protected:
  LedgerFixture();
  ~LedgerFixture() override;

  // Opens and starts it; over `env` where it is not null.
  void Open(rocksdb::Env* env = nullptr);
  void OpenWithLimits(const WriteLimits& limits);
  void Close() { log_.reset(); }
  void Reopen() {
    Close();
    Open();
  }

  // Appends events to `stream` that say `texts`, under a fresh request id.
  Receipt Append(std::string_view stream, const std::vector<std::string>& texts);
  // Appends `count` events of a varying size, some of them in one write.
  void AppendMany(int count);

  // Occupies the sequencer thread until the returned function is called.
  [[nodiscard]] std::function<void()> HoldSequencer();

  // Positions contiguous, stream versions and predecessors chained, root and head as recorded.
  void ExpectSound();

  TemporaryDirectory directory_;
  SimulatedClock clock_;
  WriteLimits limits_;
  // Folds for the log when it is opened; may be null.
  Projection* projection_ = nullptr;
  std::string verifier_key_;
  std::unique_ptr<Log> log_;

 private:
  int64_t next_request_ = 0;
};

}  // namespace credence::ledger
