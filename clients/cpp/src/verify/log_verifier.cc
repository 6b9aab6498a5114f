#include "credence/client/verify/log_verifier.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/tile.h"
#include "verify/bundle_reader.h"
#include "verify/state_file.h"
#include "verify/tile_checker.h"

namespace credence::client {
namespace {

// File systems keep the times of changes to the tick of the system's clock.
constexpr absl::Duration kFileTimeSlack = absl::Milliseconds(50);

// A prefix of the log whose root is known from elsewhere.
struct KnownPrefix {
  int64_t size = 0;
  Hash root{};
  // Who knows it, for messages.
  std::string from;
};

absl::Status Shrunk(const KnownPrefix& known, int64_t size) {
  return VerificationFailedAt(
      size, Cat("the checkpoint covers ", size, " entries only, while ", known.from, " covers ",
                known.size, ": entries were dropped, or another history is served"));
}

absl::Status Forked(const KnownPrefix& known, const Hash& root) {
  return VerificationFailed(Cat("the log is not the one that ", known.from, " covers: its first ",
                                known.size, " entries have the root ", ToHex(root), ", not ",
                                ToHex(known.root), "; the history was rewritten before position ",
                                known.size));
}

// A checkpoint whose signature is checked when its key is known: the log may have replaced it.
absl::StatusOr<Checkpoint> ReadUnchecked(const std::string& bytes, const VerifierKey& key) {
  CREDENCE_ASSIGN_OR_RETURN(const SignedNote note, ParseNote(bytes));
  CREDENCE_ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(note.text));
  if (checkpoint.origin == key.name) return checkpoint;
  return VerificationFailed(
      Cat("the checkpoint is of ", checkpoint.origin, ", but the key of ", key.name));
}

class LogVerification {
 public:
  LogVerification(LogSource& source, const VerifierKey& key, const VerifyOptions& options,
                  std::string note, Checkpoint checkpoint)
      : source_(source),
        key_(key),
        options_(options),
        note_(std::move(note)),
        checkpoint_(std::move(checkpoint)),
        tiles_(source_, checkpoint_.tree_size),
        entries_(key),
        texts_(source_, checkpoint_.tree_size) {}

  absl::Status Run() {
    CREDENCE_RETURN_IF_ERROR(ReadEarlier());
    CREDENCE_RETURN_IF_ERROR(Resume());
    CREDENCE_RETURN_IF_ERROR(CheckKnown());
    BundleReader reader(source_, checkpoint_.tree_size, entries_.size(), options_.reads_ahead);
    while (entries_.size() < checkpoint_.tree_size) {
      CREDENCE_RETURN_IF_ERROR(TakeBundle(reader));
      CREDENCE_RETURN_IF_ERROR(CheckKnown());
      if (options_.progress) options_.progress(entries_.size(), checkpoint_.tree_size);
    }
    CREDENCE_RETURN_IF_ERROR(tiles_.Finish());
    if (tiles_.root() == checkpoint_.root) {
      CREDENCE_RETURN_IF_ERROR(CheckSignatures());
      CREDENCE_RETURN_IF_ERROR(texts_.Finish());
      return Remember();
    }
    return VerificationFailed(Cat("the ", checkpoint_.tree_size, " entries have the root ",
                                  ToHex(tiles_.root()), ", but the checkpoint signs ",
                                  ToHex(checkpoint_.root)));
  }

  [[nodiscard]] VerifyReport Report() const {
    VerifyReport report;
    report.checkpoint = checkpoint_;
    report.remembered = remembered_;
    report.counts = entries_.counts();
    report.author_counts = entries_.author_counts();
    report.seal_counts = entries_.seal_counts();
    report.text_counts = texts_.counts();
    report.stream_count = entries_.stream_count();
    report.last_record_time = entries_.record_time();
    report.last_map_record = entries_.last_map_record();
    report.extends = extends_;
    report.cosignatures = cosignatures_;
    return report;
  }

 private:
  absl::Status ReadEarlier() {
    if (!options_.earlier_checkpoint.has_value()) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const Checkpoint earlier,
                              ReadUnchecked(*options_.earlier_checkpoint, key_));
    extends_ = earlier.tree_size;
    return AddKnown({earlier.tree_size, earlier.root, "the checkpoint that was given"});
  }

