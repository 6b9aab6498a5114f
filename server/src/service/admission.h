#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/executor.h"
#include "service/router.h"

// Keeps queries that compute from taking all threads that calls come in on: a few run where they
// came in, as fast as ever; more wait in a bounded queue for threads of their own; more than that
// are refused at once, with advice to retry. What waited until its deadline passed is not computed,
// so that under any load the work that is done is of use to somebody.
//
// Thread-safe after Guard.
namespace credence::server {

struct AdmissionOptions {
  // Queries that run at one time where they came in.
  int64_t inline_max = 1;
  // Threads for those that do not.
  int thread_count = 2;
  // Queries that may wait.
  int64_t queued_max = 256;
  std::function<absl::Time()> now = absl::Now;
};

class Admission {
 public:
  explicit Admission(const AdmissionOptions& options);

  // As many as leave one of the transport's threads free.
  [[nodiscard]] static AdmissionOptions DefaultOptions();

  // Whether calls of the method are queries that compute.
  [[nodiscard]] static bool Computes(const std::string& service, const std::string& method);

  // Puts the methods of `router` that compute behind the admission. It must outlive the router's
  // use.
  void Guard(Router& router);

  // The same for one handler.
  [[nodiscard]] UnaryHandler Admit(UnaryHandler handler);

  // Runs what waits, and joins the threads.
  void Stop() { executor_.Stop(); }

  // For a monitor.
  [[nodiscard]] int64_t queued_count() const { return executor_.queued_count(); }
  [[nodiscard]] int64_t refused_count() const { return refused_count_; }

 private:
  void Queue(const UnaryHandler& handler, const CallContext& context, std::string_view request,
             Answer answer);

  const AdmissionOptions options_;
  std::atomic<int64_t> inline_count_{0};
  // Taken and not yet begun.
  std::atomic<int64_t> waiting_count_{0};
  std::atomic<int64_t> refused_count_{0};
  Executor executor_;
};

}  // namespace credence::server
