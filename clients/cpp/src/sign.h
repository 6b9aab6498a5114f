#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "credence/client/author_key.h"
#include "credence/v1/ledger_service.pb.h"
#include "credence/v1/question_service.pb.h"
#include "google/protobuf/message.h"

#pragma GCC visibility push(hidden)

namespace credence::client {

// Calls that signing may need: what the ledger is, and what a question asks.
struct SignCalls {
  std::function<absl::StatusOr<v1::GetServerInfoResponse>(const v1::GetServerInfoRequest&)>
      get_server_info;
  std::function<absl::StatusOr<v1::GetQuestionResponse>(const v1::GetQuestionRequest&)>
      get_question;
};

// Signs what its key's author states in requests: forecasts and withdrawals of the forecaster,
// evidence of which it is the actor, and its keys. The payloads of the events are made here, from
// the request alone, so that a server cannot choose what is signed; of the server's answers only
// the order of a question's states and the id of its network are used, and the states' names are
// part of what is signed.
//
// Thread-safe.
class StatementSigner {
 public:
  // `origin` is that of the ledger; empty where it is not known, and the server is to be believed.
  StatementSigner(std::shared_ptr<const AuthorKey> key, std::string origin)
      : key_(std::move(key)), origin_(std::move(origin)) {}

  // Completes a write whose request id and actor are set: ids that the server would choose, and the
  // statements. Requests that hold nothing of the author's, have statements already or only ask
  // what would be stay as they are. INVALID_ARGUMENT where what is to be signed is not stated.
  [[nodiscard]] absl::Status Sign(google::protobuf::Message& request, const SignCalls& calls);

 private:
  [[nodiscard]] absl::StatusOr<std::string> Origin(const SignCalls& calls);

  const std::shared_ptr<const AuthorKey> key_;
  absl::Mutex mutex_;
  std::string origin_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace credence::client

#pragma GCC visibility pop