  // Only now it is known which key signs what.
  [[nodiscard]] absl::Status CheckSignatures() {
    CREDENCE_ASSIGN_OR_RETURN(const VerifierKey key, entries_.KeyAt(checkpoint_.tree_size));
    CREDENCE_RETURN_IF_ERROR(OpenCheckpoint(note_, key).status());
    if (options_.policy.has_value()) {
      CREDENCE_ASSIGN_OR_RETURN(const SignedNote note, ParseNote(note_));
      CREDENCE_ASSIGN_OR_RETURN(cosignatures_, CheckCosignatures(note, *options_.policy));
    }
    if (!extends_.has_value()) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const VerifierKey earlier_key, entries_.KeyAt(*extends_));
    return OpenCheckpoint(*options_.earlier_checkpoint, earlier_key).status();
  }

  absl::Status AddKnown(KnownPrefix known) {
    if (known.size > checkpoint_.tree_size) return Shrunk(known, checkpoint_.tree_size);
    known_.push_back(std::move(known));
    return absl::OkStatus();
  }

  // Goes on after what is remembered, where that is of use.
  absl::Status Resume() {
    if (options_.state_path.empty()) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const std::optional<VerifyState> state,
                              ReadStateFile(options_.state_path, key_));
    if (!state.has_value()) return absl::OkStatus();
    CREDENCE_RETURN_IF_ERROR(
        AddKnown({state->checkpoint.tree_size, state->checkpoint.root, options_.state_path}));
    // A prefix that is shorter than what is remembered can be compared on the way only.
    const bool passes_all = std::all_of(
        known_.begin(), known_.end(),
        [&](const KnownPrefix& known) { return known.size >= state->checkpoint.tree_size; });
    if (options_.visit || !passes_all) return absl::OkStatus();
    // Files that were touched since are gone through again.
    const int64_t size = state->checkpoint.tree_size;
    if (!source_.UnchangedSince(size, size == checkpoint_.tree_size,
                                state->began - kFileTimeSlack)) {
      return absl::OkStatus();
    }
    CREDENCE_RETURN_IF_ERROR(tiles_.Load(state->tiles));
    CREDENCE_RETURN_IF_ERROR(entries_.Load(state->entries));
    remembered_ = entries_.size();
    return CheckOpenRow();
  }

  // The leaves of the row that was open must still be there; otherwise the first that is not names
  // the place where the history parts.
  absl::Status CheckOpenRow() {
    const std::vector<Hash>& leaves = tiles_.open_leaves();
    if (leaves.empty()) return absl::OkStatus();
    const int64_t index = tiles_.size() / kTileWidth;
    std::string tile;
    CREDENCE_RETURN_IF_ERROR(ReadLeafTile(source_, checkpoint_.tree_size, index, tile));
    for (size_t i = 0; i < leaves.size() && (i + 1) * sizeof(Hash) <= tile.size(); ++i) {
      if (std::string_view(tile).substr(i * sizeof(Hash), sizeof(Hash)) == BytesOf(leaves[i])) {
        continue;
      }
      return VerificationFailedAt(
          index * kTileWidth + static_cast<int64_t>(i),
          Cat("the entry is not the one that was verified before, see ", options_.state_path));
    }
    return absl::OkStatus();
  }

  // Compares the prefixes that end where the tree now ends.
  absl::Status CheckKnown() {
    for (const KnownPrefix& known : known_) {
      if (known.size != tiles_.size()) continue;
      if (const Hash root = tiles_.root(); root != known.root) return Forked(known, root);
    }
    return absl::OkStatus();
  }

  // The entries of the next bundle that were not taken yet.
  absl::Status TakeBundle(BundleReader& reader) {
    CREDENCE_ASSIGN_OR_RETURN(const Bundle* const bundle, reader.Next());
    // Those before it were verified before, in a smaller bundle.
    const auto first = static_cast<size_t>(entries_.size() % kTileWidth);
    const std::span<const Hash> leaves(bundle->leaves);
    // The first leaf that the tree has not got.
    size_t open = first;
    for (size_t i = first; i < bundle->sound; ++i) {
      CREDENCE_RETURN_IF_ERROR(TakeEntry(bundle->entries[i]));
      if (!EndsKnown(entries_.size())) continue;
      CREDENCE_RETURN_IF_ERROR(tiles_.Take(leaves.subspan(open, i + 1 - open)));
      open = i + 1;
      CREDENCE_RETURN_IF_ERROR(CheckKnown());
    }
    if (bundle->sound < leaves.size()) return WrongHash(*bundle);
    if (open < leaves.size()) CREDENCE_RETURN_IF_ERROR(tiles_.Take(leaves.subspan(open)));
    return texts_.EndBundle(bundle->index);
  }

  static absl::Status WrongHash(const Bundle& bundle) {
    return VerificationFailedAt(
        bundle.index * kTileWidth + static_cast<int64_t>(bundle.sound),
        Cat("the entry has the hash ", ToHex(bundle.leaves[bundle.sound]), ", but its tile says ",
            ToHex(*HashFromBytes(bundle.Stated(bundle.sound)))));
  }

  absl::Status TakeEntry(std::string_view entry) {
    const int64_t position = entries_.size();
    CREDENCE_RETURN_IF_ERROR(entries_.Take(entry));
    CREDENCE_RETURN_IF_ERROR(texts_.Take(entries_.entry()));
    return options_.visit ? options_.visit(position, entry) : absl::OkStatus();
  }

  [[nodiscard]] bool EndsKnown(int64_t size) const {
    return std::any_of(known_.begin(), known_.end(),
                       [size](const KnownPrefix& known) { return known.size == size; });
  }

  absl::Status Remember() {
    if (options_.state_path.empty()) return absl::OkStatus();
    return WriteStateFile(options_.state_path, key_,
                          {began_, checkpoint_, tiles_.Save(), entries_.Save()});
  }

  // Read here and, ahead, by the reader of bundles.
  LockedSource source_;
  const VerifierKey& key_;
  const VerifyOptions& options_;
  // The checkpoint, as it was signed.
  const std::string note_;
  const Checkpoint checkpoint_;
  TileChecker tiles_;
  EntryChecker entries_;
  TextChecker texts_;
  std::vector<KnownPrefix> known_;
  const absl::Time began_ = absl::Now();
  int64_t remembered_ = 0;
  std::optional<int64_t> extends_;
  std::optional<CosignatureReport> cosignatures_;
};

}  // namespace

absl::StatusOr<VerifyReport> VerifyLog(LogSource& source, const VerifierKey& key,
                                       const VerifyOptions& options) {
  CREDENCE_ASSIGN_OR_RETURN(std::string note, source.Read("checkpoint"));
  CREDENCE_ASSIGN_OR_RETURN(Checkpoint checkpoint, ReadUnchecked(note, key));
  if (checkpoint.tree_size < 1) return VerificationFailed("the checkpoint covers no entries");
  LogVerification verification(source, key, options, std::move(note), std::move(checkpoint));
  CREDENCE_RETURN_IF_ERROR(verification.Run());
  return verification.Report();
}

}  // namespace credence::client
