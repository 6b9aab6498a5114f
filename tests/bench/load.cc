#include "load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>

#include "absl/strings/str_cat.h"

namespace credence::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double Microseconds(SteadyClock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

void FillForecast(v1::Forecast& forecast, int64_t number) {
  forecast.set_forecaster(absl::StrCat("forecasters/f", number % 100));
  forecast.set_probability(0.01 + 0.98 * static_cast<double>(number % 97) / 97.0);
  forecast.set_rationale("Base rate of comparable cases, adjusted for the latest report.");
}

// One lane of the loop: its call, its buffers, its latencies.
class Lane {
 public:
  Lane(ForecastStub& stub, const LoadOptions& options, int number, SteadyClock::time_point end)
      : stub_(stub), options_(options), number_(number), end_(end) {}

  void Start() { Next(); }
  void Wait() { done_.get_future().wait(); }
  [[nodiscard]] const std::vector<double>& latencies() const { return latencies_; }

 private:
  void Next() {
    begin_ = SteadyClock::now();
    if (begin_ >= end_) {
      done_.set_value();
      return;
    }
    context_ = std::make_unique<grpc::ClientContext>();
    const std::string request_id =
        absl::StrCat("bench-", options_.run, "-", number_, "-", latencies_.size());
    const int64_t number = int64_t{number_} * 1'000'003 + static_cast<int64_t>(latencies_.size());
    const auto done = [this](const grpc::Status& status) { Finish(status); };
    if (options_.batch == 1) {
      request_.set_parent(absl::StrCat("questions/q", number % 64));
      FillForecast(*request_.mutable_forecast(), number);
      request_.mutable_options()->set_request_id(request_id);
      request_.mutable_options()->set_include_proof(options_.with_proof);
      stub_.async()->CreateForecast(context_.get(), &request_, &response_, done);
      return;
    }
    batch_.clear_items();
    for (int i = 0; i < options_.batch; ++i) {
      v1::BatchForecastItem& item = *batch_.add_items();
      item.set_parent(absl::StrCat("questions/q", (number + i) % 64));
      FillForecast(*item.mutable_forecast(), number + i);
    }
    batch_.mutable_options()->set_request_id(request_id);
    stub_.async()->BatchCreateForecasts(context_.get(), &batch_, &batch_response_, done);
  }

  void Finish(const grpc::Status& status) {
    if (!status.ok()) {
      std::fprintf(stderr, "a call failed: %s\n", status.error_message().c_str());
      std::exit(1);
    }
    latencies_.push_back(Microseconds(SteadyClock::now() - begin_));
    Next();
  }

  ForecastStub& stub_;
  const LoadOptions options_;
  const int number_;
  const SteadyClock::time_point end_;
  SteadyClock::time_point begin_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::CreateForecastRequest request_;
  v1::CreateForecastResponse response_;
  v1::BatchCreateForecastsRequest batch_;
  v1::BatchCreateForecastsResponse batch_response_;
  std::vector<double> latencies_;
  std::promise<void> done_;
};

}  // namespace

LoadResult RunForecasts(ForecastStub& stub, const LoadOptions& options) {
  const auto begin = SteadyClock::now();
  const auto end = begin + std::chrono::microseconds(static_cast<int64_t>(options.seconds * 1e6));
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < options.in_flight; ++i) {
    lanes.push_back(std::make_unique<Lane>(stub, options, i, end));
  }
  for (const auto& lane : lanes) lane->Start();
  std::vector<double> latencies;
  for (const auto& lane : lanes) {
    lane->Wait();
    latencies.insert(latencies.end(), lane->latencies().begin(), lane->latencies().end());
  }
  return Summarize(latencies, std::chrono::duration<double>(SteadyClock::now() - begin).count());
}

LoadResult Summarize(std::vector<double>& latencies_us, double seconds) {
  std::sort(latencies_us.begin(), latencies_us.end());
  LoadResult result;
  result.call_count = static_cast<int64_t>(latencies_us.size());
  result.seconds = seconds;
  if (latencies_us.empty()) return result;
  result.p50_us = latencies_us[latencies_us.size() / 2];
  result.p99_us = latencies_us[latencies_us.size() * 99 / 100];
  return result;
}

}  // namespace credence::bench
