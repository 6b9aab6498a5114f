#include "etcd_commit_log.h"

#include <algorithm>
#include <vector>

#include "absl/time/clock.h"
#include "batch_record.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "failure.h"

namespace credence::ledger {
namespace {

absl::Status Deposed() { return NotServing("Another server leads now; repeat the write there."); }

}  // namespace

absl::Status EtcdCommitLog::Commit(const CommitBatch& batch) {
  if (version_ == 0) CREDENCE_RETURN_IF_ERROR(Begin(batch.first));
  std::string bytes = ToRecord(batch).SerializeAsString();
  cluster::v1::CommittedBatch committed;
  committed.set_first_position(batch.first.value);
  *committed.mutable_head() = ToRecord(batch.head, settings_.term);
  committed.set_digest(std::string(ToBytes(Sha256(bytes))));
  if (bytes.size() <= settings_.part_bytes) {
    committed.set_batch(std::move(bytes));
  } else {
    const size_t count = (bytes.size() + settings_.part_bytes - 1) / settings_.part_bytes;
    committed.set_part_count(static_cast<int>(count));
    CREDENCE_RETURN_IF_ERROR(WriteParts(batch.first, bytes, committed.part_count()));
  }
  CREDENCE_RETURN_IF_ERROR(MoveHead(committed));
  ++version_;
  return store_.Commit(batch);
}

absl::Status EtcdCommitLog::Begin(Position first) {
  CREDENCE_ASSIGN_OR_RETURN(const HeadRecord own, store_.ReadHead());
  const absl::Time deadline = absl::Now() + settings_.timeout;
  while (true) {
    const auto found = client_.Get(keys_.Head());
    if (!found.ok()) {
      CREDENCE_RETURN_IF_ERROR(MayRepeat(found.status(), deadline));
      continue;
    }
    cluster::v1::Head head;
    if (found->kvs_size() == 0 || !head.ParseFromString(found->kvs(0).value())) {
      return LedgerFailed("The cluster's log has no head.");
    }
    if (ToTreeHead(head) != own.head || own.head.size.value != first.value) {
      return LedgerFailed(Cat("The cluster's log has ", head.size(), " entries, this server's ",
                              own.head.size.value, ", or they differ."));
    }
    version_ = found->kvs(0).version();
    return absl::OkStatus();
  }
}

absl::Status EtcdCommitLog::WriteParts(Position first, const std::string& bytes, int count) {
  std::vector<etcd::Transaction> parts(static_cast<size_t>(count));
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part =
        std::string_view(bytes).substr(i * settings_.part_bytes, settings_.part_bytes);
    parts[i]
        .IfCreateRevision(keys_.Leader(), settings_.term)
        .Put(keys_.Part(first, settings_.term, static_cast<int64_t>(i)), part);
  }
  const absl::Time deadline = absl::Now() + settings_.timeout;
  while (true) {
    const auto answers = client_.CommitEach(parts, settings_.parts_in_flight);
    if (!answers.ok()) {
      CREDENCE_RETURN_IF_ERROR(MayRepeat(answers.status(), deadline));
      continue;
    }
    const bool led = std::all_of(answers->begin(), answers->end(),
                                 [](const auto& answer) { return answer.succeeded(); });
    return led ? absl::OkStatus() : Deposed();
  }
}

absl::Status EtcdCommitLog::MoveHead(const cluster::v1::CommittedBatch& committed) {
  const std::string head = committed.head().SerializeAsString();
  const etcd::Transaction move =
      etcd::Transaction()
          .IfCreateRevision(keys_.Leader(), settings_.term)
          .IfVersion(keys_.Head(), version_)
          .Put(keys_.Batch(Position{committed.first_position()}), committed.SerializeAsString())
          .Put(keys_.Head(), head)
          .ElseGet(keys_.Head());
  const absl::Time deadline = absl::Now() + settings_.timeout;
  while (true) {
    const auto answer = client_.Commit(move);
    if (!answer.ok()) {
      CREDENCE_RETURN_IF_ERROR(MayRepeat(answer.status(), deadline));
      continue;
    }
    if (answer->succeeded()) return absl::OkStatus();
    // An attempt before this one may have been carried out: the head has this leader's term.
    const auto& found = answer->responses(0).response_range();
    const bool moved = found.kvs_size() == 1 && found.kvs(0).version() == version_ + 1 &&
                       found.kvs(0).value() == head;
    return moved ? absl::OkStatus() : Deposed();
  }
}

absl::Status EtcdCommitLog::MayRepeat(const absl::Status& error, absl::Time deadline) const {
  if (!absl::IsUnknown(error) && !absl::IsUnavailable(error)) {
    return NotServing(Cat("The batch was refused. ", FromAbsl(error.message()), "."));
  }
  if (absl::Now() < deadline) return absl::OkStatus();
  return NotServing(
      Cat("The cluster's store does not answer; repeat the write under its request id. ",
          FromAbsl(error.message()), "."));
}

absl::Status BeginClusterLog(etcd::Client& client, const ClusterKeys& keys, const TreeHead& head) {
  const auto answer = client.Commit(etcd::Transaction()
                                        .IfAbsent(keys.Head())
                                        .Put(keys.Head(), ToRecord(head, 0).SerializeAsString()));
  if (!answer.ok()) return answer.status();
  if (answer->succeeded()) return absl::OkStatus();
  return absl::AlreadyExistsError(Cat("etcd: ", keys.Head(), " is there already"));
}

}  // namespace credence::ledger
