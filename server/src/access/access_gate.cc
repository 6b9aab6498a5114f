#include "access/access_gate.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "access/authorize.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "google/protobuf/message.h"
#include "service/parse.h"

namespace credence::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

// How often a stream's caller is asked for again.
constexpr absl::Duration kStreamCheckInterval = absl::Seconds(1);

std::unique_ptr<Message> MakeMessage(const Descriptor& type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

const CallerCredentials& CredentialsIn(const CallContext& context) {
  static const auto* const kNone = new CallerCredentials;
  return context.credentials == nullptr ? *kNone : *context.credentials;
}

}  // namespace

// A stream that ends when its caller may no longer have it.
class GuardedSource final : public MessageSource {
 public:
  GuardedSource(AccessGate* gate, AccessGate::Guarded guarded, AccessGate::Admitted admitted,
                std::string request, std::unique_ptr<MessageSource> source)
      : gate_(gate),
        guarded_(guarded),
        admitted_(std::move(admitted)),
        request_(std::move(request)),
        source_(std::move(source)),
        checked_time_(gate_->control_->Now()) {}

  absl::StatusOr<std::optional<std::string>> Next(
      std::function<void(const absl::Status&)> ready) override {
    const absl::Time now = gate_->control_->Now();
    if (now - checked_time_ >= kStreamCheckInterval) {
      checked_time_ = now;
      CREDENCE_RETURN_IF_ERROR(gate_->AdmitAgain(guarded_, admitted_.context, request_));
    }
    return source_->Next(std::move(ready));
  }

  [[nodiscard]] bool ended() const override { return source_->ended(); }
  bool Cancel() override { return source_->Cancel(); }
  [[nodiscard]] int64_t next_position() const override { return source_->next_position(); }

 private:
  AccessGate* const gate_;
  const AccessGate::Guarded guarded_;
  const AccessGate::Admitted admitted_;
  const std::string request_;
  const std::unique_ptr<MessageSource> source_;
  absl::Time checked_time_;
};

void AccessGate::Guard(Router& router) {
  router.Wrap([this](const std::string& service, const std::string& method,
                     Router::Method entry) -> Router::Method {
    const auto* const declared =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    CREDENCE_CHECK(declared != nullptr);
    const auto* const method_declared = declared->FindMethodByName(method);
    const bool writes = method_declared->input_type()->FindFieldByName("options") != nullptr;
    const CallKind kind = entry.stream ? CallKind::kStream
                          : writes     ? CallKind::kWrite
                                       : CallKind::kRead;
    const Guarded guarded{&RuleOf(Cat(service, "/", method)), kind, method_declared->input_type()};
    if (entry.unary) return {GuardUnary(guarded, std::move(entry.unary)), nullptr};
    return {nullptr, GuardStream(guarded, std::move(entry.stream))};
  });
}

UnaryHandler AccessGate::GuardUnary(const Guarded& guarded, UnaryHandler handler) {
  return [this, guarded, handler = std::move(handler)](const CallContext& context,
                                                       std::string_view request, Answer answer) {
    absl::StatusOr<Admitted> admitted = Admit(guarded, context, request);
    if (!admitted.ok()) return answer(admitted.status());
    handler(admitted->context, request,
            [share = admitted->share, answer = std::move(answer)](
                absl::StatusOr<std::string> response) { answer(std::move(response)); });
  };
}

StreamHandler AccessGate::GuardStream(const Guarded& guarded, StreamHandler handler) {
  return [this, guarded, handler = std::move(handler)](
             const CallContext& context,
             std::string_view request) -> absl::StatusOr<std::unique_ptr<MessageSource>> {
    CREDENCE_ASSIGN_OR_RETURN(Admitted admitted, Admit(guarded, context, request));
    absl::StatusOr<std::unique_ptr<MessageSource>> source = handler(admitted.context, request);
    if (!source.ok()) return source.status();
    return std::make_unique<GuardedSource>(this, guarded, std::move(admitted), std::string(request),
                                           *std::move(source));
  };
}

absl::Status AccessGate::Check(const Guarded& guarded, const Principal& principal,
                               std::string_view request) const {
  const std::unique_ptr<Message> message = MakeMessage(*guarded.input);
  if (NeedsRequest(*guarded.rule, principal, *guarded.input)) {
    CREDENCE_RETURN_IF_ERROR(ParseRequest(request, *message));
  }
  return Authorize(*guarded.rule, principal, *message, *engine_->Published());
}

absl::StatusOr<AccessGate::Admitted> AccessGate::Admit(const Guarded& guarded,
                                                       const CallContext& context,
                                                       std::string_view request) {
  const CallerCredentials& credentials = CredentialsIn(context);
  auto principal = control_->Authenticate(credentials);
  if (!principal.ok()) {
    NoteRefusal(*guarded.rule, credentials, nullptr, principal.status());
    return principal.status();
  }
  const Principal& caller = **principal;
  auto share = budgets_.Take(caller.name.empty() ? credentials.peer : caller.name, guarded.kind,
                             control_->Now(), caller.budget);
  absl::Status status = share.status();
  if (status.ok()) status = Check(guarded, caller, request);
  if (!status.ok()) {
    NoteRefusal(*guarded.rule, credentials, &caller, status);
    return status;
  }
  Admitted admitted{context, *std::move(share)};
  admitted.context.principal = *std::move(principal);
  return admitted;
}

absl::Status AccessGate::AdmitAgain(const Guarded& guarded, const CallContext& context,
                                    std::string_view request) {
  const CallerCredentials& credentials = CredentialsIn(context);
  auto principal = control_->Authenticate(credentials);
  absl::Status status = principal.status();
  if (status.ok()) status = Check(guarded, **principal, request);
  if (!status.ok()) {
    NoteRefusal(*guarded.rule, credentials, principal.ok() ? principal->get() : nullptr, status);
  }
  return status;
}

absl::Status AccessGate::Know(std::string_view method, const CallerCredentials& credentials) {
  absl::Status status = control_->Authenticate(credentials).status();
  if (!status.ok()) NoteRefusal(RuleOf(method), credentials, nullptr, status);
  return status;
}

absl::Status AccessGate::AdmitPath(std::string_view rule, const CallerCredentials& credentials) {
  const MethodRule& found = RuleOf(rule);
  // A path carries no request: a role for one tag only reaches what nothing need be named for.
  const std::unique_ptr<Message> nothing = MakeMessage(*v1::GetCallerRequest::descriptor());
  auto principal = control_->Authenticate(credentials);
  absl::Status status = principal.status();
  if (principal.ok()) status = Authorize(found, **principal, *nothing, *engine_->Published());
  if (!status.ok()) {
    NoteRefusal(found, credentials, principal.ok() ? principal->get() : nullptr, status);
  }
  return status;
}

void AccessGate::NoteRefusal(const MethodRule& rule, const CallerCredentials& credentials,
                             const Principal* principal, const absl::Status& status) {
  AuditLog::Fields fields = {{"method", std::string(rule.method)},
                             {"peer", credentials.peer},
                             {"certificate", credentials.certificate_subject}};
  if (principal != nullptr) {
    fields.emplace_back("principal", principal->name);
    fields.emplace_back("credential", principal->credential);
  }
  fields.emplace_back("reason", GetErrorDetail(status).reason);
  fields.emplace_back("message", std::string(FromAbsl(status.message())));
  control_->audit().NoteRefusal(fields, control_->Now());
}

}  // namespace credence::server
