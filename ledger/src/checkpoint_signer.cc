#include "checkpoint_signer.h"

#include <pthread.h>

#include <utility>

#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "failure.h"
#include "note.h"
#include "tree_proof.h"

namespace credence::ledger {
namespace {

// Entries that are read at once to be hashed.
constexpr ReadLimits kDeriveLimits{.entry_count_max = 1'024, .byte_count_max = int64_t{4} << 20};

absl::Status Stopped() { return NotServing("The ledger is stopped and signs nothing."); }

}  // namespace

CheckpointSigner::CheckpointSigner(const Store& store, const DurableHead& head, SigningKey key,
                                   Anchor anchor, SignedCheckpoint last, TreeFrontier derived,
                                   absl::Duration interval)
    : store_(store),
      head_(head),
      key_(std::move(key)),
      interval_(interval),
      anchor_(std::move(anchor)),
      derived_(std::move(derived)),
      nodes_(store),
      last_(std::move(last)) {
  CREDENCE_CHECK(interval > absl::ZeroDuration());
  CREDENCE_CHECK(derived_.size() == last_.head.size);
}

CheckpointSigner::~CheckpointSigner() { Stop(); }

void CheckpointSigner::Start(std::function<void(const absl::Status&)> on_failure) {
  on_failure_ = std::move(on_failure);
  synced_time_ = absl::Now();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ledger-sign");
    Run();
  });
}

void CheckpointSigner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    work_.leaving = true;
  }
  if (thread_.joinable()) thread_.join();
}

void CheckpointSigner::Answer(std::vector<ProofAnswer> answers) {
  {
    absl::MutexLock lock(&mutex_);
    if (!work_.leaving) {
      for (ProofAnswer& answer : answers) work_.answers.push_back(std::move(answer));
      return;
    }
  }
  for (const ProofAnswer& answer : answers) answer.done(Stopped());
}

void CheckpointSigner::Request(CheckpointDone done) {
  {
    absl::MutexLock lock(&mutex_);
    if (!work_.leaving) {
      work_.requests.push_back(std::move(done));
      return;
    }
  }
  done(Stopped());
}

SignedCheckpoint CheckpointSigner::latest() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

absl::Time CheckpointSigner::signed_time() const {
  absl::MutexLock lock(&mutex_);
  return signed_time_;
}

bool CheckpointSigner::HasWork() const {
  return work_.leaving || !work_.answers.empty() || !work_.requests.empty();
}

CheckpointSigner::Work CheckpointSigner::TakeWork() {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(this, &CheckpointSigner::HasWork), interval_);
  Work work = std::exchange(work_, Work());
  work_.leaving = work.leaving;
  return work;
}

void CheckpointSigner::Run() {
  while (true) {
    Work work = TakeWork();
    // Nothing comes after what was taken while leaving.
    const bool leaving = work.leaving;
    const bool failed_before = !failure_.ok();
    failure_.Update(SignHead());
    Serve(std::move(work), failure_);
    failure_.Update(SyncAnchor(leaving));
    if (!failed_before && !failure_.ok()) on_failure_(failure_);
    if (leaving) return;
  }
}

absl::Status CheckpointSigner::SignHead() {
  CREDENCE_RETURN_IF_ERROR(failure_);
  const std::shared_ptr<const TreeSnapshot> tree = head_.Get();
  const SignedCheckpoint last = latest();
  nodes_.SetTree(tree);
  if (tree->head.size == last.head.size) return absl::OkStatus();
  CREDENCE_CHECK(last.head.size < tree->head.size);
  CREDENCE_RETURN_IF_ERROR(DeriveThrough(tree->head.size));
  if (derived_.root() != tree->head.root) {
    return LedgerFailed(Cat("The ", tree->head.size.value, " entries as they are stored do not ",
                            "have the root that the ledger computed when it took them; nothing ",
                            "is signed any more."));
  }
  SignedCheckpoint next{tree->head, ""};
  next.note = SignNote(key_, CheckpointText(key_.name(), next.head));
  CREDENCE_RETURN_IF_ERROR(anchor_.CompareAndSwap(last.note, next.note));
  anchor_synced_ = false;
  absl::MutexLock lock(&mutex_);
  last_ = std::move(next);
  signed_time_ = absl::Now();
  return absl::OkStatus();
}

absl::Status CheckpointSigner::DeriveThrough(TreeSize size) {
  while (derived_.size() < size) {
    CREDENCE_ASSIGN_OR_RETURN(
        const std::vector<StoredEntry> entries,
        store_.ReadEntries(PositionAfter(derived_.size()), size, kDeriveLimits));
    CREDENCE_CHECK(!entries.empty());
    for (const StoredEntry& entry : entries) derived_.Append(LeafHash(*entry.bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<Receipt> CheckpointSigner::Prove(Receipt receipt) {
  auto proof = std::make_shared<ReceiptProof>();
  proof->checkpoint = latest();
  CREDENCE_ASSIGN_OR_RETURN(
      proof->path,
      InclusionPath(receipt.position, proof->checkpoint.head.size,
                    [this](int height, int64_t index) { return nodes_.Node(height, index); }));
  receipt.proof = std::move(proof);
  return receipt;
}

void CheckpointSigner::Serve(Work work, const absl::Status& status) {
  for (ProofAnswer& answer : work.answers) {
    if (!status.ok()) {
      answer.done(status);
    } else {
      answer.done(Prove(std::move(answer.receipt)));
    }
  }
  for (const CheckpointDone& done : work.requests) {
    if (!status.ok()) {
      done(status);
    } else {
      done(latest());
    }
  }
}

absl::Status CheckpointSigner::SyncAnchor(bool now) {
  if (anchor_synced_ || (!now && absl::Now() - synced_time_ < interval_)) return absl::OkStatus();
  CREDENCE_RETURN_IF_ERROR(anchor_.Sync());
  anchor_synced_ = true;
  synced_time_ = absl::Now();
  return absl::OkStatus();
}

}  // namespace credence::ledger
