#include "main/witness/witness_feed.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/ledger/cosigner.h"

namespace credence::server {
namespace {

using client::NoteSignature;
using client::Witness;

absl::Status BadPolicy(std::string_view what) {
  return InvalidField("FIELD_INVALID", "policy", what);
}

}  // namespace

// What is asked for, and whether it is published yet.
struct WitnessFeed::Round {
  ledger::SignedCheckpoint target;
  client::Checkpoint checkpoint;
  bool met = false;
};

WitnessFeed::WitnessFeed(const ledger::Log& log, PublishedCheckpoint& published,
                         WitnessFeedOptions options, Report report)
    : log_(log),
      published_(published),
      options_(std::move(options)),
      report_(std::move(report)),
      pace_(options_.interval),
      renewal_(options_.renewal) {}

WitnessFeed::~WitnessFeed() { Stop(); }

absl::StatusOr<std::unique_ptr<WitnessFeed>> WitnessFeed::Make(const ledger::Log& log,
                                                               PublishedCheckpoint& published,
                                                               WitnessFeedOptions options,
                                                               Report report) {
  auto feed = std::unique_ptr<WitnessFeed>(
      new WitnessFeed(log, published, std::move(options), std::move(report)));
  CREDENCE_RETURN_IF_ERROR(feed->MakeClients());
  feed->LoadPublished();
  return feed;
}

absl::Status WitnessFeed::MakeClients() {
  std::vector<bool> reachable;
  std::vector<WitnessStanding> standings;
  for (const Witness& witness : options_.policy.witnesses()) {
    Member member;
    member.standing.name = witness.name;
    if (!witness.url.empty()) {
      CREDENCE_ASSIGN_OR_RETURN(member.client,
                                client::WitnessClient::Make(witness, options_.timeout));
    }
    reachable.push_back(member.client != nullptr);
    standings.push_back(member.standing);
    members_.push_back(std::move(member));
  }
  if (std::none_of(reachable.begin(), reachable.end(), [](bool is) { return is; })) {
    return BadPolicy("no witness has an address");
  }
  if (!options_.policy.IsMet(reachable)) {
    return BadPolicy("the witnesses that have an address are no quorum");
  }
  published_.SetWitnesses(std::move(standings));
  return absl::OkStatus();
}

// A file that is not there or says nothing of use costs readers the time of a round.
void WitnessFeed::LoadPublished() {
  std::ifstream file(options_.path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const absl::StatusOr<client::SignedNote> note = client::ParseNote(bytes);
  if (!note.ok() || !client::CheckCosignatures(*note, options_.policy).ok()) return;
  const absl::StatusOr<client::VerifierKey> key = client::ParseVerifierKey(log_.verifier_key());
  const absl::StatusOr<client::Checkpoint> checkpoint =
      key.ok() ? client::OpenCheckpoint(bytes, *key) : key.status();
  if (!checkpoint.ok()) return;
  const ledger::TreeHead head{ledger::TreeSize{checkpoint->tree_size}, checkpoint->root};
  const absl::StatusOr<ledger::TreeHead> own = log_.TreeHeadAt(head.size);
  if (!own.ok() || *own != head) return;
  published_.Offer({head, bytes});
  for (Member& member : members_) {
    if (member.client != nullptr) member.client->set_known_size(head.size.value);
  }
}

void WitnessFeed::Start() {
  thread_ = std::thread([this] { Run(); });
}

void WitnessFeed::Stop() {
  pace_.Stop();
  for (Member& member : members_) {
    if (member.client != nullptr) member.client->Cancel();
  }
  if (thread_.joinable()) thread_.join();
}

void WitnessFeed::SetTimes(absl::Duration interval, absl::Duration renewal) {
  pace_.SetInterval(interval);
  absl::MutexLock lock(&mutex_);
  renewal_ = renewal;
}

void WitnessFeed::Run() {
  do {
    RunRound();
  } while (pace_.Wait());
}

bool WitnessFeed::IsDue(const ledger::SignedCheckpoint& latest) {
  absl::MutexLock lock(&mutex_);
  return latest.head.size != cosigned_size_ || absl::Now() - cosigned_time_ >= renewal_;
}

bool WitnessFeed::RunRound() {
  const absl::StatusOr<ledger::SignedCheckpoint> latest = log_.LatestCheckpoint();
  if (!latest.ok()) return false;
  const bool anew = IsDue(*latest);
  Round round;
  round.target = *latest;
  round.checkpoint = {log_.origin(), latest->head.size.value, latest->head.root, {}};
  const absl::Time began = absl::Now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (anew) members_[i].cosignatures.clear();
    if (members_[i].client == nullptr || !members_[i].cosignatures.empty()) continue;
    threads.emplace_back([this, &round, i] { Ask(round, i); });
  }
  for (std::thread& thread : threads) thread.join();
  if (!round.met || !anew) return round.met;
  cosigned_size_ = round.target.head.size;
  cosigned_time_ = began;
  return true;
}

void WitnessFeed::Ask(Round& round, size_t index) {
  Member& member = members_[index];
  const auto prove = [&](int64_t old_size) {
    return log_.ConsistencyProof(ledger::TreeSize{old_size}, round.target.head.size);
  };
  absl::StatusOr<std::vector<NoteSignature>> cosignatures =
      member.client->Cosign(round.checkpoint, round.target.note, prove);
  absl::MutexLock lock(&mutex_);
  if (pace_.stopping()) return;
  if (cosignatures.ok()) {
    member.standing.size = round.target.head.size;
    member.standing.time = absl::Now();
    member.cosignatures = *std::move(cosignatures);
    Publish(round);
  }
  Note(index, cosignatures.status());
}

// With the first quorum, and again with each witness after it.
void WitnessFeed::Publish(Round& round) {
  std::vector<bool> cosigned;
  client::SignedNote lines;
  for (const Member& member : members_) {
    cosigned.push_back(!member.cosignatures.empty());
    for (const NoteSignature& signature : member.cosignatures) {
      lines.signatures.push_back(signature);
    }
  }
  if (!options_.policy.IsMet(cosigned)) return;
  ledger::SignedCheckpoint checkpoint = round.target;
  checkpoint.note += client::FormatNote(lines).substr(1);
  const std::string note = checkpoint.note;
  if (!published_.Offer(std::move(checkpoint))) return;
  round.met = true;
  // Readers have it already; only a restart would miss it.
  ledger::ReplaceDurably(options_.path, note).IgnoreError();
}

void WitnessFeed::Note(size_t index, const absl::Status& status) {
  WitnessStanding& standing = members_[index].standing;
  const std::string error(status.message());
  const bool changed = error != standing.error;
  standing.error = error;
  if (!status.ok()) ++standing.failure_count;
  std::vector<WitnessStanding> standings;
  for (const Member& member : members_) standings.push_back(member.standing);
  published_.SetWitnesses(std::move(standings));
  if (changed) report_(standing.name, status);
}

}  // namespace credence::server
