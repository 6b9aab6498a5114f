#include "access/act_audit.h"

#include <memory>
#include <string>
#include <utility>

#include "access/method_rules.h"
#include "access/principal.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace credence::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

// Longest text of a request or an answer on the audit log.
constexpr size_t kAuditTextBytesMax = 2'048;

// A message in words, without the one secret that the contract has.
std::string AuditText(const Descriptor& type, std::string_view bytes) {
  const std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return "malformed";
  if (const auto* const token = type.FindFieldByName("token"); token != nullptr) {
    message->GetReflection()->ClearField(message.get(), token);
  }
  return message->ShortDebugString().substr(0, kAuditTextBytesMax);
}

// Writes the lines of one method.
class ActNoter {
 public:
  ActNoter(std::string name, const google::protobuf::MethodDescriptor* method, AuditLog* audit,
           std::function<absl::Time()> now)
      : name_(std::move(name)), method_(method), audit_(audit), now_(std::move(now)) {}

  void Note(const CallContext& context, std::string_view request,
            const absl::StatusOr<std::string>& response) const {
    AuditLog::Fields fields = {{"method", name_}};
    if (context.credentials != nullptr) fields.emplace_back("peer", context.credentials->peer);
    if (context.principal != nullptr) {
      fields.emplace_back("principal", context.principal->name);
      fields.emplace_back("credential", context.principal->credential);
    } else {
      fields.emplace_back("access", "open");
    }
    fields.emplace_back("request", AuditText(*method_->input_type(), request));
    if (response.ok()) {
      fields.emplace_back("answer", AuditText(*method_->output_type(), *response));
    } else {
      fields.emplace_back("error", std::string(FromAbsl(response.status().message())));
    }
    audit_->NoteAct("admin", fields, now_());
  }

 private:
  const std::string name_;
  const google::protobuf::MethodDescriptor* const method_;
  AuditLog* const audit_;
  const std::function<absl::Time()> now_;
};

UnaryHandler NoteUnary(std::shared_ptr<const ActNoter> noter, UnaryHandler handler) {
  return [noter = std::move(noter), handler = std::move(handler)](
             const CallContext& context, std::string_view request, Answer answer) {
    handler(context, request,
            [noter, context, asked = std::string(request),
             answer = std::move(answer)](absl::StatusOr<std::string> response) {
              noter->Note(context, asked, response);
              answer(std::move(response));
            });
  };
}

// That it was begun, or why not.
StreamHandler NoteStream(std::shared_ptr<const ActNoter> noter, StreamHandler handler) {
  return [noter = std::move(noter), handler = std::move(handler)](const CallContext& context,
                                                                  std::string_view request) {
    absl::StatusOr<std::unique_ptr<MessageSource>> source = handler(context, request);
    noter->Note(context, request, source.ok() ? absl::StatusOr<std::string>("") : source.status());
    return source;
  };
}

}  // namespace

void AuditActs(Router& router, AuditLog* audit, std::function<absl::Time()> now) {
  router.Wrap([&](const std::string& service, const std::string& method,
                  Router::Method entry) -> Router::Method {
    const std::string name = Cat(service, "/", method);
    if (!RuleOf(name).audited) return entry;
    const auto* const declared =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
            Cat(service, ".", method));
    CREDENCE_CHECK(declared != nullptr);
    auto noter = std::make_shared<const ActNoter>(name, declared, audit, now);
    if (entry.unary) return {NoteUnary(std::move(noter), std::move(entry.unary)), nullptr};
    return {nullptr, NoteStream(std::move(noter), std::move(entry.stream))};
  });
}

}  // namespace credence::server
