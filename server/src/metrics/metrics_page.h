#pragma once

#include <string>

#include "absl/time/time.h"
#include "engine/engine.h"
#include "engine/published_checkpoint.h"
#include "metrics/call_metrics.h"

// The page at /metrics: how the server stands, in the text form of Prometheus (version 0.0.4). What
// each metric means is on docs/reference/metrics.md.
namespace credence::server {

// Thread-safe. Costs no call anything: it reads what is counted anyway, and asks the database and
// the kernel, when it is asked.
class MetricsPage {
 public:
  // All must outlive the page. `published` is null where no witnesses are asked.
  MetricsPage(const Engine& engine, const CallMetrics& calls,
              const PublishedCheckpoint* published = nullptr)
      : engine_(engine), calls_(calls), published_(published) {}

  [[nodiscard]] std::string Render() const;

 private:
  const Engine& engine_;
  const CallMetrics& calls_;
  const PublishedCheckpoint* const published_;
  const absl::Time start_ = absl::Now();
};

}  // namespace credence::server
