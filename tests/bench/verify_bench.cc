// credence_verify_bench [ENTRIES] [OUTPUT.json]: how fast an exported log is verified. Writes a log
// of ENTRIES entries (1,000,000 where absent), in 1,000 streams, every fifth a forecast, to a
// directory; then measures, in processor time of one core, SHA-256 over the bytes of the entries in
// one stream, and the verification of everything from the files. Prints the ratio of the two rates,
// the rate by the clock where a second core reads ahead, and the memory that verifying took beyond
// what was there before.
#include <openssl/evp.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/log_verifier.h"
#include "credence/client/verify/merkle.h"
#include "credence/client/verify/stream_map.h"
#include "credence/client/verify/tile.h"
#include "credence/event/v1/envelope.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "note_signer.h"

namespace credence::client {
namespace {

constexpr int kStreams = 1'000;
constexpr int64_t kMapInterval = 3'072;
constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr int kRounds = 3;

double ProcessorSeconds() {
  timespec time{};
  CREDENCE_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int64_t PeakKilobytes() {
  rusage usage{};
  CREDENCE_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_maxrss;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Writes a log file by file, so that its size does not show in the memory.
class LogWriter {
 public:
  LogWriter(std::string directory, const NoteSigner& signer)
      : directory_(std::move(directory)), signer_(signer) {
    event::v1::LedgerCreated created;
    created.set_origin(signer.key().name);
    created.set_verifier_key(FormatVerifierKey(signer.key()));
    Add("ledger", created, "");
  }

  void AddEvent(int64_t number) {
    if (size_ - last_record_ >= kMapInterval) return AddMapRecord();
    event::v1::ForecastRecorded forecast;
    forecast.set_question(absl::StrCat("question-", number % kStreams));
    forecast.set_forecast(absl::StrCat("f", number));
    forecast.set_forecaster(absl::StrCat("analyst-", number % 37));
    forecast.add_probabilities(0.25);
    forecast.add_probabilities(0.75);
    forecast.set_rationale(std::string(60, 'r'));
    if (number % 5 == 0) {
      return Add(absl::StrCat("questions/question-", number % kStreams), forecast,
                 Cat("forecasters/", forecast.forecaster(), "/forecasts"));
    }
    event::v1::SourceCreated source;
    source.set_source(absl::StrCat("source-", number));
    source.set_description(std::string(100, 'd'));
    Add(absl::StrCat("networks/network-", number % kStreams), source, "");
  }

  // The rows that are not full, and the checkpoint. Returns the bytes of all entries.
  int64_t Finish() {
    Checkpoint checkpoint{signer_.key().name, size_, {}, {}};
    TreeAccumulator tree;
    for (int level = kTileLevelMax; level >= 0; --level) {
      for (const Hash& hash : rows_[static_cast<size_t>(level)]) {
        tree.AppendSubtree(8 * level, hash);
      }
    }
    checkpoint.root = tree.root();
    for (int level = 0; level <= kTileLevelMax; ++level) {
      if (!rows_[static_cast<size_t>(level)].empty()) WriteRow(level);
    }
    WriteFile(directory_ + "/checkpoint", signer_.Note(FormatCheckpoint(checkpoint)));
    return bytes_;
  }

 private:
  void AddMapRecord() {
    event::v1::StreamHeadsRecorded record;
    record.set_tree_size(size_);
    record.set_stream_count(map_.size());
    record.set_map_root(std::string(BytesOf(map_.Root())));
    last_record_ = size_;
    Add("ledger", record, "");
  }

  template <typename Place>
  void SetPlace(const std::string& stream, Place& place) {
    place.set_stream(stream);
    const auto [found, is_new] = streams_.try_emplace(stream, 0);
    if (is_new) {
      found->second = map_.Add(StreamMapKey(stream), {0, size_});
      return;
    }
    const StreamHead head = map_.head(found->second);
    place.set_stream_version(head.version + 1);
    place.set_previous_position(head.position);
    map_.Set(found->second, {head.version + 1, size_});
  }

  void Add(const std::string& stream, const google::protobuf::Message& payload,
           const std::string& link) {
    event::v1::EventEnvelope envelope;
    envelope.set_position(size_);
    SetPlace(stream, envelope);
    if (!link.empty()) SetPlace(link, *envelope.add_links());
    envelope.mutable_record_time()->set_seconds(1'600'000'000 + size_);
    *envelope.mutable_effective_time() = envelope.record_time();
    envelope.set_actor("forecasters/analyst-1");
    envelope.set_request_id(absl::StrFormat("%08x-0000-4000-8000-000000000000", size_));
    envelope.mutable_payload()->PackFrom(payload);
    const std::string entry = envelope.SerializeAsString();
    bundle_.push_back(static_cast<char>(entry.size() >> 8));
    bundle_.push_back(static_cast<char>(entry.size() & 0xff));
    bundle_.append(entry);
    bytes_ += static_cast<int64_t>(entry.size());
    ++size_;
    Append(0, LeafHash(entry));
  }

  void Append(int level, const Hash& hash) {
    std::vector<Hash>& row = rows_[static_cast<size_t>(level)];
    row.push_back(hash);
    if (row.size() < static_cast<size_t>(kTileWidth)) return;
    const Hash root = PerfectRoot(row);
    WriteRow(level);
    Append(level + 1, root);
  }

  void WriteRow(int level) {
    std::vector<Hash>& row = rows_[static_cast<size_t>(level)];
    const auto width = static_cast<int>(row.size());
    std::string bytes;
    for (const Hash& hash : row) bytes.append(BytesOf(hash));
    const int64_t index = (LevelWidth(size_, level) - width) / kTileWidth;
    WriteFile(Cat(directory_, "/", TilePath({level, index, width})), bytes);
    row.clear();
    if (level > 0) return;
    WriteFile(Cat(directory_, "/", TilePath({kEntriesLevel, index, width})), bundle_);
    bundle_.clear();
  }

  const std::string directory_;
  const NoteSigner& signer_;
  int64_t size_ = 0;
  int64_t last_record_ = 0;
  int64_t bytes_ = 0;
  std::unordered_map<std::string, StreamMap::Index> streams_;
  StreamMap map_;
  std::string bundle_;
  std::array<std::vector<Hash>, kTileLevelMax + 1> rows_;
};

// Seconds that SHA-256 takes over `bytes` bytes in one stream.
double RawSeconds(int64_t bytes) {
  const std::string chunk(kChunkBytes, 'x');
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const double start = ProcessorSeconds();
  CREDENCE_CHECK(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
  for (int64_t done = 0; done < bytes; done += static_cast<int64_t>(kChunkBytes)) {
    CREDENCE_CHECK(EVP_DigestUpdate(context, chunk.data(), chunk.size()) == 1);
  }
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  CREDENCE_CHECK(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  const double seconds = ProcessorSeconds() - start;
  EVP_MD_CTX_free(context);
  return seconds;
}

// What a verification took of all processors, and by the clock.
struct VerifyCost {
  double processor = 1e9;
  double wall = 1e9;
};

VerifyCost Verify(const std::string& directory, const VerifierKey& key, bool reads_ahead) {
  const std::unique_ptr<LogSource> source = MakeDirectorySource(directory);
  VerifyOptions options;
  options.reads_ahead = reads_ahead;
  const double start = ProcessorSeconds();
  const absl::Time began = absl::Now();
  const absl::StatusOr<VerifyReport> report = VerifyLog(*source, key, options);
  const VerifyCost cost{ProcessorSeconds() - start, absl::ToDoubleSeconds(absl::Now() - began)};
  if (!report.ok()) absl::FPrintF(stderr, "%s\n", report.status().ToString());
  CREDENCE_CHECK(report.ok());
  return cost;
}

void KeepBest(VerifyCost& best, const VerifyCost& cost) {
  best.processor = std::min(best.processor, cost.processor);
  best.wall = std::min(best.wall, cost.wall);
}

void UseCores(int count) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int core = 0; core < count; ++core) CPU_SET(core, &cores);
  CREDENCE_CHECK(sched_setaffinity(0, sizeof(cores), &cores) == 0);
}

struct Figures {
  int64_t entries = 0;
  int64_t bytes = 0;
  double raw = 1e9;
  VerifyCost one_core;
  VerifyCost two_cores;
  int64_t grown_kb = 0;
};

// The best of some rounds each, side by side, since other work disturbs all.
void Measure(const std::string& directory, const VerifierKey& key, Figures& figures) {
  const int64_t before = PeakKilobytes();
  for (int round = 0; round < kRounds; ++round) {
    UseCores(1);
    figures.raw = std::min(figures.raw, RawSeconds(figures.bytes));
    KeepBest(figures.one_core, Verify(directory, key, false));
    UseCores(2);
    KeepBest(figures.two_cores, Verify(directory, key, true));
  }
  figures.grown_kb = PeakKilobytes() - before;
}

void Print(const Figures& figures, const std::string& output) {
  const double megabytes = 1e-6 * static_cast<double>(figures.bytes);
  const double ratio = figures.raw / figures.one_core.processor;
  absl::PrintF(
      "entries %d, %.0f MB\nSHA-256 alone   %8.0f MB/s\nverify          %8.0f MB/s of one core, "
      "%.0f entries/s\nratio           %8.2f\non two cores    %8.0f MB/s by the clock, %.2f of the "
      "processor time\nmemory          %8d kB more\n",
      figures.entries, megabytes, megabytes / figures.raw, megabytes / figures.one_core.processor,
      static_cast<double>(figures.entries) / figures.one_core.processor, ratio,
      megabytes / figures.two_cores.wall, figures.two_cores.processor / figures.one_core.processor,
      figures.grown_kb);
  if (output.empty()) return;
  std::ofstream(output) << absl::StrFormat(
      "{\"entries\": %d, \"bytes\": %d, \"sha256_mb_per_s\": %.1f, \"verify_mb_per_s\": %.1f, "
      "\"ratio\": %.3f, \"two_cores_mb_per_s\": %.1f, \"memory_kb\": %d}\n",
      figures.entries, figures.bytes, megabytes / figures.raw,
      megabytes / figures.one_core.processor, ratio, megabytes / figures.two_cores.wall,
      figures.grown_kb);
}

void Run(int64_t entries, const std::string& output) {
  std::string directory = (std::filesystem::temp_directory_path() / "credence-XXXXXX").string();
  CREDENCE_CHECK(mkdtemp(directory.data()) != nullptr);
  const NoteSigner signer("example.org/bench");
  Figures figures;
  figures.entries = entries;
  {
    LogWriter writer(directory, signer);
    for (int64_t i = 1; i < entries; ++i) writer.AddEvent(i);
    figures.bytes = writer.Finish();
  }
  Measure(directory, signer.key(), figures);
  std::filesystem::remove_all(directory);
  Print(figures, output);
}

}  // namespace
}  // namespace credence::client

int main(int argc, char** argv) {
  int64_t entries = 1'000'000;
  if (argc > 1) CREDENCE_CHECK(absl::SimpleAtoi(argv[1], &entries));
  credence::client::Run(entries, argc > 2 ? argv[2] : "");
  return 0;
}
