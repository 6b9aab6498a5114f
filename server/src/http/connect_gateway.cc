#include "http/connect_gateway.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/v1/common.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/message.h"
#include "http/codec.h"
#include "http/connect_stream.h"
#include "service/grpc_server.h"

namespace credence::server {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodOptions;

// Answers below are not worth compressing.
constexpr size_t kGzipBytesMin = 1'024;

struct UnaryCall {
  MessageCodec codec = MessageCodec::kJson;
  CallContext context;
  // Serialized protobuf.
  std::string request;
  bool gzip_answer = false;
  bool immutable = false;
};

bool ChangesNothing(const google::protobuf::MethodDescriptor& method) {
  return method.options().idempotency_level() == MethodOptions::NO_SIDE_EFFECTS;
}

std::string_view MediaType(const HttpRequest& request) {
  const std::string_view type = request.Header("Content-Type");
  const std::string_view bare = type.substr(0, type.find(';'));
  return FromAbsl(absl::StripAsciiWhitespace(ToAbsl(bare)));
}

HttpResponse Unsupported(int status, HttpHeaders headers, std::string_view message) {
  headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  return {status, std::move(headers), Cat(message, "\n")};
}

bool AcceptsGzip(std::string_view accepted) {
  for (const absl::string_view part : absl::StrSplit(ToAbsl(accepted), ',')) {
    const absl::string_view name = part.substr(0, part.find(';'));
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(name), "gzip")) return true;
  }
  return false;
}

absl::Status UnknownEncoding(std::string_view encoding) {
  return absl::UnimplementedError(
      Cat("unknown compression \"", encoding, "\": supported are gzip and identity"));
}

absl::StatusOr<std::string> Unpack(std::string_view encoding, std::string body) {
  if (encoding.empty() || encoding == "identity") return body;
  if (encoding == "gzip") return Gunzip(body, kRequestBytesMax);
  return UnknownEncoding(encoding);
}

absl::Status CheckSize(const std::string& message) {
  if (message.size() <= static_cast<size_t>(kRequestBytesMax)) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "FIELD_TOO_LARGE";
  detail.fields.push_back({"body", Cat("must have at most ", kRequestBytesMax, " bytes")});
  detail.metadata["limit"] = Cat(kRequestBytesMax);
  return MakeError(absl::StatusCode::kInvalidArgument,
                   Cat("body: has more than ", kRequestBytesMax, " bytes"), detail);
}

// Whether a read states a position or a time that has passed, so that its answer is fixed.
bool IsFixedView(const v1::ReadView& view) {
  if (view.has_position()) return true;
  if (!view.has_record_time()) return false;
  return absl::FromUnixSeconds(view.record_time().seconds()) < absl::Now() - absl::Seconds(2);
}

bool IsFixedRead(const google::protobuf::Descriptor& type, const std::string& request) {
  const std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  if (!message->ParseFromString(request)) return false;
  const Message* holder = message.get();
  const auto* target = type.FindFieldByName("target");
  if (target != nullptr && target->message_type() != nullptr && !target->is_repeated()) {
    holder = &holder->GetReflection()->GetMessage(*holder, target);
  }
  const auto* field = holder->GetDescriptor()->FindFieldByName("view");
  if (field == nullptr || field->message_type() != v1::ReadView::descriptor()) return false;
  const Message& view = holder->GetReflection()->GetMessage(*holder, field);
  v1::ReadView copy;
  copy.CopyFrom(view);
  return IsFixedView(copy);
}

absl::StatusOr<MessageCodec> CodecNamed(std::string_view name) {
  if (name == "json") return MessageCodec::kJson;
  if (name == "proto") return MessageCodec::kProto;
  return InvalidField("FIELD_INVALID", "encoding", "must be json or proto");
}

absl::Status CheckVersion(std::string_view version, std::string_view expected) {
  if (version.empty() || version == expected) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", "connect-protocol-version",
                      Cat("must be ", expected, ", not ", version));
}

// The message that a GET carries in its query.
absl::StatusOr<std::string> QueryMessage(const HttpRequest& request, MessageCodec& codec) {
  std::string value;
  if (!QueryParameter(request.query, "encoding", value)) value.clear();
  CREDENCE_ASSIGN_OR_RETURN(codec, CodecNamed(value));
  if (QueryParameter(request.query, "connect", value)) {
    CREDENCE_RETURN_IF_ERROR(CheckVersion(value, "v1"));
  }
  std::string message;
  if (!QueryParameter(request.query, "message", message)) {
    return InvalidField("FIELD_REQUIRED", "message", "must be given in the query");
  }
  if (QueryParameter(request.query, "base64", value) && value == "1") {
    std::string bytes;
    if (!absl::WebSafeBase64Unescape(message, &bytes)) {
      return InvalidField("FIELD_INVALID", "message", "must be URL-safe base64");
    }
    message = std::move(bytes);
  }
  if (!QueryParameter(request.query, "compression", value)) value.clear();
  return Unpack(value, std::move(message));
}

