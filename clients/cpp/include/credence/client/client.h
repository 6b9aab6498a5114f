#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/client/author_key.h"
#include "credence/v1/access_service.pb.h"
#include "credence/v1/admin_service.pb.h"
#include "credence/v1/author_service.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/inference_service.pb.h"
#include "credence/v1/ledger_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question_service.pb.h"
#include "credence/v1/score_service.pb.h"

// A client of a Credence server: one blocking method for each rpc of credence.v1.
//
// Each write carries a request id (a random UUID where the request has none), so that a retry after
// a lost answer records nothing twice. A call that fails with UNAVAILABLE, or that the server asks
// to repeat by a RetryInfo, is repeated with growing pauses until the retries or the timeout are
// used up. A read waits for this client's own writes (`ReadView.min_position`).
//
// Errors are absl::Status with the code and message of the server; GetErrorDetail() of
// credence/base/error.h gives the reason, its metadata, the fields that were wrong and the
// subjects of a failed precondition. See credence/client/error.h.
namespace credence::client {

// How a client knows its server, and says who it is itself.
struct ClientTls {
  // TLS where true; plaintext else, and then nothing below may be set.
  bool enabled = false;
  // PEM file of the authorities that the server's certificate is checked against; the system's
  // where empty.
  std::string authority_file{};
  // PEM files of a certificate to show, with its chain, and of its private key: both or none.
  std::string certificate_file{};
  std::string key_file{};
};

// How a client behaves.
struct ClientOptions {
  // HOST:PORT of the server, or any gRPC target such as `unix:/run/credence.sock`.
  std::string endpoint = "127.0.0.1:7700";
  // Files that are replaced are read again. A file that cannot be read, or half of a pair, makes
  // every call fail with INVALID_ARGUMENT.
  ClientTls tls;
  // Token that says who calls, without "Bearer "; may be empty. Every call fails with
  // INVALID_ARGUMENT where it would travel in plaintext to another machine.
  std::string token;
  // Limit of one call with all its repeats; not of a watch. Positive.
  absl::Duration timeout = absl::Seconds(30);
  // Who writes, such as `forecasters/analyst-1`; put in writes that name nobody. May be empty.
  std::string actor;
  // Repeats after the first attempt. A watch may reconnect this many times without progress.
  int retries = 4;
  // Pause before the first repeat; doubles with each one, up to `backoff_max`, less up to half of
  // it at random.
  absl::Duration backoff = absl::Milliseconds(100);
  absl::Duration backoff_max = absl::Seconds(5);
  // Reads see at least this client's own writes. They then wait on a server that lags behind.
  bool read_your_writes = true;
  // Verifier key of the ledger, as `credence init` prints it; empty to trust the server. With a key
  // every write asks for a proof, and every receipt, checkpoint and proof of an answer is checked
  // under it before the answer is given: DATA_LOSS, reason VERIFICATION_FAILED, where one does not
  // hold. The write may then be recorded all the same. A key that the ledger has replaced since is
  // followed by the rotations that it signed. A malformed key makes every call fail with
  // INVALID_ARGUMENT. What is checked of a receipt is that the entry with its leaf hash is at its
  // position in a signed tree; `credence verify` checks the entries themselves.
  std::string verifier_key;
  // Key of an author; null to sign nothing. What its author states in writes is signed, and writes
  // that name no actor are the author's. The signatures are for the ledger that `verifier_key`
  // names; without one the server is asked which ledger it is, and believed.
  std::shared_ptr<const AuthorKey> author_key;
};

// INVALID_ARGUMENT, reason FIELD_INVALID, where no connection can be made by the options: half of a
// pair of files, a file that cannot be read, a token that others could read on its way.
[[nodiscard]] absl::Status CheckConnection(const ClientOptions& options);

// Thread-safe. Watches and calls run in the caller's thread; several may run at the same time.
class Client {
 public:
  // Connects when first needed: an endpoint that nobody serves is reported by the first call.
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] const ClientOptions& options() const;

