#include "main/witness/meet_witnesses.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/witness_client.h"
#include "credence/ledger/restored.h"

namespace credence::server {
namespace {

using client::WitnessClient;
using ledger::SignedCheckpoint;
using ledger::TreeSize;

constexpr absl::Duration kTimeout = absl::Seconds(10);

absl::Status TooOld(const std::string& witness, int64_t known, TreeSize own) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss,
                   Cat("The witness ", witness, " cosigned ", known,
                       " entries of this ledger, which has only ", own.value,
                       ": it is an older copy or another history; it signs and writes nothing. "
                       "Restore the newest copy."),
                   detail);
}

class Meeting {
 public:
  Meeting(const ledger::OpenOptions& options, const client::WitnessPolicy& policy,
          std::ostream& out)
      : options_(options), policy_(policy), out_(out) {}

  absl::Status Run() {
    if (policy_.IsMet(std::vector<bool>(policy_.witnesses().size(), false))) {
      return InvalidField("FIELD_INVALID", "policy", "asks for no witness");
    }
    CREDENCE_ASSIGN_OR_RETURN(log_,
                              ledger::Log::OpenReadOnly(options_.directory, options_.anchor_path));
    CREDENCE_RETURN_IF_ERROR(Connect());
    CREDENCE_ASSIGN_OR_RETURN(const TreeSize known, AskSizes());
    CREDENCE_ASSIGN_OR_RETURN(const SignedCheckpoint last, ledger::SignRestored(options_, known));
    CREDENCE_RETURN_IF_ERROR(Show(last));
    return ledger::Log::SetAnchor(options_, last.note);
  }

 private:
  absl::Status Connect() {
    for (const client::Witness& witness : policy_.witnesses()) {
      std::unique_ptr<WitnessClient> client;
      if (!witness.url.empty()) {
        CREDENCE_ASSIGN_OR_RETURN(client, WitnessClient::Make(witness, kTimeout));
      }
      clients_.push_back(std::move(client));
      silent_.push_back(true);
    }
    return absl::OkStatus();
  }

  // Shows the checkpoint to one witness. OK where it agrees or knows a larger tree.
  absl::Status ShowTo(WitnessClient& client, const SignedCheckpoint& checkpoint) {
    const client::Checkpoint text{
        log_->origin(), checkpoint.head.size.value, checkpoint.head.root, {}};
    const auto prove = [&](int64_t old_size) {
      return log_->ConsistencyProof(TreeSize{old_size}, checkpoint.head.size);
    };
    const absl::Status status = client.Cosign(text, checkpoint.note, prove).status();
    return client.known_size() > checkpoint.head.size.value ? absl::OkStatus() : status;
  }

  // The largest size that a witness knows.
  absl::StatusOr<TreeSize> AskSizes() {
    CREDENCE_ASSIGN_OR_RETURN(const SignedCheckpoint first,
                              ledger::SignRestored(options_, TreeSize{1}));
    const TreeSize own = log_->tree_head().size;
    TreeSize largest{1};
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i] == nullptr) continue;
      CREDENCE_RETURN_IF_ERROR(Listen(i, ShowTo(*clients_[i], first)));
      if (silent_[i]) continue;
      const int64_t known = clients_[i]->known_size();
      out_ << policy_.witnesses()[i].name << "  knows " << known << " entries\n";
      if (known > own.value) return TooOld(policy_.witnesses()[i].name, known, own);
      largest = std::max(largest, TreeSize{known});
    }
    CREDENCE_RETURN_IF_ERROR(CheckEnough());
    return largest;
  }

  absl::Status Show(const SignedCheckpoint& last) {
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (silent_[i]) continue;
      CREDENCE_RETURN_IF_ERROR(Listen(i, ShowTo(*clients_[i], last)));
      const int64_t known = clients_[i]->known_size();
      // It was asked a moment ago: somebody else serves this ledger.
      if (known > last.head.size.value) {
        return TooOld(policy_.witnesses()[i].name, known, last.head.size);
      }
    }
    CREDENCE_RETURN_IF_ERROR(CheckEnough());
    out_ << "met at " << last.head.size.value << " entries\n";
    return absl::OkStatus();
  }

  // Whether a witness answered; what is proof of another history ends it all.
  absl::Status Listen(size_t index, const absl::Status& status) {
    silent_[index] = !status.ok();
    if (status.ok()) return status;
    if (client::IsVerificationFailure(status)) return status;
    out_ << policy_.witnesses()[index].name << "  no answer: " << status.message() << "\n";
    return absl::OkStatus();
  }

  absl::Status CheckEnough() const {
    if (!policy_.IsMet(silent_)) return absl::OkStatus();
    ErrorDetail detail;
    detail.reason = "UNAVAILABLE";
    return MakeError(absl::StatusCode::kUnavailable,
                     "Too few witnesses answered: those that did not may together have cosigned a "
                     "later checkpoint. The ledger has no anchor yet and signs nothing.",
                     detail);
  }

  const ledger::OpenOptions& options_;
  const client::WitnessPolicy& policy_;
  std::ostream& out_;
  std::unique_ptr<ledger::Log> log_;
  // Null for one without an address.
  std::vector<std::unique_ptr<WitnessClient>> clients_;
  // Of each witness, whether it gave no answer.
  std::vector<bool> silent_;
};

}  // namespace

absl::Status MeetWitnesses(const ledger::OpenOptions& options, const client::WitnessPolicy& policy,
                           std::ostream& out) {
  return Meeting(options, policy, out).Run();
}

}  // namespace credence::server
