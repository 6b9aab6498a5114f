#include "credence/client/client.h"

#include <algorithm>
#include <atomic>
#include <functional>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "channel.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/client/error.h"
#include "prepare.h"
#include "proof_checker.h"
#include "sign.h"

namespace credence::client {
namespace {

constexpr int64_t kNothingWritten = -1;

bool MayRepeat(const RpcResult& result) {
  if (result.code == static_cast<int>(absl::StatusCode::kUnavailable)) return true;
  return result.code == static_cast<int>(absl::StatusCode::kResourceExhausted) &&
         RetryDelay(result.details).has_value();
}

absl::Duration Pause(const ClientOptions& options, int attempt, std::string_view details) {
  const absl::Duration grown =
      std::min(options.backoff_max, options.backoff * (int64_t{1} << std::min(attempt, 30)));
  absl::BitGen generator;
  const absl::Duration own = grown * absl::Uniform(generator, 0.5, 1.0);
  return std::max(own, RetryDelay(details).value_or(absl::ZeroDuration()));
}

}  // namespace

class __attribute__((visibility("hidden"))) Client::Impl {
 public:
  explicit Impl(ClientOptions options)
      : options_(std::move(options)),
        options_status_(CheckConnection(options_)),
        channel_(options_status_.ok() ? options_ : ClientOptions()) {
    CREDENCE_CHECK(options_.timeout > absl::ZeroDuration());
    CREDENCE_CHECK(options_.retries >= 0);
    if (options_.author_key != nullptr && options_.actor.empty()) {
      options_.actor = options_.author_key->author();
    }
    std::string origin;
    if (!options_.verifier_key.empty()) {
      absl::StatusOr<VerifierKey> key = ParseVerifierKey(options_.verifier_key);
      options_status_.Update(key.status());
      if (key.ok()) origin = key->name;
      if (key.ok()) checker_.emplace(*std::move(key));
    }
    if (options_.author_key != nullptr) signer_.emplace(options_.author_key, origin);
  }

  const ClientOptions& options() const { return options_; }
  int64_t written() const { return written_; }
  Channel& channel() { return channel_; }

  absl::Status Call(google::protobuf::Message& request, google::protobuf::Message& response) {
    const std::string method = MethodOf(*request.GetDescriptor());
    CREDENCE_CHECK(!method.empty());
    CREDENCE_RETURN_IF_ERROR(options_status_);
    CompleteWrite(request, options_.actor);
    if (signer_.has_value()) {
      CREDENCE_RETURN_IF_ERROR(signer_->Sign(request, SignCallsOfThis()));
    }
    if (checker_.has_value()) AskForProof(request);
    if (options_.read_your_writes && written_ != kNothingWritten) CompleteRead(request, written_);
    CREDENCE_RETURN_IF_ERROR(CallUnchecked(method, request, response));
    if (const std::optional<int64_t> position = WrittenPosition(response)) Note(*position);
    return checker_.has_value() ? checker_->Check(response, ProofCallsOfThis()) : absl::OkStatus();
  }

  // Runs `connect`, which streams from where the last one ended and says whether any message came,
  // until the stream ends for good.
  absl::Status Watch(const std::function<RpcResult(bool* progressed)>& connect) {
    CREDENCE_RETURN_IF_ERROR(options_status_);
    int failures = 0;
    while (true) {
      bool progressed = false;
      const RpcResult result = connect(&progressed);
      if (channel_.streams_cancelled()) return absl::CancelledError("the watch was cancelled");
      if (result.code == 0) return absl::OkStatus();
      failures = progressed ? 0 : failures + 1;
      if (!MayRepeat(result) || failures > options_.retries) {
        return StatusOfRpc(result.code, result.message, result.details);
      }
      absl::SleepFor(Pause(options_, failures, result.details));
    }
  }

 private:
  absl::Status CallUnchecked(const std::string& method, const google::protobuf::Message& request,
                             google::protobuf::Message& response) {
    const RpcResult result = CallWithRepeats(method, request.SerializeAsString());
    if (result.code != 0) return StatusOfRpc(result.code, result.message, result.details);
    if (response.ParseFromString(result.body)) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(method, ": the answer cannot be parsed"));
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Fetch(const Request& request) {
    Response response;
    CREDENCE_RETURN_IF_ERROR(CallUnchecked(MethodOf(*Request::descriptor()), request, response));
    return response;
  }

  ProofCalls ProofCallsOfThis() {
    return {[this](const v1::GetCheckpointRequest& request) {
              return Fetch<v1::GetCheckpointResponse>(request);
            },
            [this](const v1::GetConsistencyProofRequest& request) {
              return Fetch<v1::GetConsistencyProofResponse>(request);
            }};
  }

  SignCalls SignCallsOfThis() {
    return {[this](const v1::GetServerInfoRequest& request) {
              return Fetch<v1::GetServerInfoResponse>(request);
            },
            [this](const v1::GetQuestionRequest& request) {
              return Fetch<v1::GetQuestionResponse>(request);
            }};
  }

  RpcResult CallWithRepeats(const std::string& method, const std::string& request) {
    const absl::Time deadline = absl::Now() + options_.timeout;
    for (int attempt = 0;; ++attempt) {
      RpcResult result = channel_.Unary(method, request, deadline);
      if (attempt >= options_.retries || !MayRepeat(result)) return result;
      const absl::Duration pause = Pause(options_, attempt, result.details);
      if (absl::Now() + pause >= deadline) return result;
      absl::SleepFor(pause);
    }
  }

