#include "fake_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"

namespace credence::client {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  CREDENCE_CHECK(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// Answers one call, unary or streaming: on the wire they differ only in how many messages come.
class Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(FakeServer& server, std::string method) : server_(server), method_(std::move(method)) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no request"));
      return;
    }
    reply_ = server_.Handle(method_, ToString(request_));
    WriteNext();
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      WriteNext();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }

  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (next_ == reply_.messages.size()) {
      Finish(grpc::Status(static_cast<grpc::StatusCode>(reply_.code), reply_.text, reply_.details));
      return;
    }
    const grpc::Slice slice(reply_.messages[next_++]);
    message_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&message_);
  }

  FakeServer& server_;
  const std::string method_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;
  FakeReply reply_;
  size_t next_ = 0;
};

}  // namespace

FakeReply Answer(const google::protobuf::Message& message) {
  FakeReply reply;
  reply.messages.push_back(message.SerializeAsString());
  return reply;
}

FakeReply Refusal(absl::StatusCode code, const std::string& text, const std::string& details) {
  FakeReply reply;
  reply.code = code;
  reply.text = text;
  reply.details = details;
  return reply;
}

class FakeServer::Transport : public grpc::CallbackGenericService {
 public:
  explicit Transport(FakeServer& server) : server_(server) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    grpc_server_ = builder.BuildAndStart();
    CREDENCE_CHECK(grpc_server_ != nullptr && port_ != 0);
  }

  ~Transport() override { grpc_server_->Shutdown(); }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(server_, context->method());
  }

  int port() const { return port_; }

 private:
  FakeServer& server_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> grpc_server_;
};

FakeServer::FakeServer() : transport_(std::make_unique<Transport>(*this)) {}
FakeServer::~FakeServer() = default;

std::string FakeServer::endpoint() const { return absl::StrCat("127.0.0.1:", transport_->port()); }

std::vector<std::string> FakeServer::calls() const {
  const absl::MutexLock lock(&mutex_);
  return calls_;
}

FakeReply FakeServer::Handle(const std::string& method, const std::string& bytes) {
  const absl::MutexLock lock(&mutex_);
  const std::string name = method.substr(method.rfind('/') + 1);
  calls_.push_back(name);
  const auto handler = handlers_.find(name + "Request");
  if (handler == handlers_.end()) return Refusal(absl::StatusCode::kUnimplemented, method);
  return handler->second(bytes);
}

void FakeServer::Set(const std::string& request_type, Handler handler) {
  const absl::MutexLock lock(&mutex_);
  handlers_[request_type] = std::move(handler);
}

}  // namespace credence::client
