#include "channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/byte_buffer.h>

#include <fstream>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "loopback.h"

namespace credence::client {
namespace {

// Larger than any answer that a server of the default limits gives.
constexpr int kMessageBytesMax = 256 * 1024 * 1024;
// Below gRPC's own second, so that a server that has just come up is found by the next repeat.
constexpr int kReconnectMsMin = 50;
constexpr int kReconnectMsMax = 2000;
// What gRPC calls the least time between two attempts is how long it waits for one to come through:
// a busy machine or a far one may take longer than the pause.
constexpr int kConnectMs = 5000;

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

RpcResult ToResult(const grpc::Status& status) {
  return {static_cast<int>(status.error_code()), status.error_message(), status.error_details(),
          ""};
}

// How often files of certificates are looked at.
constexpr unsigned kRefreshSeconds = 60;

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const ClientTls& tls) {
  if (!tls.enabled) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (!tls.authority_file.empty() || !tls.certificate_file.empty()) {
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            tls.key_file, tls.certificate_file, tls.authority_file, kRefreshSeconds));
  }
  if (!tls.authority_file.empty()) options.watch_root_certs();
  if (!tls.certificate_file.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

// Whether what is sent to `endpoint` stays on this machine.
bool StaysHere(const std::string& endpoint) {
  if (absl::StartsWith(endpoint, "unix:")) return true;
  const std::string host = endpoint.substr(0, endpoint.rfind(':'));
  return host == "[::1]" || IsLoopbackHost(host);
}

absl::Status CheckFile(std::string_view field, const std::string& file) {
  if (file.empty() || std::ifstream(file).good()) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", field, Cat(file, ": cannot be read"));
}

std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMsMin);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  return grpc::CreateCustomChannel(options.endpoint, MakeCredentials(options.tls), arguments);
}

// Waits for the one operation that is under way on `queue`; false where it failed.
bool Await(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  const bool got_event = queue.Next(&tag, &ok);
  CREDENCE_CHECK(got_event);
  return ok;
}

void Drain(grpc::CompletionQueue& queue) {
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace

class Channel::Impl {
 public:
  explicit Impl(const ClientOptions& options)
      : authorization_(options.token.empty() ? "" : Cat("Bearer ", options.token)),
        channel_(MakeChannel(options)),
        stub_(channel_) {}

  RpcResult Unary(const std::string& method, std::string_view request, absl::Time deadline) {
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(absl::ToChronoTime(deadline));
    grpc::CompletionQueue queue;
    grpc::ByteBuffer answer;
    grpc::Status status;
    auto call = stub_.PrepareUnaryCall(&context, method, ToBuffer(request), &queue);
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    Await(queue);
    Drain(queue);
    RpcResult result = ToResult(status);
    if (status.ok()) result.body = ToString(answer);
    return result;
  }

  RpcResult Stream(const std::string& method, std::string_view request,
                   absl::FunctionRef<bool(std::string_view)> on_message) {
    grpc::ClientContext context;
    Introduce(context);
    if (!Register(&context)) return {static_cast<int>(grpc::CANCELLED), "cancelled", "", ""};
    grpc::CompletionQueue queue;
    auto call = stub_.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    bool open = Await(queue);
    if (open) {
      call->WriteLast(ToBuffer(request), grpc::WriteOptions(), nullptr);
      open = Await(queue);
    }
    bool wanted = true;
    while (open && wanted) {
      grpc::ByteBuffer message;
      call->Read(&message, nullptr);
      open = Await(queue);
      if (open) wanted = on_message(ToString(message));
    }
    if (!wanted) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    Await(queue);
    Drain(queue);
    Unregister(&context);
    return wanted ? ToResult(status) : RpcResult{};
  }

  void CancelStreams() {
    const absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    for (grpc::ClientContext* context : streams_) context->TryCancel();
  }

  bool streams_cancelled() const {
    const absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

 private:
  // Says who calls.
  void Introduce(grpc::ClientContext& context) const {
    if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
  }

  bool Register(grpc::ClientContext* context) {
    const absl::MutexLock lock(&mutex_);
    if (!cancelled_) streams_.insert(context);
    return !cancelled_;
  }

  void Unregister(grpc::ClientContext* context) {
    const absl::MutexLock lock(&mutex_);
    streams_.erase(context);
  }

  const std::string authorization_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  mutable absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> streams_ ABSL_GUARDED_BY(mutex_);
};

absl::Status CheckConnection(const ClientOptions& options) {
  const ClientTls& tls = options.tls;
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return InvalidField("FIELD_INVALID",
                        tls.key_file.empty() ? "tls.key_file" : "tls.certificate_file",
                        "must be given together with the other of the two");
  }
  if (!tls.enabled && !(tls.authority_file.empty() && tls.key_file.empty())) {
    return InvalidField("FIELD_INVALID", "tls.enabled", "must be set for certificates to be used");
  }
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.authority_file", tls.authority_file));
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.certificate_file", tls.certificate_file));
  CREDENCE_RETURN_IF_ERROR(CheckFile("tls.key_file", tls.key_file));
  if (options.token.empty() || tls.enabled || StaysHere(options.endpoint)) return absl::OkStatus();
  return InvalidField("FIELD_INVALID", "token",
                      Cat("would be sent to ", options.endpoint,
                          " in plaintext, for anybody on the way to read: use TLS"));
}

Channel::Channel(const ClientOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Channel::~Channel() = default;

RpcResult Channel::Unary(const std::string& method, std::string_view request, absl::Time deadline) {
  return impl_->Unary(method, request, deadline);
}

RpcResult Channel::Stream(const std::string& method, std::string_view request,
                          absl::FunctionRef<bool(std::string_view)> on_message) {
  return impl_->Stream(method, request, on_message);
}

void Channel::CancelStreams() { impl_->CancelStreams(); }
bool Channel::streams_cancelled() const { return impl_->streams_cancelled(); }

}  // namespace credence::client
