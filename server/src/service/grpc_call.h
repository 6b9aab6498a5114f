#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "service/router.h"

// Between gRPC's terms of a call and the router's.
namespace credence::server {

// A message as one piece, without a copy where gRPC has it as one. Lives as long as its view.
class MessageBytes {
 public:
  explicit MessageBytes(const grpc::ByteBuffer& buffer);
  MessageBytes(const MessageBytes&) = delete;
  MessageBytes& operator=(const MessageBytes&) = delete;

  [[nodiscard]] std::string_view view() const { return view_; }

 private:
  grpc::Slice slice_;
  std::string joined_;
  std::string_view view_;
};

[[nodiscard]] grpc::ByteBuffer ToBuffer(const std::string& bytes);

// The error as the contract has it, with its details.
[[nodiscard]] grpc::Status ToGrpcStatus(const absl::Status& status);

// What a handler is told of a call: its deadline and, where asked for, its caller.
[[nodiscard]] CallContext ContextOf(const grpc::ServerContextBase& context, bool with_credentials);

}  // namespace credence::server
