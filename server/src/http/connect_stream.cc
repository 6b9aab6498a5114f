#include "http/connect_stream.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "service/grpc_server.h"
#include "service/status.h"

namespace credence::server {
namespace {

constexpr size_t kEnvelopeHeaderBytes = 5;
constexpr unsigned char kCompressedFlag = 1;
constexpr unsigned char kEndFlag = 2;

std::string Envelope(unsigned char flags, std::string_view payload) {
  std::string envelope;
  envelope.reserve(kEnvelopeHeaderBytes + payload.size());
  envelope += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) {
    envelope += static_cast<char>((payload.size() >> static_cast<unsigned>(shift)) & 0xFFU);
  }
  envelope += payload;
  return envelope;
}

absl::Status BadEnvelope(std::string_view why) {
  return InvalidField("FIELD_INVALID", "body", Cat("must be one enveloped message: ", why));
}

// The one message that the request of a server stream holds.
absl::StatusOr<std::string> ReadEnvelope(const HttpRequest& request) {
  const std::string_view body = request.body;
  if (body.size() < kEnvelopeHeaderBytes) return BadEnvelope("it is shorter than an envelope");
  size_t size = 0;
  for (size_t i = 1; i < kEnvelopeHeaderBytes; ++i) {
    size = size << 8U | static_cast<unsigned char>(body[i]);
  }
  const std::string_view payload = body.substr(kEnvelopeHeaderBytes);
  if (payload.size() != size) {
    return BadEnvelope(Cat("its length says ", size, " bytes, but ", payload.size(), " follow"));
  }
  const auto flags = static_cast<unsigned char>(body[0]);
  if (flags == 0) return std::string(payload);
  if (flags != kCompressedFlag) return BadEnvelope("unknown flags");
  const std::string_view encoding = request.Header("Connect-Content-Encoding");
  if (encoding != "gzip") {
    return BadEnvelope("it is compressed, but Connect-Content-Encoding is not gzip");
  }
  return Gunzip(payload, kRequestBytesMax);
}

// Takes message after message from a source, as fast as the client takes them. All but the
// source's callback runs as tasks of the exchange, one after another.
class ConnectStream : public std::enable_shared_from_this<ConnectStream> {
 public:
  ConnectStream(std::shared_ptr<HttpExchange> exchange, MessageCodec codec,
                const google::protobuf::Descriptor& type, std::unique_ptr<MessageSource> source)
      : exchange_(std::move(exchange)), codec_(codec), type_(type), source_(std::move(source)) {}

  void Begin(absl::Time deadline) {
    if (deadline < absl::InfiniteFuture()) {
      exchange_->PostAt(deadline, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self != nullptr) self->End(absl::DeadlineExceededError("the deadline has passed"));
      });
    }
    exchange_->OnInterrupt([weak = weak_from_this()](HttpInterrupt reason) {
      if (const auto self = weak.lock()) self->Interrupted(reason);
    });
    Post([](ConnectStream& self) { self.Pump(); });
  }

 private:
  template <typename Task>
  void Post(Task task) {
    exchange_->Post([self = shared_from_this(), task = std::move(task)] { task(*self); });
  }

  void Interrupted(HttpInterrupt reason) {
    if (reason == HttpInterrupt::kClientGone) {
      ended_ = true;
      source_->Cancel();
      return;
    }
    End(DrainingError());
  }

  void Pump() {
    if (writing_ || ended_) return;
    auto next = source_->Next([self = shared_from_this()](const absl::Status& status) {
      self->Post([status](ConnectStream& stream) {
        if (status.ok()) {
          stream.Pump();
        } else {
          stream.End(status);
        }
      });
    });
    if (!next.ok()) return End(next.status());
    if (!next->has_value()) return source_->ended() ? End(absl::OkStatus()) : void();
    const absl::StatusOr<std::string> encoded = EncodeMessage(codec_, type_, **std::move(next));
    if (!encoded.ok()) return End(encoded.status());
    Write(Envelope(0, *encoded));
  }

  void Write(std::string bytes) {
    writing_ = true;
    exchange_->Write(std::move(bytes), [self = shared_from_this()](bool ok) {
      self->writing_ = false;
      if (!ok) {
        self->ended_ = true;
        self->source_->Cancel();
        return;
      }
      if (self->end_.has_value()) return self->Close();
      self->Pump();
    });
  }

  void End(const absl::Status& status) {
    if (ended_ || end_.has_value()) return;
    end_ = status;
    if (!writing_) Close();
  }

  void Close() {
    ended_ = true;
    source_->Cancel();
    const std::string json = end_->ok() ? "{}" : Cat("{\"error\":", ErrorJson(*end_), "}");
    exchange_->Write(Envelope(kEndFlag, json), [self = shared_from_this()](bool ok) {
      if (ok) self->exchange_->EndStream();
    });
  }

  const std::shared_ptr<HttpExchange> exchange_;
  const MessageCodec codec_;
  const google::protobuf::Descriptor& type_;
  const std::unique_ptr<MessageSource> source_;
  bool writing_ = false;
  bool ended_ = false;
  std::optional<absl::Status> end_;
};

absl::StatusOr<std::unique_ptr<MessageSource>> Open(
    const HttpRequest& request, const CallContext& context, MessageCodec codec,
    const google::protobuf::MethodDescriptor& method, const StreamHandler& handler) {
  CREDENCE_ASSIGN_OR_RETURN(std::string body, ReadEnvelope(request));
  CREDENCE_ASSIGN_OR_RETURN(const std::string message,
                            DecodeMessage(codec, *method.input_type(), std::move(body)));
  return handler(context, message);
}

}  // namespace

CallerCredentials CredentialsOf(const HttpRequest& request) {
  return {std::string(request.Header("Authorization")), request.certificate_subject, request.peer};
}

absl::StatusOr<CallContext> ReadConnectContext(const HttpRequest& request) {
  CallContext context;
  context.credentials = std::make_shared<const CallerCredentials>(CredentialsOf(request));
  const std::string_view text = request.Header("Connect-Timeout-Ms");
  if (text.empty()) return context;
  int64_t milliseconds = 0;
  if (text.size() > 10 || !absl::SimpleAtoi(ToAbsl(text), &milliseconds) || milliseconds < 0) {
    return InvalidField("FIELD_INVALID", "connect-timeout-ms",
                        "must be a whole number of at most ten digits");
  }
  context.deadline = absl::Now() + absl::Milliseconds(milliseconds);
  return context;
}

void BeginConnectStream(const std::shared_ptr<HttpExchange>& exchange, MessageCodec codec,
                        const google::protobuf::MethodDescriptor& method,
                        const StreamHandler& handler) {
  exchange->BeginStream(
      200, {{"Content-Type", codec == MessageCodec::kJson ? "application/connect+json"
                                                          : "application/connect+proto"},
            {"Cache-Control", "no-store"}});
  const auto refuse = [&exchange](const absl::Status& status) {
    exchange->Write(Envelope(kEndFlag, Cat("{\"error\":", ErrorJson(status), "}")),
                    [exchange](bool ok) {
                      if (ok) exchange->EndStream();
                    });
  };
  const auto context = ReadConnectContext(exchange->request());
  if (!context.ok()) return refuse(context.status());
  auto source = Open(exchange->request(), *context, codec, method, handler);
  if (!source.ok()) return refuse(source.status());
  std::make_shared<ConnectStream>(exchange, codec, *method.output_type(), *std::move(source))
      ->Begin(context->deadline);
}

}  // namespace credence::server
