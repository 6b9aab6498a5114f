#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <deque>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "service/call_queue.h"
#include "service/router.h"

// One service of the router as gRPC knows it.
namespace credence::server {

class StreamSet;
class RoutedService;

// What its calls know of a method.
struct RoutedMethod {
  RoutedService* service = nullptr;
  int index = 0;
  const Router::Method* entry = nullptr;
  // What handlers run on that are not brief.
  Executor* handlers = nullptr;
  // The streams under way.
  StreamSet* streams = nullptr;
  // Whether handlers are told what a caller shows of who it is.
  bool with_credentials = false;
};

// Registers the methods as generated code does for methods that take their messages as bytes.
class RoutedService final : public grpc::Service {
 public:
  // What is referred to must outlive the service. `shared` gives what all methods have in common.
  RoutedService(const std::string& name, const Router::Service& methods,
                const RoutedMethod& shared);

  // Has the queue take calls of every method, from now on until the server is shut down.
  void TakeCalls(CallQueue& queue);

  // Asks for the next call of a method; `tag` happens when there is one.
  void RequestUnary(int index, grpc::ServerContext* context, grpc::ByteBuffer* request,
                    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>* writer, CallQueue& queue,
                    CallEvent* tag);
  void RequestStream(int index, grpc::ServerContext* context, grpc::ByteBuffer* request,
                     grpc::ServerAsyncWriter<grpc::ByteBuffer>* writer, CallQueue& queue,
                     CallEvent* tag);

 private:
  // gRPC keeps pointers to the names; a deque never moves them.
  std::deque<std::string> paths_;
  std::vector<RoutedMethod> methods_;
};

}  // namespace credence::server
