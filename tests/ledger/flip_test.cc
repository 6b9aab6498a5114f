#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/fsck.h"
#include "ledger_fixture.h"
#include "log_factory.h"
#include "tampering.h"

// Single bits of a closed ledger's files are turned over, one at a time. Each is found by fsck, or
// everything in the ledger is as it was; and no reader ever gets anything else than what was
// written, or an error.
//
//   CREDENCE_FLIPS      how many bits
//   CREDENCE_FLIP_SEED  turns the same ones again
namespace credence::ledger {
namespace {

namespace fs = std::filesystem;

int64_t Setting(const char* name, int64_t fallback) {
  const char* const text = std::getenv(name);
  int64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : fallback;
}

struct Flip {
  fs::path file;
  int64_t byte = 0;
  int bit = 0;
};

class FlipTest : public LedgerFixture {
 protected:
  void Fill() {
    for (const int count : {300, 260, 120, 60}) {
      Open();
      AppendMany(count);
      for (int i = 0; i < 6; ++i) requests_.push_back(Append("a", {absl::StrCat(i)}));
      for (int i = 0; i < 20; ++i) Record(absl::StrCat("because of ", count, ", ", i));
      Close();
    }
    EraseOne();
    // Opened to write, it would empty the write-ahead log.
    const absl::StatusOr<std::unique_ptr<Log>> log = Log::OpenReadOnly(directory_.path());
    ASSERT_TRUE(log.ok()) << log.status();
    entries_ = ReadAll(**log);
    head_ = (*log)->tree_head();
    for (const auto& file : fs::recursive_directory_iterator(directory_.path())) {
      const std::string name = file.path().filename().string();
      // What the database tells people, and its lock, hold no byte of the ledger.
      if (!file.is_regular_file() || absl::StartsWith(name, "LOG") || name == "LOCK") continue;
      files_.emplace_back(file.path(), file.file_size());
      byte_count_ += file.file_size();
    }
    std::sort(files_.begin(), files_.end());
  }

  void Record(const std::string& rationale) {
    const absl::StatusOr<Receipt> receipt =
        SubmitAndWait(*log_, WriteOf(rationale, rationale, {Forecast(rationale)}));
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    texts_[receipt->position.value] = rationale;
  }

  void EraseOne() {
    Open();
    const int64_t position = std::next(texts_.begin(), 5)->first;
    ASSERT_TRUE(SubmitAndWait(*log_, Erasure("erase", Position{position})).ok());
    texts_[position].clear();
    Close();
  }

  // Half of them evenly over the bytes, half over the files: some files are small.
  Flip Draw(std::mt19937_64& random) {
    const int bit = static_cast<int>(random() % 8);
    if (random() % 2 == 0) {
      const auto& [file, size] = files_[random() % files_.size()];
      if (size > 0) return {file, static_cast<int64_t>(random() % size), bit};
    }
    uint64_t at = random() % byte_count_;
    for (const auto& [file, size] : files_) {
      if (at < size) return {file, static_cast<int64_t>(at), bit};
      at -= size;
    }
    ADD_FAILURE() << "the files are smaller than they were";
    return {};
  }

  // "sst", "log", "MANIFEST", ...
  static std::string KindOf(const fs::path& file) {
    const std::string extension = file.extension().string();
    if (!extension.empty()) return extension.substr(1);
    const std::string name = file.filename().string();
    return name.substr(0, name.find('-'));
  }

  // Whether a log that opened holds everything as it was. What it gives and was never written is a
  // failure of the test.
  bool HoldsEverything(const Log& log) {
    if (log.tree_head() != head_) return false;
    for (size_t from = 0; from < entries_.size();) {
      const absl::StatusOr<std::vector<StoredEntry>> read =
          log.Read(Position{static_cast<int64_t>(from)}, {.entry_count_max = 100});
      if (!read.ok()) {
        EXPECT_EQ(ReasonOf(read.status()), "LEDGER_FAILED");
        return false;
      }
      for (const StoredEntry& entry : *read) {
        EXPECT_EQ(*entry.bytes, *entries_[from].bytes) << "position " << from << " is served wrong";
        ++from;
      }
    }
    return HoldsTexts(log) && HoldsRequests(log) && HoldsStreams(log);
  }

