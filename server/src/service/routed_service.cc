#include "service/routed_service.h"

#include <grpcpp/impl/codegen/rpc_service_method.h>

#include "credence/base/strings.h"
#include "service/stream_call.h"
#include "service/unary_call.h"

namespace credence::server {
namespace {

// Calls of one method that wait to be taken at any time. More than arrive at once wait a moment
// with gRPC.
constexpr int kWaitingCalls = 4;

}  // namespace

RoutedService::RoutedService(const std::string& name, const Router::Service& methods,
                             const RoutedMethod& shared) {
  for (const auto& [method, entry] : methods) {
    const int index = static_cast<int>(methods_.size());
    paths_.push_back(Cat("/", name, "/", method));
    AddMethod(new grpc::internal::RpcServiceMethod(
        paths_.back().c_str(),
        entry.unary ? grpc::internal::RpcMethod::NORMAL_RPC
                    : grpc::internal::RpcMethod::SERVER_STREAMING,
        nullptr));
    MarkMethodRaw(index);
    RoutedMethod& added = methods_.emplace_back(shared);
    added.service = this;
    added.index = index;
    added.entry = &entry;
  }
}

void RoutedService::TakeCalls(CallQueue& queue) {
  for (const RoutedMethod& method : methods_) {
    for (int i = 0; i < kWaitingCalls; ++i) {
      if (method.entry->unary) {
        AwaitUnaryCall(method, queue);
      } else {
        AwaitStreamCall(method, queue);
      }
    }
  }
}

void RoutedService::RequestUnary(int index, grpc::ServerContext* context, grpc::ByteBuffer* request,
                                 grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>* writer,
                                 CallQueue& queue, CallEvent* tag) {
  RequestAsyncUnary(index, context, request, writer, queue.queue(), queue.queue(), tag);
}

void RoutedService::RequestStream(int index, grpc::ServerContext* context,
                                  grpc::ByteBuffer* request,
                                  grpc::ServerAsyncWriter<grpc::ByteBuffer>* writer,
                                  CallQueue& queue, CallEvent* tag) {
  RequestAsyncServerStreaming(index, context, request, writer, queue.queue(), queue.queue(), tag);
}

}  // namespace credence::server
