#include "metrics/call_metrics.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

void CountEnd(MethodMetrics& metrics, const absl::Status& status) {
  auto code = static_cast<size_t>(status.code());
  if (code >= MethodMetrics::kCodeCount) code = static_cast<size_t>(absl::StatusCode::kUnknown);
  metrics.by_code[code].fetch_add(1, std::memory_order_relaxed);
  metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

UnaryHandler CountUnary(MethodMetrics& metrics, UnaryHandler handler) {
  return [&metrics, handler = std::move(handler)](const CallContext& context,
                                                  std::string_view request, Answer answer) {
    const int64_t begin = absl::GetCurrentTimeNanos();
    metrics.in_flight.fetch_add(1, std::memory_order_relaxed);
    handler(context, request,
            [&metrics, begin, answer = std::move(answer)](absl::StatusOr<std::string> response) {
              metrics.nanos.Note(absl::GetCurrentTimeNanos() - begin);
              CountEnd(metrics, response.status());
              answer(std::move(response));
            });
  };
}

// A source that tells how far it is. Ends with the stream, which lets go of it.
class CountedSource final : public MessageSource {
 public:
  CountedSource(MethodMetrics& metrics, std::unique_ptr<MessageSource> source)
      : metrics_(metrics), source_(std::move(source)) {
    stream_.next_position = source_->next_position();
    absl::MutexLock lock(&metrics_.mutex);
    metrics_.streams.insert(&stream_);
  }

  ~CountedSource() override {
    {
      absl::MutexLock lock(&metrics_.mutex);
      metrics_.streams.erase(&stream_);
    }
    CountEnd(metrics_, end_);
  }

  absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) override {
    absl::StatusOr<std::optional<std::string>> next = source_->Next(std::move(ready));
    stream_.next_position.store(source_->next_position(), std::memory_order_relaxed);
    if (!next.ok()) {
      end_ = next.status();
    } else if (next->has_value()) {
      metrics_.message_count.fetch_add(1, std::memory_order_relaxed);
    }
    return next;
  }

  bool Cancel() override { return source_->Cancel(); }
  [[nodiscard]] int64_t next_position() const override { return source_->next_position(); }

 private:
  MethodMetrics& metrics_;
  const std::unique_ptr<MessageSource> source_;
  StreamMetrics stream_;
  // A stream that the source did not end, its client or a drain ended.
  absl::Status end_ = absl::CancelledError();
};

StreamHandler CountStream(MethodMetrics& metrics, StreamHandler handler) {
  return [&metrics, handler = std::move(handler)](
             const CallContext& context,
             std::string_view request) -> absl::StatusOr<std::unique_ptr<MessageSource>> {
    metrics.in_flight.fetch_add(1, std::memory_order_relaxed);
    absl::StatusOr<std::unique_ptr<MessageSource>> source = handler(context, request);
    if (!source.ok()) {
      CountEnd(metrics, source.status());
      return source;
    }
    return std::make_unique<CountedSource>(metrics, *std::move(source));
  };
}

}  // namespace

void CallMetrics::Instrument(Router& router) {
  router.Wrap([this](const std::string& service, const std::string& method, Router::Method entry) {
    auto& metrics = methods_[Cat(service, "/", method)];
    metrics = std::make_unique<MethodMetrics>();
    metrics->service = service;
    metrics->method = method;
    if (entry.unary) return Router::Method{CountUnary(*metrics, std::move(entry.unary)), nullptr};
    return Router::Method{nullptr, CountStream(*metrics, std::move(entry.stream))};
  });
}

}  // namespace credence::server
