#include "service/admission.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

absl::Status Overloaded(int64_t limit) {
  ErrorDetail detail;
  detail.reason = "OVERLOADED";
  return MakeError(absl::StatusCode::kResourceExhausted,
                   Cat(limit, " queries wait already; retry later"), detail);
}

absl::Status TooLate() {
  ErrorDetail detail;
  detail.reason = "DEADLINE_EXCEEDED";
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the deadline passed while the query waited", detail);
}

}  // namespace

Admission::Admission(const AdmissionOptions& options)
    : options_(options), executor_(options.thread_count) {}

AdmissionOptions Admission::DefaultOptions() {
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  AdmissionOptions options;
  // gRPC serves callbacks with half as many threads as there are cores, between 2 and 16.
  options.inline_max = std::clamp(cores / 2, 2, 16) - 1;
  options.thread_count = std::max(cores, 1);
  return options;
}

bool Admission::Computes(const std::string& service, const std::string& method) {
  if (service == "credence.v1.InferenceService") return true;
  if (service == "credence.v1.ViewService") return true;
  return service == "credence.v1.ScoreService" && method != "ListScores";
}

void Admission::Guard(Router& router) {
  router.Wrap([this](const std::string& service, const std::string& method,
                     Router::Method entry) -> Router::Method {
    if (!entry.unary || !Computes(service, method)) return entry;
    return {Admit(std::move(entry.unary)), nullptr};
  });
}

UnaryHandler Admission::Admit(UnaryHandler handler) {
  return [this, handler = std::move(handler)](const CallContext& context, std::string_view request,
                                              Answer answer) {
    if (inline_count_.fetch_add(1) < options_.inline_max) {
      handler(context, request, std::move(answer));
      inline_count_.fetch_sub(1);
      return;
    }
    inline_count_.fetch_sub(1);
    Queue(handler, context, request, std::move(answer));
  };
}

void Admission::Queue(const UnaryHandler& handler, const CallContext& context,
                      std::string_view request, Answer answer) {
  if (waiting_count_.fetch_add(1) >= options_.queued_max) {
    waiting_count_.fetch_sub(1);
    refused_count_.fetch_add(1);
    return answer(Overloaded(options_.queued_max));
  }
  executor_.Run([this, &handler, context, request = std::string(request),
                 answer = std::move(answer)]() mutable {
    waiting_count_.fetch_sub(1);
    if (options_.now() >= context.deadline) return answer(TooLate());
    handler(context, request, std::move(answer));
  });
}

}  // namespace credence::server