  bool HoldsTexts(const Log& log) {
    for (const auto& [position, written] : texts_) {
      const absl::StatusOr<std::vector<event::v1::EntryText>> texts =
          log.ReadTexts(entries_[static_cast<size_t>(position)]);
      if (!texts.ok()) return false;
      EXPECT_EQ(texts->size(), 1U) << "position " << position;
      if (texts->size() != 1) return false;
      EXPECT_EQ(texts->front().text(), written) << "position " << position << " is served wrong";
      EXPECT_EQ(texts->front().has_erased_position(), written.empty()) << "position " << position;
    }
    return true;
  }

  bool HoldsRequests(const Log& log) {
    for (const Receipt& receipt : requests_) {
      const absl::StatusOr<std::optional<Receipt>> found = log.FindReceipt(receipt.request_id);
      if (!found.ok()) return false;
      EXPECT_TRUE(found->has_value()) << receipt.request_id;
      if (!found->has_value()) return false;
      EXPECT_EQ((*found)->position, receipt.position);
      EXPECT_EQ((*found)->leaf_hash, receipt.leaf_hash);
    }
    return true;
  }

  bool HoldsStreams(const Log& log) {
    for (const char* const stream : {"a", "streams/0", "streams/4"}) {
      const absl::StatusOr<std::vector<StoredEntry>> read = log.ReadStream(stream, 0, {});
      if (!read.ok()) return false;
      for (const StoredEntry& entry : *read) {
        EXPECT_EQ(*entry.bytes, *entries_[static_cast<size_t>(entry.position.value)].bytes);
      }
    }
    return true;
  }

  // A copy is opened to write, which repairs what it can: it opens with everything or not at all.
  void ExpectNoWritingOn() {
    const TemporaryDirectory place;
    const std::string copy = place.path() + "/ledger";
    fs::copy(directory_.path(), copy, fs::copy_options::recursive);
    OpenOptions options;
    options.directory = copy;
    options.clock = &clock_;
    const absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(options, nullptr);
    if (log.ok()) {
      EXPECT_EQ((*log)->tree_head(), head_) << "a ledger that lost something goes on";
    }
  }

  void Try(const Flip& flip) {
    FlipBit(flip.file, flip.byte, flip.bit);
    const absl::StatusOr<FsckReport> report = Fsck({.directory = directory_.path()});
    const bool found = !report.ok() || !report->sound();
    const absl::StatusOr<std::unique_ptr<Log>> log = Log::OpenReadOnly(directory_.path());
    const bool whole = log.ok() && HoldsEverything(**log);
    EXPECT_TRUE(found || whole) << "neither found nor harmless";
    const std::string kind = KindOf(flip.file);
    ++(found ? found_ : harmless_)[kind];
    if (kind != "sst" || flip.byte % 16 == 0) ExpectNoWritingOn();
    FlipBit(flip.file, flip.byte, flip.bit);
  }

  std::vector<std::pair<fs::path, uint64_t>> files_;
  uint64_t byte_count_ = 0;
  std::vector<StoredEntry> entries_;
  std::vector<Receipt> requests_;
  // By position; empty where it was erased.
  std::map<int64_t, std::string> texts_;
  TreeHead head_;
  std::map<std::string, int64_t> found_;
  std::map<std::string, int64_t> harmless_;
};

TEST_F(FlipTest, FlippedBitIsFoundOrHarmlessAndNeverServed) {
  const auto seed = static_cast<uint64_t>(
      Setting("CREDENCE_FLIP_SEED", absl::GetCurrentTimeNanos() % 1'000'000'000));
  std::printf("CREDENCE_FLIP_SEED=%llu\n", static_cast<unsigned long long>(seed));
  ASSERT_NO_FATAL_FAILURE(Fill());
  std::mt19937_64 random(seed);
  const int64_t flips = Setting("CREDENCE_FLIPS", 120);
  const absl::Time end = absl::Now() + absl::Seconds(Setting("CREDENCE_CRASH_SECONDS", 86'400));
  int64_t tried = 0;
  for (; tried < flips && absl::Now() < end && !HasFailure(); ++tried) {
    const Flip flip = Draw(random);
    SCOPED_TRACE(absl::StrCat(flip.file.string(), " byte ", flip.byte, " bit ", flip.bit));
    Try(flip);
  }
  std::printf("%lld of %lld flips over %llu bytes\n", static_cast<long long>(tried),
              static_cast<long long>(flips), static_cast<unsigned long long>(byte_count_));
  for (const auto& [file, size] : files_) found_[KindOf(file)] += 0;
  for (const auto& [kind, count] : found_) {
    std::printf("  %-10s %6lld found, %6lld harmless\n", kind.c_str(),
                static_cast<long long>(count), static_cast<long long>(harmless_[kind]));
  }
}

}  // namespace
}  // namespace credence::ledger
