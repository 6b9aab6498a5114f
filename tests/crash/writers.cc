#include "writers.h"

#include "absl/strings/str_cat.h"

namespace credence::crash {
namespace {

template <typename Response>
absl::StatusOr<v1::Receipt> ReceiptOf(const absl::StatusOr<Response>& response) {
  if (!response.ok()) return response.status();
  return response->receipt();
}

}  // namespace

const std::string& Write::request_id() const {
  return std::visit(
      [](const auto& message) -> const std::string& { return message.options().request_id(); },
      request);
}

absl::StatusOr<v1::Receipt> Send(client::Client& client, const Write& write) {
  if (const auto* forecast = std::get_if<v1::CreateForecastRequest>(&write.request)) {
    return ReceiptOf(client.CreateForecast(*forecast));
  }
  return ReceiptOf(client.CreateEvidence(std::get<v1::CreateEvidenceRequest>(write.request)));
}

Writers::Writers(client::Client* client, int64_t round, int count)
    : client_(client), round_(round), writes_(static_cast<size_t>(count)) {
  for (int writer = 0; writer < count; ++writer) {
    threads_.emplace_back([this, writer] { Run(writer); });
  }
}

void Writers::AwaitAcknowledged(int64_t count) {
  const auto reached = [this, count]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return failed_ || acknowledged_count_ >= count;
  };
  const absl::MutexLock lock(&mutex_, absl::Condition(&reached));
}

void Writers::ExpectFailures() {
  const absl::MutexLock lock(&mutex_);
  failures_expected_ = true;
}

void Writers::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<std::string> Writers::UnexpectedFailures() {
  const absl::MutexLock lock(&mutex_);
  return unexpected_;
}

void Writers::Run(int writer) {
  std::vector<Write>& writes = writes_[static_cast<size_t>(writer)];
  while (true) {
    Write& write = writes.emplace_back(MakeWrite(writer));
    absl::StatusOr<v1::Receipt> receipt = Send(*client_, write);
    if (!receipt.ok()) return NoteFailure(receipt.status());
    write.receipt = *std::move(receipt);
    NoteAcknowledged();
  }
}

Write Writers::MakeWrite(int writer) const {
  const size_t number = writes_[static_cast<size_t>(writer)].size();
  const std::string request_id = absl::StrCat("round-", round_, "-", writer, "-", number);
  if (writer % 4 == 0) {
    v1::CreateEvidenceRequest evidence;
    evidence.set_parent(absl::StrCat("questions/q", round_));
    auto& model = *evidence.mutable_evidence()->mutable_model();
    model.set_node(absl::StrCat("q", round_));
    model.set_likelihood_ratio(number % 2 == 0 ? 1.25 : 0.8);
    evidence.mutable_options()->set_request_id(request_id);
    return {evidence, std::nullopt};
  }
  v1::CreateForecastRequest forecast;
  forecast.set_parent(absl::StrCat("questions/q", round_));
  forecast.mutable_forecast()->set_forecaster(absl::StrCat("forecasters/f", writer));
  forecast.mutable_forecast()->set_probability(0.01 + 0.01 * static_cast<double>(number % 97));
  // A text, which lies beside the log; the audit knows it by the request id.
  forecast.mutable_forecast()->set_rationale(request_id);
  forecast.mutable_options()->set_request_id(request_id);
  return {forecast, std::nullopt};
}

void Writers::NoteAcknowledged() {
  const absl::MutexLock lock(&mutex_);
  ++acknowledged_count_;
}

void Writers::NoteFailure(const absl::Status& status) {
  const absl::MutexLock lock(&mutex_);
  failed_ = true;
  if (!failures_expected_) unexpected_.push_back(status.ToString());
}

}  // namespace credence::crash
