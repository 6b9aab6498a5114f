// credence_ledger_bench [EVENTS] [OUTPUT.json]: the log by itself, without a server. Durable events
// a second and processor time an event, in writes of one and of 1,000 events, beside bare RocksDB
// that writes the same bytes with one synced batch for each group; then the time and the memory of
// opening EVENTS events (1,000,000 where absent).
#include <google/protobuf/wrappers.pb.h>
#include <rocksdb/db.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/check.h"
#include "credence/ledger/log.h"

namespace credence::ledger {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kPayloadBytes = 150;
constexpr int kStreams = 1'000;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double ProcessorSeconds() {
  rusage usage{};
  CREDENCE_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Measure {
  double events_per_second = 0;
  double processor_us_per_event = 0;
};

Measure Summarize(int64_t events, SteadyClock::time_point start, double processor_start) {
  const double count = static_cast<double>(events);
  return {count / SecondsSince(start), 1e6 * (ProcessorSeconds() - processor_start) / count};
}

EventDraft MakeDraft(int64_t number) {
  const auto payload = std::make_shared<google::protobuf::StringValue>();
  payload->set_value(std::string(kPayloadBytes, static_cast<char>('a' + number % 26)));
  EventDraft draft;
  draft.stream = absl::StrCat("questions/question-", number % kStreams);
  draft.payload = payload;
  draft.actor = "forecasters/bench";
  return draft;
}

// Keeps `in_flight` writes of `write_size` events going until `events` are durable.
class Load {
 public:
  Load(Log& log, int64_t events, int write_size, int in_flight)
      : log_(log), writes_(events / write_size), write_size_(write_size), in_flight_(in_flight) {}

  Measure Run(const std::string& name) {
    const double processor_start = ProcessorSeconds();
    const SteadyClock::time_point start = SteadyClock::now();
    for (int64_t i = 0; i < writes_; ++i) {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &Load::MayStart));
      ++started_;
      log_.Submit(MakeWrite(absl::StrCat(name, "-", i), i));
    }
    absl::MutexLock lock(&mutex_, absl::Condition(this, &Load::Finished));
    return Summarize(writes_ * write_size_, start, processor_start);
  }

 private:
  [[nodiscard]] bool MayStart() const { return started_ - answered_ < in_flight_; }
  [[nodiscard]] bool Finished() const { return answered_ == writes_; }

  Submission MakeWrite(std::string request_id, int64_t number) {
    Submission submission;
    submission.request_id = std::move(request_id);
    submission.decide = [this, number](const DecideContext&) {
      std::vector<EventDraft> drafts;
      drafts.reserve(static_cast<size_t>(write_size_));
      for (int i = 0; i < write_size_; ++i) drafts.push_back(MakeDraft(number * write_size_ + i));
      return drafts;
    };
    submission.done = [this](const absl::StatusOr<Receipt>& receipt) {
      CREDENCE_CHECK(receipt.ok());
      absl::MutexLock lock(&mutex_);
      ++answered_;
    };
    return submission;
  }

  Log& log_;
  const int64_t writes_;
  const int write_size_;
  const int in_flight_;
  absl::Mutex mutex_;
  int64_t started_ = 0;
  int64_t answered_ = 0;
};

// As many bytes an event, one synced batch for each group of `group` events.
Measure BareRocksDb(const std::string& directory, int64_t events, int group, size_t entry_bytes) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  CREDENCE_CHECK(rocksdb::DB::Open(options, directory, &raw).ok());
  const std::unique_ptr<rocksdb::DB> database(raw);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const std::string entry(entry_bytes, 'x');
  const double processor_start = ProcessorSeconds();
  const SteadyClock::time_point start = SteadyClock::now();
  for (int64_t i = 0; i < events;) {
    rocksdb::WriteBatch batch;
    for (int k = 0; k < group; ++k, ++i) {
      CREDENCE_CHECK(batch.Put(absl::StrFormat("%016d", i), entry).ok());
    }
    CREDENCE_CHECK(database->Write(durable, &batch).ok());
  }
  return Summarize(events, start, processor_start);
}

std::unique_ptr<Log> OpenLog(const std::string& directory, const Clock& clock) {
  absl::StatusOr<std::unique_ptr<Log>> log =
      Log::Open({.directory = directory, .clock = &clock, .limits = {}});
  CREDENCE_CHECK(log.ok());
  return *std::move(log);
}