  // Highest position that this client has written; empty before its first write.
  [[nodiscard]] std::optional<int64_t> written_position() const;

  // Calls the rpc of credence.v1 whose request has the type of `request`, which may be completed
  // (request id, actor, minimal position), and fills `response`, whose type must be that rpc's.
  // Everything below is this with names.
  [[nodiscard]] absl::Status CallMessage(google::protobuf::Message& request,
                                         google::protobuf::Message& response);

  template <typename Response, typename Request>
  [[nodiscard]] absl::StatusOr<Response> Call(Request request) {
    Response response;
    if (absl::Status status = CallMessage(request, response); !status.ok()) return status;
    return response;
  }

#define CREDENCE_CLIENT_RPC(name)                                                    \
  [[nodiscard]] absl::StatusOr<v1::name##Response> name(v1::name##Request request) { \
    return Call<v1::name##Response>(std::move(request));                             \
  }

  // QuestionService.
  CREDENCE_CLIENT_RPC(CreateQuestion)
  CREDENCE_CLIENT_RPC(BatchCreateQuestions)
  CREDENCE_CLIENT_RPC(GetQuestion)
  CREDENCE_CLIENT_RPC(ListQuestions)
  CREDENCE_CLIENT_RPC(UpdateQuestion)
  CREDENCE_CLIENT_RPC(OpenQuestion)
  CREDENCE_CLIENT_RPC(CloseQuestion)
  CREDENCE_CLIENT_RPC(ResolveQuestion)
  CREDENCE_CLIENT_RPC(AmendResolution)
  CREDENCE_CLIENT_RPC(AnnulQuestion)
  CREDENCE_CLIENT_RPC(BatchResolveQuestions)

  // NetworkService.
  CREDENCE_CLIENT_RPC(CreateNetwork)
  CREDENCE_CLIENT_RPC(GetNetwork)
  CREDENCE_CLIENT_RPC(ListNetworks)
  CREDENCE_CLIENT_RPC(ReviseNetwork)
  CREDENCE_CLIENT_RPC(ListNetworkRevisions)
  CREDENCE_CLIENT_RPC(ValidateNetwork)

  // EvidenceService.
  CREDENCE_CLIENT_RPC(CreateEvidence)
  CREDENCE_CLIENT_RPC(BatchCreateEvidence)
  CREDENCE_CLIENT_RPC(GetEvidence)
  CREDENCE_CLIENT_RPC(ListEvidence)
  CREDENCE_CLIENT_RPC(RetractEvidence)
  CREDENCE_CLIENT_RPC(SupersedeEvidence)
  CREDENCE_CLIENT_RPC(ClusterEvidence)
  CREDENCE_CLIENT_RPC(CreateSource)
  CREDENCE_CLIENT_RPC(GetSource)
  CREDENCE_CLIENT_RPC(ListSources)
  CREDENCE_CLIENT_RPC(SetGradeTable)
  CREDENCE_CLIENT_RPC(GetGradeTable)

  // ForecastService.
  CREDENCE_CLIENT_RPC(CreateForecaster)
  CREDENCE_CLIENT_RPC(BatchCreateForecasters)
  CREDENCE_CLIENT_RPC(GetForecaster)
  CREDENCE_CLIENT_RPC(ListForecasters)
  CREDENCE_CLIENT_RPC(CreateForecast)
  CREDENCE_CLIENT_RPC(BatchCreateForecasts)
  CREDENCE_CLIENT_RPC(SealForecast)
  CREDENCE_CLIENT_RPC(RevealForecast)
  CREDENCE_CLIENT_RPC(WithdrawForecast)
  CREDENCE_CLIENT_RPC(ListForecasts)
  CREDENCE_CLIENT_RPC(GetPool)
  CREDENCE_CLIENT_RPC(ListPosteriors)

  // AuthorService.
  CREDENCE_CLIENT_RPC(RegisterAuthorKey)
  CREDENCE_CLIENT_RPC(RevokeAuthorKey)
  CREDENCE_CLIENT_RPC(ListAuthorKeys)

  // InferenceService.
  CREDENCE_CLIENT_RPC(QueryPosterior)
  CREDENCE_CLIENT_RPC(ExplainPosterior)
  CREDENCE_CLIENT_RPC(SimulatePosterior)
  CREDENCE_CLIENT_RPC(RankIndicators)
  CREDENCE_CLIENT_RPC(AnalyzeSensitivity)
  CREDENCE_CLIENT_RPC(QueryJoint)
  CREDENCE_CLIENT_RPC(FindMostProbableExplanation)
  CREDENCE_CLIENT_RPC(AssessEvidence)
  CREDENCE_CLIENT_RPC(ListCoherenceAlarms)

  // ScoreService.
  CREDENCE_CLIENT_RPC(ListScores)
  CREDENCE_CLIENT_RPC(GetScorecard)
  CREDENCE_CLIENT_RPC(GetLeaderboard)
  CREDENCE_CLIENT_RPC(GetCalibration)
  CREDENCE_CLIENT_RPC(CompareForecasters)

  // LedgerService.
  CREDENCE_CLIENT_RPC(ListEvents)
  CREDENCE_CLIENT_RPC(GetTreeHead)
  CREDENCE_CLIENT_RPC(GetCheckpoint)
  CREDENCE_CLIENT_RPC(GetInclusionProof)
  CREDENCE_CLIENT_RPC(GetConsistencyProof)
  CREDENCE_CLIENT_RPC(GetTile)
  CREDENCE_CLIENT_RPC(GetServerInfo)
  CREDENCE_CLIENT_RPC(RecordStreamHeads)
  CREDENCE_CLIENT_RPC(GetCompletenessProof)

  // AdminService.
  CREDENCE_CLIENT_RPC(CreateBacktestJob)
  CREDENCE_CLIENT_RPC(GetBacktestJob)
  CREDENCE_CLIENT_RPC(EraseTexts)

  // AccessService.
  CREDENCE_CLIENT_RPC(CreateAccessGrant)
  CREDENCE_CLIENT_RPC(ListAccessGrants)
  CREDENCE_CLIENT_RPC(RevokeAccessGrant)
  CREDENCE_CLIENT_RPC(GetCaller)