  void Note(int64_t position) {
    int64_t known = written_;
    while (position > known && !written_.compare_exchange_weak(known, position)) {
    }
  }

  // The actor may be completed by the constructor.
  ClientOptions options_;
  // What makes every call fail.
  absl::Status options_status_;
  Channel channel_;
  std::atomic<int64_t> written_ = kNothingWritten;
  // Where the options have a key.
  std::optional<ProofChecker> checker_;
  std::optional<StatementSigner> signer_;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

const ClientOptions& Client::options() const { return impl_->options(); }

std::optional<int64_t> Client::written_position() const {
  const int64_t written = impl_->written();
  return written == kNothingWritten ? std::nullopt : std::optional(written);
}

absl::Status Client::CallMessage(google::protobuf::Message& request,
                                 google::protobuf::Message& response) {
  return impl_->Call(request, response);
}

void Client::CancelWatches() { impl_->channel().CancelStreams(); }

namespace {

// Drops what an earlier message gave already; false where nothing is left and no progress was made.
bool DropRepeats(int64_t next_position, v1::WatchEventsResponse& message) {
  auto* events = message.mutable_events();
  events->erase(std::remove_if(events->begin(), events->end(),
                               [next_position](const v1::Event& event) {
                                 return event.envelope().position() < next_position;
                               }),
                events->end());
  return !events->empty() || message.next_position() > next_position;
}

bool DropRepeats(int64_t next_position, v1::WatchPosteriorsResponse& message) {
  if (message.has_posterior() && message.posterior().position() < next_position) {
    message.clear_posterior();
  }
  return message.has_posterior() || message.next_position() > next_position;
}

// Hands the messages of one stream to `on_message` until it returns false.
template <typename Response, typename Request>
RpcResult ReadStream(Channel& channel, const Request& request, bool* progressed,
                     absl::FunctionRef<bool(Response&)> on_message) {
  bool malformed = false;
  RpcResult result = channel.Stream(
      MethodOf(*Request::descriptor()), request.SerializeAsString(), [&](std::string_view bytes) {
        Response message;
        malformed = !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
        if (malformed) return false;
        *progressed = true;
        return on_message(message);
      });
  if (!malformed) return result;
  return {static_cast<int>(absl::StatusCode::kInternal), "a message of the stream cannot be parsed",
          "", ""};
}

// Streams from request.start_position(), which moves on with each message that was handed over.
template <typename Request, typename Response>
RpcResult StreamOnce(Channel& channel, Request& request,
                     absl::FunctionRef<bool(const Response&)> on_message, bool* progressed) {
  return ReadStream<Response>(channel, request, progressed, [&](Response& message) {
    if (!DropRepeats(request.start_position(), message)) return true;
    request.set_start_position(std::max(request.start_position(), message.next_position()));
    return on_message(message);
  });
}

// A watch that starts at the head pins the head first: were the connection lost before the first
// message, a new one would start at a later head.
template <typename Request>
absl::Status PinStart(Client& client, Request& request) {
  if (request.has_start_position()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const v1::GetTreeHeadResponse head,
                            client.GetTreeHead(v1::GetTreeHeadRequest()));
  request.set_start_position(head.tree_head().tree_size());
  return absl::OkStatus();
}

}  // namespace

absl::Status Client::CreateBackup(
    const v1::CreateBackupRequest& request,
    absl::FunctionRef<bool(const v1::CreateBackupResponse&)> on_message) {
  bool malformed = false;
  const RpcResult result = impl_->channel().Stream(
      MethodOf(*v1::CreateBackupRequest::descriptor()), request.SerializeAsString(),
      [&](std::string_view bytes) {
        v1::CreateBackupResponse message;
        malformed = !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
        return !malformed && on_message(message);
      });
  if (malformed) return absl::InternalError("a message of the stream cannot be parsed");
  if (result.code == 0) return absl::OkStatus();
  return StatusOfRpc(result.code, result.message, result.details);
}

absl::Status Client::WatchEvents(
    v1::WatchEventsRequest request,
    absl::FunctionRef<bool(const v1::WatchEventsResponse&)> on_message) {
  CREDENCE_RETURN_IF_ERROR(PinStart(*this, request));
  return impl_->Watch([&](bool* progressed) {
    return StreamOnce<v1::WatchEventsRequest, v1::WatchEventsResponse>(impl_->channel(), request,
                                                                       on_message, progressed);
  });
}

absl::Status Client::WatchPosteriors(
    v1::WatchPosteriorsRequest request,
    absl::FunctionRef<bool(const v1::WatchPosteriorsResponse&)> on_message) {
  CREDENCE_RETURN_IF_ERROR(PinStart(*this, request));
  return impl_->Watch([&](bool* progressed) {
    return StreamOnce<v1::WatchPosteriorsRequest, v1::WatchPosteriorsResponse>(
        impl_->channel(), request, on_message, progressed);
  });
}

absl::Status Client::WatchCoherenceAlarms(
    const v1::WatchCoherenceAlarmsRequest& request,
    absl::FunctionRef<bool(const v1::WatchCoherenceAlarmsResponse&)> on_message) {
  return impl_->Watch([&](bool* progressed) {
    return ReadStream<v1::WatchCoherenceAlarmsResponse>(impl_->channel(), request, progressed,
                                                        on_message);
  });
}

}  // namespace credence::client