struct OpenMeasure {
  double seconds = 0;
  double peak_mebibytes = 0;
};

// In a process of its own, whose peak memory is that of the opening.
OpenMeasure MeasureOpening(const std::string& directory) {
  int ends[2];
  CREDENCE_CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CREDENCE_CHECK(child >= 0);
  if (child == 0) {
    OpenMeasure measure;
    const RealClock clock;
    const SteadyClock::time_point start = SteadyClock::now();
    const std::unique_ptr<Log> log = OpenLog(directory, clock);
    measure.seconds = SecondsSince(start);
    // ru_maxrss would count what the parent had at the fork; this is what is resident now.
    int64_t pages = 0;
    int64_t resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    measure.peak_mebibytes = static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
    CREDENCE_CHECK(write(ends[1], &measure, sizeof(measure)) == sizeof(measure));
    _exit(0);
  }
  OpenMeasure measure;
  CREDENCE_CHECK(read(ends[0], &measure, sizeof(measure)) == sizeof(measure));
  CREDENCE_CHECK(waitpid(child, nullptr, 0) == child);
  return measure;
}

void Print(const char* what, const Measure& measure) {
  std::printf("%-44s %12.0f events/s %8.2f us CPU/event\n", what, measure.events_per_second,
              measure.processor_us_per_event);
}

std::string Json(const char* name, const Measure& measure) {
  return absl::StrFormat("\"%s\":{\"eventsPerSecond\":%.1f,\"processorMicrosPerEvent\":%.3f}", name,
                         measure.events_per_second, measure.processor_us_per_event);
}

void Run(const std::string& directory, int64_t events, const char* output) {
  const RealClock clock;
  const std::string ledger = directory + "/ledger";
  CREDENCE_CHECK(
      Log::Create({.directory = ledger, .origin = "example.org/bench", .clock = &clock}).ok());
  std::unique_ptr<Log> log = OpenLog(ledger, clock);
  log->Start(nullptr);
  const int64_t single_events = std::min<int64_t>(events / 10, 50'000);
  const Measure single_64 = Load(*log, single_events, 1, 64).Run("single-64");
  const Measure single_512 = Load(*log, single_events, 1, 512).Run("single-512");
  const int64_t rest = (events - 2 * single_events) / 1'000 * 1'000;
  const Measure thousands = Load(*log, rest, 1'000, 8).Run("thousand");
  const size_t entry_bytes =
      log->Read(Position{1}, {.entry_count_max = 1, .byte_count_max = 1})->front().bytes->size();
  log.reset();
  const Measure bare_64 = BareRocksDb(directory + "/bare64", single_events, 64, entry_bytes);
  const Measure bare_1000 = BareRocksDb(directory + "/bare1000", rest, 1'000, entry_bytes);
  const OpenMeasure opening = MeasureOpening(ledger);

  std::printf("entries of %zu bytes\n", entry_bytes);
  Print("ledger, writes of 1 event, 64 in flight", single_64);
  Print("bare RocksDB, groups of 64", bare_64);
  Print("ledger, writes of 1 event, 512 in flight", single_512);
  Print("ledger, writes of 1,000 events, 8 in flight", thousands);
  Print("bare RocksDB, groups of 1,000", bare_1000);
  std::printf("opening of %lld events: %.3f s, %.0f MiB resident\n", static_cast<long long>(events),
              opening.seconds, opening.peak_mebibytes);
  if (output == nullptr) return;
  std::ofstream(output) << absl::StrFormat(
      "{%s,%s,%s,%s,%s,\"opening\":{\"events\":%d,\"seconds\":%.4f,\"residentMebibytes\":%.1f}}\n",
      Json("single64", single_64), Json("bare64", bare_64), Json("single512", single_512),
      Json("thousand", thousands), Json("bare1000", bare_1000), events, opening.seconds,
      opening.peak_mebibytes);
}

}  // namespace
}  // namespace credence::ledger

int main(int argc, char** argv) {
  int64_t events = 1'000'000;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &events) || events < 10'000)) {
    std::fprintf(stderr, "usage: %s [EVENTS, at least 10000] [OUTPUT.json]\n", argv[0]);
    return 2;
  }
  std::string directory = "credence-ledger-bench-XXXXXX";
  CREDENCE_CHECK(mkdtemp(directory.data()) != nullptr);
  credence::ledger::Run(directory, events, argc > 2 ? argv[2] : nullptr);
  std::filesystem::remove_all(directory);
  return 0;
}