absl::StatusOr<UnaryCall> ReadUnary(const HttpRequest& request,
                                    const google::protobuf::MethodDescriptor& method) {
  UnaryCall call;
  CREDENCE_RETURN_IF_ERROR(CheckVersion(request.Header("Connect-Protocol-Version"), "1"));
  CREDENCE_ASSIGN_OR_RETURN(call.context, ReadConnectContext(request));
  std::string body;
  if (request.method == "GET") {
    CREDENCE_ASSIGN_OR_RETURN(body, QueryMessage(request, call.codec));
  } else {
    call.codec =
        MediaType(request) == "application/proto" ? MessageCodec::kProto : MessageCodec::kJson;
    CREDENCE_ASSIGN_OR_RETURN(body, Unpack(request.Header("Content-Encoding"), request.body));
  }
  CREDENCE_RETURN_IF_ERROR(CheckSize(body));
  CREDENCE_ASSIGN_OR_RETURN(call.request,
                            DecodeMessage(call.codec, *method.input_type(), std::move(body)));
  call.gzip_answer = AcceptsGzip(request.Header("Accept-Encoding"));
  call.immutable = request.method == "GET" && IsFixedRead(*method.input_type(), call.request);
  return call;
}

HttpResponse UnaryResponse(const UnaryCall& call, const google::protobuf::Descriptor& type,
                           std::string message) {
  absl::StatusOr<std::string> encoded = EncodeMessage(call.codec, type, std::move(message));
  if (!encoded.ok()) return ErrorResponse(encoded.status());
  HttpResponse response;
  response.headers.emplace_back(
      "Content-Type", call.codec == MessageCodec::kJson ? "application/json" : "application/proto");
  response.headers.emplace_back(
      "Cache-Control", call.immutable ? "private, max-age=31536000, immutable" : "no-store");
  response.headers.emplace_back("Vary", "Accept-Encoding, Authorization");
  response.body = *std::move(encoded);
  if (call.gzip_answer && response.body.size() >= kGzipBytesMin) {
    response.body = Gzip(response.body);
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  return response;
}

}  // namespace

HttpResponse ErrorResponse(const absl::Status& status) {
  const absl::StatusCode code = status.code();
  HttpResponse response{HttpStatusOf(code),
                        {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                        ErrorJson(status)};
  if (code == absl::StatusCode::kUnauthenticated) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return response;
}

ConnectGateway::ConnectGateway(const Router& router) {
  for (const auto& [service, methods] : router.services()) {
    const auto* declared =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    CREDENCE_CHECK(declared != nullptr);
    for (const auto& [name, entry] : methods) {
      methods_[Cat("/", service, "/", name)] = {&entry, declared->FindMethodByName(name)};
    }
  }
}

bool ConnectGateway::Serve(const std::shared_ptr<HttpExchange>& exchange) const {
  const auto found = methods_.find(exchange->request().path);
  if (found == methods_.end()) return false;
  if (found->second.entry->unary) {
    ServeUnary(exchange, found->second);
  } else {
    ServeStream(exchange, found->second);
  }
  return true;
}

void ConnectGateway::ServeUnary(const std::shared_ptr<HttpExchange>& exchange,
                                const Method& method) const {
  const HttpRequest& request = exchange->request();
  const bool may_get = ChangesNothing(*method.declared);
  if (request.method != "POST" && !(may_get && request.method == "GET")) {
    return exchange->Respond(
        Unsupported(405, {{"Allow", may_get ? "GET, POST" : "POST"}}, "this method takes POST"));
  }
  const std::string_view type = MediaType(request);
  if (request.method == "POST" && type != "application/json" && type != "application/proto") {
    return exchange->Respond(Unsupported(415,
                                         {{"Accept-Post", "application/json, application/proto"}},
                                         "the body must be application/json or application/proto"));
  }
  absl::StatusOr<UnaryCall> read = ReadUnary(request, *method.declared);
  if (!read.ok()) return exchange->Respond(ErrorResponse(read.status()));
  auto call = std::make_shared<const UnaryCall>(*std::move(read));
  const auto* output = method.declared->output_type();
  method.entry->unary(
      call->context, call->request, [exchange, call, output](absl::StatusOr<std::string> answer) {
        // Answers come on threads that others wait for; the rest is done on the server's own.
        exchange->Post([exchange, call, output, answer = std::move(answer)]() mutable {
          exchange->Respond(answer.ok() ? UnaryResponse(*call, *output, *std::move(answer))
                                        : ErrorResponse(answer.status()));
        });
      });
}

void ConnectGateway::ServeStream(const std::shared_ptr<HttpExchange>& exchange,
                                 const Method& method) const {
  const HttpRequest& request = exchange->request();
  if (request.method != "POST") {
    return exchange->Respond(Unsupported(405, {{"Allow", "POST"}}, "this method takes POST"));
  }
  const std::string_view type = MediaType(request);
  if (type != "application/connect+json" && type != "application/connect+proto") {
    return exchange->Respond(
        Unsupported(415, {{"Accept-Post", "application/connect+json, application/connect+proto"}},
                    "this method streams: the body must be application/connect+json or "
                    "application/connect+proto"));
  }
  const MessageCodec codec =
      type == "application/connect+json" ? MessageCodec::kJson : MessageCodec::kProto;
  BeginConnectStream(exchange, codec, *method.declared, method.entry->stream);
}

}  // namespace credence::server
