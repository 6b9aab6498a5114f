#include "metrics/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "credence/ledger/stats.h"
#include "decide/posterior.h"
#include "metrics/process_stats.h"
#include "service/version.h"

namespace credence::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double kNanosecond = 1e-9;

// The page as it is put together.
class Page {
 public:
  // Begins a family, in which what follows is put.
  void Family(MetricType type, std::string name, std::string help) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }

  void Value(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }

  void Value(int64_t value, Labels labels = {}) {
    Value(static_cast<double>(value), std::move(labels));
  }

  // `unit` is what one of the histogram's numbers is in the metric's unit.
  void Distribution(const Histogram::Snapshot& histogram, double unit, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    int64_t count = 0;
    for (size_t i = 0; i < histogram.bounds.size(); ++i) {
      count += histogram.counts[i];
      metric.histogram.bucket.push_back(
          {static_cast<uint64_t>(count), static_cast<double>(histogram.bounds[i]) * unit});
    }
    metric.histogram.sample_count = static_cast<uint64_t>(histogram.count);
    metric.histogram.sample_sum = static_cast<double>(histogram.sum) * unit;
    families_.back().metric.push_back(std::move(metric));
  }

  void Gauge(std::string name, std::string help, double value) {
    Family(MetricType::Gauge, std::move(name), std::move(help));
    Value(value);
  }
  void Gauge(std::string name, std::string help, int64_t value) {
    Gauge(std::move(name), std::move(help), static_cast<double>(value));
  }
  void Counter(std::string name, std::string help, double value) {
    Family(MetricType::Counter, std::move(name), std::move(help));
    Value(value);
  }

  [[nodiscard]] std::string Text() const {
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

Labels LabelsOf(const MethodMetrics& metrics) {
  return {{"service", metrics.service}, {"method", metrics.method}};
}

std::string CodeText(size_t code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

// Methods that were never called are left out of what follows, but for the first family.
void AddCalls(const CallMetrics& calls, Page& page) {
  page.Family(MetricType::Counter, "credence_requests_total",
              "Calls answered and streams ended, by method and gRPC code.");
  for (const auto& [name, metrics] : calls.methods()) {
    for (size_t code = 0; code < MethodMetrics::kCodeCount; ++code) {
      const int64_t count = metrics->by_code[code].load(std::memory_order_relaxed);
      // The good ones also where there are none yet, so that a rate has something to begin from.
      if (count == 0 && code != 0) continue;
      Labels labels = LabelsOf(*metrics);
      labels.push_back({"code", CodeText(code)});
      page.Value(count, std::move(labels));
    }
  }
  page.Family(MetricType::Histogram, "credence_request_seconds",
              "Time from a request's arrival to its answer, by method; not of streams.");
  for (const auto& [name, metrics] : calls.methods()) {
    const Histogram::Snapshot nanos = metrics->nanos.Read();
    if (nanos.count > 0) page.Distribution(nanos, kNanosecond, LabelsOf(*metrics));
  }
  page.Family(MetricType::Gauge, "credence_requests_in_flight",
              "Calls that are not answered yet, and open streams, by method.");
  for (const auto& [name, metrics] : calls.methods()) {
    page.Value(metrics->in_flight.load(std::memory_order_relaxed), LabelsOf(*metrics));
  }
}

void AddStreams(const CallMetrics& calls, int64_t log_size, Page& page) {
  struct Lag {
    const MethodMetrics* metrics;
    int64_t count = 0;
    int64_t largest = 0;
  };
  std::vector<Lag> lags;
  for (const auto& [name, metrics] : calls.methods()) {
    Lag lag{metrics.get()};
    absl::MutexLock lock(&metrics->mutex);
    for (const StreamMetrics* stream : metrics->streams) {
      const int64_t next = stream->next_position.load(std::memory_order_relaxed);
      if (next < 0) continue;
      ++lag.count;
      lag.largest = std::max(lag.largest, log_size - next);
    }
    if (lag.count > 0 || metrics->message_count > 0) lags.push_back(lag);
  }
  page.Family(MetricType::Gauge, "credence_watchers", "Open watches of the log, by method.");
  for (const Lag& lag : lags) page.Value(lag.count, LabelsOf(*lag.metrics));
  page.Family(MetricType::Gauge, "credence_watch_lag_events",
              "Events that the slowest open watch has not looked at yet, by method.");
  for (const Lag& lag : lags) page.Value(lag.largest, LabelsOf(*lag.metrics));
  page.Family(MetricType::Counter, "credence_stream_messages_total",
              "Messages sent on streams, by method.");
  for (const Lag& lag : lags) page.Value(lag.metrics->message_count.load(), LabelsOf(*lag.metrics));
}

void AddWrites(const ledger::LogStats& log, const Histogram::Snapshot& decisions, Page& page) {
  page.Gauge("credence_write_queue_length", "Writes that the sequencer has not taken yet.",
             log.queued_write_count);
  page.Gauge("credence_writes_unanswered", "Writes that were taken and are not answered yet.",
             log.unanswered_write_count);
  page.Family(MetricType::Histogram, "credence_write_batch_events",
              "Events in each batch that was written with one fsync.");
  page.Distribution(log.batch_events, 1);
  page.Family(MetricType::Histogram, "credence_write_commit_seconds",
              "Time of one write to the database, its fsync included.");
  page.Distribution(log.commit_nanos, kNanosecond);
  page.Family(MetricType::Histogram, "credence_decision_seconds",
              "Time that the sequencer takes for the decision of a write: its checks, and the "
              "inference of the posteriors that it moves.");
  page.Distribution(decisions, kNanosecond);
}

void AddLog(const ledger::LogStats& log, Page& page) {
  page.Gauge("credence_log_size_events", "Events in the durable log.", log.size.value);
  page.Gauge("credence_log_writable", "1 while the log takes writes, 0 once it failed or stopped.",
             int64_t{log.writable});
  page.Gauge("credence_checkpoint_size_events", "Events that the last signed checkpoint covers.",
             log.checkpoint_size.value);
  page.Gauge("credence_checkpoint_age_seconds",
             "Time since the last checkpoint was signed; 0 where it covers the whole log.",
             absl::ToDoubleSeconds(log.checkpoint_age));
}

void AddVerification(const ledger::LogStats& log, Page& page) {
  page.Counter("credence_entries_checked_total",
               "Entries that were read and held against the hash tree.",
               static_cast<double>(log.checked_entry_count));
  page.Counter("credence_entries_damaged_total", "Entries that did not fit the hash tree.",
               static_cast<double>(log.damaged_entry_count));
}

void AddBackups(const ledger::LogStats& log, Page& page) {
  page.Family(MetricType::Counter, "credence_backups_total",
              "Backups of the served ledger since the start, by result.");
  page.Value(log.backup_count, {{"result", "made"}});
  page.Value(log.failed_backup_count, {{"result", "failed"}});
  page.Gauge("credence_last_backup_time_seconds",
             "When the last backup was made, in seconds since 1970; 0 before the first since the "
             "start.",
             log.last_backup_time == absl::InfinitePast()
                 ? 0.0
                 : absl::ToDoubleSeconds(log.last_backup_time - absl::UnixEpoch()));
}

void AddWitnesses(const PublishedCheckpoint* published, Page& page) {
  const std::vector<WitnessStanding> witnesses =
      published == nullptr ? std::vector<WitnessStanding>() : published->witnesses();
  page.Family(MetricType::Gauge, "credence_witness_size_events",
              "Events that the last checkpoint covers that a witness cosigned, by witness.");
  for (const WitnessStanding& witness : witnesses) {
    page.Value(witness.size.value, {{"witness", witness.name}});
  }
  page.Family(MetricType::Gauge, "credence_witness_up",
              "1 while a witness gave a cosignature when it was asked last, by witness.");
  for (const WitnessStanding& witness : witnesses) {
    page.Value(int64_t{witness.time.has_value() && witness.error.empty()},
               {{"witness", witness.name}});
  }
  page.Family(MetricType::Counter, "credence_witness_failures_total",
              "Times that a witness was asked for a cosignature and gave none.");
  for (const WitnessStanding& witness : witnesses) {
    page.Value(witness.failure_count, {{"witness", witness.name}});
  }
}

void AddDisk(const ledger::LogStats& log, Page& page) {
  page.Gauge("credence_disk_free_bytes", "Free space where the log is.", log.disk_free_bytes);
  page.Gauge("credence_disk_size_bytes", "Size of the file system where the log is.",
             log.disk_size_bytes);
}

void AddStore(const ledger::StoreStats& store, Page& page) {
  page.Gauge("credence_store_table_bytes", "Size of the database's table files.",
             store.table_bytes);
  page.Gauge("credence_store_memtable_bytes", "Size of what is written and not in tables yet.",
             store.memtable_bytes);
  page.Gauge("credence_store_cache_bytes", "Size of the blocks that are cached.",
             store.cache_bytes);
  page.Gauge("credence_store_pending_compaction_bytes",
             "Estimate of what compaction has yet to rewrite.", store.pending_compaction_bytes);
  page.Gauge("credence_store_compactions_running", "Compactions under way.",
             store.running_compaction_count);
  page.Gauge("credence_store_flushes_running", "Flushes of memory to tables under way.",
             store.running_flush_count);
  page.Gauge("credence_store_writes_stopped",
             "1 while the database stops writes until compaction has caught up.",
             int64_t{store.writes_stopped});
  page.Counter("credence_store_compaction_seconds_total",
               "Time spent in flushes and compactions since the start.", store.compaction_seconds);
  page.Counter("credence_store_compaction_written_bytes_total",
               "Bytes written by flushes and compactions since the start.",
               store.compaction_written_bytes);
}

void AddProcess(absl::Time start, Page& page) {
  const ProcessStats process = ReadProcessStats();
  page.Counter("process_cpu_seconds_total", "CPU time of the process, user and system.",
               process.cpu_seconds);
  page.Gauge("process_resident_memory_bytes", "Resident memory.", process.resident_bytes);
  page.Gauge("process_virtual_memory_bytes", "Virtual memory.", process.virtual_bytes);
  page.Gauge("process_open_fds", "Open file descriptors.", process.open_file_count);
  page.Gauge("process_max_fds", "Most file descriptors that may be open.", process.open_file_max);
  page.Gauge("process_threads", "Threads.", process.thread_count);
  page.Gauge("process_start_time_seconds", "When the server started, in seconds since 1970.",
             absl::ToDoubleSeconds(start - absl::UnixEpoch()));
}

}  // namespace

std::string MetricsPage::Render() const {
  const ledger::LogStats log = ledger::ReadStats(engine_.log());
  const EngineStats engine = engine_.Stats();
  Page page;
  page.Family(MetricType::Gauge, "credence_build_info",
              "1; version of the server and of its inference engine.");
  page.Value(int64_t{1}, {{"version", std::string(kServerVersion)},
                          {"engine_version", std::string(kEngineVersion)}});
  AddCalls(calls_, page);
  AddStreams(calls_, log.size.value, page);
  AddWrites(log, engine.decision_nanos, page);
  page.Gauge("credence_executor_queue_length",
             "Reads that waited and messages of watches that no thread has taken yet.",
             engine.queued_task_count);
  AddLog(log, page);
  AddVerification(log, page);
  AddBackups(log, page);
  AddWitnesses(published_, page);
  AddDisk(log, page);
  AddStore(log.store, page);
  AddProcess(start_, page);
  return page.Text();
}

}  // namespace credence::server
