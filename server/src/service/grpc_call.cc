#include "service/grpc_call.h"

#include <memory>
#include <vector>

#include "credence/base/error.h"
#include "service/grpc_credentials.h"
#include "service/status.h"

namespace credence::server {

MessageBytes::MessageBytes(const grpc::ByteBuffer& buffer) {
  if (buffer.TrySingleSlice(&slice_).ok()) {
    view_ = {reinterpret_cast<const char*>(slice_.begin()), slice_.size()};
    return;
  }
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return;
  joined_.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    joined_.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  view_ = joined_;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

CallContext ContextOf(const grpc::ServerContextBase& context, bool with_credentials) {
  CallContext call;
  const auto deadline = context.deadline();
  // gRPC says "none" by the largest time there is.
  if (deadline < std::chrono::system_clock::time_point::max() - std::chrono::hours(1)) {
    call.deadline = absl::FromChrono(deadline);
  }
  if (with_credentials) {
    call.credentials = std::make_shared<const CallerCredentials>(CredentialsOf(context));
  }
  return call;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const absl::Status shown = PublicStatus(status);
  return grpc::Status(static_cast<grpc::StatusCode>(shown.code()), std::string(shown.message()),
                      PackDetails(shown));
}

}  // namespace credence::server
