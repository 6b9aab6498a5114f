#include "logging/call_log.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "credence/base/utf8.h"
#include "credence/v1/common.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace credence::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using Severity = Logger::Severity;

constexpr absl::Duration kSlow = absl::Seconds(1);

// The last value of a field of bytes in a serialized message, and nothing where there is none:
// without parsing the rest, which may be large.
std::optional<std::string> FindBytes(std::string_view message, int number) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  std::optional<std::string> found;
  while (const uint32_t tag = input.ReadTag()) {
    if (tag == WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      std::string value;
      if (!WireFormatLite::ReadBytes(&input, &value)) return found;
      found = std::move(value);
    } else if (!WireFormatLite::SkipField(&input, tag)) {
      return found;
    }
  }
  return found;
}

// The field of a request that holds WriteOptions; 0 where it has none.
int OptionsNumber(const std::string& service, const std::string& method) {
  const auto* declared =
      DescriptorPool::generated_pool()->FindMethodByName(Cat(service, ".", method));
  const Descriptor* request = declared == nullptr ? nullptr : declared->input_type();
  const auto* options = request == nullptr ? nullptr : request->FindFieldByName("options");
  const bool is_write =
      options != nullptr && options->message_type() == v1::WriteOptions::descriptor();
  return is_write ? options->number() : 0;
}

bool IsOwnFailure(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

class Call {
 public:
  Call(const Logger& logger, const std::string& name, std::string request_id)
      : logger_(logger), name_(name), request_id_(std::move(request_id)) {}

  void End(const absl::Status& status) const {
    const absl::Duration took = absl::Now() - begin_;
    const bool failed = IsOwnFailure(status.code());
    const Severity severity = failed         ? Severity::kError
                              : took > kSlow ? Severity::kWarning
                                             : Severity::kDebug;
    if (!logger_.Logs(severity)) return;
    // Messages of other errors may repeat what the caller wrote.
    const std::string message = failed ? std::string(status.message()) : "";
    logger_.Log(severity, failed ? "call failed" : "call",
                {{"method", name_},
                 {"code", FromAbsl(absl::StatusCodeToString(status.code()))},
                 {"reason", GetErrorDetail(status).reason},
                 {"error", message},
                 {"milliseconds", absl::ToInt64Milliseconds(took)},
                 {"request_id", request_id_}});
  }

 private:
  const Logger& logger_;
  const std::string& name_;
  const std::string request_id_;
  const absl::Time begin_ = absl::Now();
};

UnaryHandler LogUnary(const Logger& logger, std::string name, int options, UnaryHandler handler) {
  return [&logger, name = std::move(name), options, handler = std::move(handler)](
             const CallContext& context, std::string_view request, Answer answer) {
    std::string request_id;
    if (options != 0) {
      const auto given = FindBytes(request, options);
      request_id =
          FindBytes(given.value_or(""), v1::WriteOptions::kRequestIdFieldNumber).value_or("");
    }
    handler(context, request,
            [call = Call(logger, name, std::move(request_id)),
             answer = std::move(answer)](absl::StatusOr<std::string> response) {
              call.End(response.status());
              answer(std::move(response));
            });
  };
}

StreamHandler LogStream(const Logger& logger, std::string name, StreamHandler handler) {
  return [&logger, name = std::move(name), handler = std::move(handler)](const CallContext& context,
                                                                         std::string_view request) {
    const Call call(logger, name, "");
    auto source = handler(context, request);
    call.End(source.status());
    return source;
  };
}

}  // namespace

void LogCalls(const Logger& logger, Router& router) {
  router.Wrap([&logger](const std::string& service, const std::string& method,
                        Router::Method entry) {
    std::string name = Cat(service, "/", method);
    if (entry.unary) {
      return Router::Method{
          LogUnary(logger, std::move(name), OptionsNumber(service, method), std::move(entry.unary)),
          nullptr};
    }
    return Router::Method{nullptr, LogStream(logger, std::move(name), std::move(entry.stream))};
  });
}

}  // namespace credence::server
