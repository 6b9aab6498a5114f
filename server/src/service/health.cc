#include "service/health.h"

#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "grpc/health/v1/health.pb.h"
#include "service/parse.h"
#include "service/status.h"

namespace credence::server {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// What serves, and who waits for a change.
class HealthState {
 public:
  using Ready = std::function<void(const absl::Status&)>;

  void Add(const std::string& service) {
    absl::MutexLock lock(&mutex_);
    services_.insert(service);
  }

  void Drain() {
    absl::flat_hash_map<const void*, Ready> waiting;
    {
      absl::MutexLock lock(&mutex_);
      draining_ = true;
      waiting.swap(waiting_);
    }
    for (const auto& [watch, ready] : waiting) ready(absl::OkStatus());
  }

  [[nodiscard]] HealthCheckResponse::ServingStatus StatusOf(const std::string& service) const {
    absl::MutexLock lock(&mutex_);
    return StatusLocked(service);
  }

  // The status where it is not `told`; else nothing, and `ready` is called when it changes.
  [[nodiscard]] std::optional<HealthCheckResponse::ServingStatus> StatusOrWait(
      const std::string& service, std::optional<HealthCheckResponse::ServingStatus> told,
      const void* watch, Ready ready) {
    absl::MutexLock lock(&mutex_);
    const HealthCheckResponse::ServingStatus status = StatusLocked(service);
    if (told != status) return status;
    waiting_.insert_or_assign(watch, std::move(ready));
    return std::nullopt;
  }

  // False where `ready` was called or is about to be.
  bool StopWaiting(const void* watch) {
    absl::MutexLock lock(&mutex_);
    return waiting_.erase(watch) > 0;
  }

  [[nodiscard]] bool draining() const {
    absl::MutexLock lock(&mutex_);
    return draining_;
  }

 private:
  [[nodiscard]] HealthCheckResponse::ServingStatus StatusLocked(const std::string& service) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (services_.count(service) == 0) return HealthCheckResponse::SERVICE_UNKNOWN;
    return draining_ ? HealthCheckResponse::NOT_SERVING : HealthCheckResponse::SERVING;
  }

  mutable absl::Mutex mutex_;
  // The empty name stands for the server.
  std::set<std::string> services_ ABSL_GUARDED_BY(mutex_) = {""};
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<const void*, Ready> waiting_ ABSL_GUARDED_BY(mutex_);
};

namespace {

constexpr std::string_view kService = "grpc.health.v1.Health";

std::string Response(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

absl::StatusOr<std::string> Check(const HealthState& state, std::string_view bytes) {
  HealthCheckRequest request;
  CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
  const HealthCheckResponse::ServingStatus status = state.StatusOf(request.service());
  if (status != HealthCheckResponse::SERVICE_UNKNOWN) return Response(status);
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  return MakeError(absl::StatusCode::kNotFound,
                   Cat("service: the server has no ", request.service()), detail);
}

class HealthWatch final : public MessageSource {
 public:
  HealthWatch(std::shared_ptr<HealthState> state, std::string service)
      : state_(std::move(state)), service_(std::move(service)) {}

  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) override {
    const auto status = state_->StatusOrWait(service_, told_, this, std::move(ready));
    if (status.has_value()) {
      told_ = status;
      return Response(*status);
    }
    if (!state_->draining()) return std::nullopt;
    // What was registered above came after the drain, and nobody would call it.
    if (state_->StopWaiting(this)) return DrainingError();
    return std::nullopt;
  }

  bool Cancel() override {
    state_->StopWaiting(this);
    return true;
  }

 private:
  const std::shared_ptr<HealthState> state_;
  const std::string service_;
  std::optional<HealthCheckResponse::ServingStatus> told_;
};

}  // namespace

Health::Health() : state_(std::make_shared<HealthState>()) {
  router_.AddBriefUnary(kService, "Check",
                        [state = state_](const CallContext&, std::string_view bytes,
                                         const Answer& answer) { answer(Check(*state, bytes)); });
  router_.AddStream(
      kService, "Watch",
      [state = state_](const CallContext&,
                       std::string_view bytes) -> absl::StatusOr<std::unique_ptr<MessageSource>> {
        HealthCheckRequest request;
        CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
        return std::make_unique<HealthWatch>(state, request.service());
      });
  router_.CheckComplete();
}

void Health::Add(const std::string& service) { state_->Add(service); }

void Health::Drain() { state_->Drain(); }

}  // namespace credence::server
