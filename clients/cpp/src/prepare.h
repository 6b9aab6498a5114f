#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "credence/v1/common.pb.h"
#include "google/protobuf/message.h"

#pragma GCC visibility push(hidden)

// What the client reads from and completes in messages of any rpc, by the contract's conventions:
// writes have `options`, reads `view`, answers of writes `receipt`.
namespace credence::client {

// Path of the rpc that takes messages of this type, such as
// "/credence.v1.LedgerService/ListEvents"; empty where there is none.
[[nodiscard]] std::string MethodOf(const google::protobuf::Descriptor& request);

// Puts a request id and `actor` in a write that has none. A request that is no write stays as it
// is.
void CompleteWrite(google::protobuf::Message& request, const std::string& actor);

// Makes a read wait for `position`, unless it names a minimal position itself, is as of the past,
// or goes on with a page, which is pinned to a position already.
void CompleteRead(google::protobuf::Message& request, int64_t position);

// Makes a write's receipt come with a proof. A request that is no write stays as it is.
void AskForProof(google::protobuf::Message& request);

// The receipt in an answer; null where it has none. Lives as long as the answer.
[[nodiscard]] const v1::Receipt* FindReceipt(const google::protobuf::Message& response);

// Last position of the write that `response` answers, where it has a receipt.
[[nodiscard]] std::optional<int64_t> WrittenPosition(const google::protobuf::Message& response);

}  // namespace credence::client

#pragma GCC visibility pop
