#pragma once

#include "service/call_queue.h"
#include "service/routed_service.h"

// Calls with one answer over gRPC.
namespace credence::server {

// Takes the next call of `method`, and then the one after it, until the server is shut down.
void AwaitUnaryCall(const RoutedMethod& method, CallQueue& queue);

// From the first to the second, answers to unary calls of this thread are made ready only; the
// second sends them, one after the other. Woken once for many, this process and the clients' do a
// good deal less than woken for each.
void BeginAnswers();
void SendAnswers();

}  // namespace credence::server