#undef CREDENCE_CLIENT_RPC

  // Watches call `on_message` with each message of the stream, progress marks included, until it
  // returns false, which ends the watch with OK. After a lost connection they go on from the last
  // message's `next_position`: nothing is missed and nothing is given twice. A watch without
  // `start_position` begins after the head that the ledger has when the watch starts. They end with
  // the server's error where it is not UNAVAILABLE, or where `retries` reconnections in a row
  // brought no message; and with CANCELLED after CancelWatches().
  [[nodiscard]] absl::Status WatchEvents(
      v1::WatchEventsRequest request,
      absl::FunctionRef<bool(const v1::WatchEventsResponse&)> on_message);
  [[nodiscard]] absl::Status WatchPosteriors(
      v1::WatchPosteriorsRequest request,
      absl::FunctionRef<bool(const v1::WatchPosteriorsResponse&)> on_message);

  // After a lost connection this one begins anew, with the alarms that stand then.
  [[nodiscard]] absl::Status WatchCoherenceAlarms(
      const v1::WatchCoherenceAlarmsRequest& request,
      absl::FunctionRef<bool(const v1::WatchCoherenceAlarmsResponse&)> on_message);

  // Has the server back its ledger up. Calls `on_message` with each message, the last of which
  // holds the backup, until it returns false, which ends the backup without it. Not repeated.
  [[nodiscard]] absl::Status CreateBackup(
      const v1::CreateBackupRequest& request,
      absl::FunctionRef<bool(const v1::CreateBackupResponse&)> on_message);

  // Ends the watches that run, from any thread; watches that start later end at once.
  void CancelWatches();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::client
