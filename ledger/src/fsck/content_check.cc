#include "fsck/content_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/strings.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "fsck/chain.h"
#include "fsck/text_check.h"
#include "map_pages.h"
#include "records.h"
#include "tile_tree.h"

namespace credence::ledger {
namespace {

constexpr int64_t kProgressEntries = 1 << 13;

// A write whose entries have been seen.
struct SeenWrite {
  std::string request_id;
  Position position;
  int64_t event_count = 0;
  Hash leaf_hash{};
  absl::Time record_time;
};

class ContentCheck {
 public:
  ContentCheck(const Store& store, const HeadRecord& head, Findings& findings)
      : store_(store), head_(head), findings_(findings), texts_(store, findings) {}

  void Run() {
    ReadMapRecord();
    CheckEntries();
    if (findings_.stopped()) return;
    CheckHead();
    CheckStreamIndex();
    CheckRequestIndex();
    CheckTileCount();
    CheckState();
  }

 private:
  void CheckEntries() {
    const int64_t total = head_.head.size.value;
    const absl::Status scanned =
        store_.ScanFamily(Family::kEntries, [&](std::string_view key, std::string_view entry) {
          if (chain_.size().value % kProgressEntries == 0) {
            if (findings_.stopped()) return false;
            findings_.Progress("entries", chain_.size().value, total);
          }
          return CheckEntry(key, entry);
        });
    if (!scanned.ok()) {
      Broken(Cat("cannot be read: ", FromAbsl(scanned.message())));
    }
    EndWrite();
    texts_.Finish(!broken_);
    findings_.Progress("entries", total, total);
    findings_.report().stream_count = static_cast<int64_t>(chain_.streams().size());
    findings_.report().intact_size = intact_size_;
  }

  // The entry after the last good one is not good.
  void Broken(std::string_view what) {
    findings_.Damage("entry", Cat("position ", chain_.size().value), what);
    broken_ = true;
  }

  // False ends the scan: what lies behind an entry that does not fit cannot be placed.
  bool CheckEntry(std::string_view key, std::string_view entry) {
    if (map_record_.stream_count > 0 && chain_.size() == map_record_.size) CheckMap();
    const std::optional<int64_t> position = DecodeInt64(key);
    if (!position.has_value() || *position != chain_.size().value) {
      Broken(position.has_value() ? Cat("is missing; the next entry is at ", *position)
                                  : std::string("is missing; an entry has a malformed key"));
      return false;
    }
    const absl::StatusOr<ChainedEntry> chained = chain_.Add(entry);
    if (!chained.ok()) {
      Broken(FromAbsl(chained.status().message()));
      return false;
    }
    const Hash hash = LeafHash(entry);
    std::vector<FullTile> filled;
    tree_.Append(hash, filled);
    for (const FullTile& tile : filled) CheckTile(tile);
    if (!broken_) intact_size_ = tree_.size();
    for (const ChainedPlace& place : chained->places) {
      CheckStreamKey(place, Position{*position});
    }
    texts_.Take(*chained, Position{*position});
    NoteWrite(*chained, Position{*position}, hash);
    if (chain_.size() == head_.head.size) reached_ = tree_.Snapshot().head;
    return true;
  }

  void CheckTile(const FullTile& tile) {
    ++tile_count_;
    const absl::StatusOr<std::shared_ptr<const TileHashes>> stored =
        store_.ReadTile(tile.level, tile.index);
    const std::string where = Cat(tile.level, "/", tile.index);
    if (!stored.ok()) {
      return findings_.Damage("tile", where, FromAbsl(stored.status().message()));
    }
    for (size_t i = 0; i < tile.hashes->size(); ++i) {
      if ((**stored)[i] == (*tile.hashes)[i]) continue;
      const int64_t number = tile.index * kTileWidth + static_cast<int64_t>(i);
      if (tile.level == 0) {
        findings_.Damage("entry", Cat("position ", number),
                         "does not have the leaf hash that the tree has for it");
      } else {
        findings_.Damage(
            "tile", where,
            Cat("hash ", i, " is not the root of the tile ", tile.level - 1, "/", number));
      }
      if (tile.level > 0) continue;
      // The scan is at the last entry of the tile: what is intact ends earlier.
      if (!broken_) intact_size_ = TreeSize{number};
      broken_ = true;
    }
  }

  void CheckStreamKey(const ChainedPlace& place, Position position) {
    const absl::StatusOr<std::optional<std::string>> indexed =
        store_.Get(Family::kStreams, StreamKey(place.stream, place.stream_version));
    const std::string where = Cat(place.stream, " version ", place.stream_version);
    if (!indexed.ok()) {
      findings_.Damage("stream-index", where, FromAbsl(indexed.status().message()));
    } else if (!indexed->has_value()) {
      findings_.Damage("stream-index", where, Cat("is missing; it is position ", position.value));
    } else if (**indexed != EncodeInt64(position.value)) {
      findings_.Damage("stream-index", where, Cat("does not say position ", position.value));
    }
  }

  void NoteWrite(const ChainedEntry& entry, Position position, const Hash& hash) {
    if (!entry.begins_write) {
      ++write_->event_count;
      return;
    }
    EndWrite();
    write_ = SeenWrite{entry.request_id, position, 1, hash, entry.record_time};
  }

  void EndWrite() {
    if (!write_.has_value()) return;
    const SeenWrite write = *std::exchange(write_, std::nullopt);
    // The log's own records are caused by no request.
    if (write.request_id.empty()) return;
    ++findings_.report().request_count;
    const absl::StatusOr<std::optional<RequestRecord>> record =
        store_.FindRequest(write.request_id);
    const std::string where = Cat("request ", write.request_id);
    if (!record.ok()) {
      findings_.Damage("request-index", where, FromAbsl(record.status().message()));
    } else if (!record->has_value()) {
      findings_.Damage("request-index", where,
                       Cat("is missing; it wrote position ", write.position.value));
    } else {
      const Receipt& receipt = (*record)->receipt;
      const bool fits =
          receipt.position == write.position && receipt.event_count == write.event_count &&
          receipt.leaf_hash == write.leaf_hash && receipt.record_time == write.record_time;
      // The scan may have ended within the write.
      if (!fits && !broken_) {
        findings_.Damage("request-index", where,
                         Cat("does not say what was written at position ", write.position.value));
      }
    }
  }

  void ReadMapRecord() {
    const absl::StatusOr<MapRecord> record = store_.ReadMapRecord();
    if (record.ok()) {
      map_record_ = *record;
    } else {
      findings_.Damage("stream-map", "the last record", FromAbsl(record.status().message()));
    }
  }

  // The map of stream heads, derived anew from the entries that its last record covers.
  void CheckMap() {
    std::vector<MapHead> heads;
    for (const auto& [stream, head] : chain_.streams()) {
      heads.push_back({MapKey(stream), head.length - 1, head.last});
    }
    if (heads.empty()) return;
    const absl::StatusOr<MapUpdate> derived =
        UpdateMap(std::move(heads), [](const std::string&) { return MapPage(); });
    if (!derived.ok()) return;
    if (derived->root != map_record_.root || derived->added != map_record_.stream_count) {
      findings_.Damage("stream-map", "the last record",
                       Cat("has the root ", ToHex(map_record_.root), " and ",
                           map_record_.stream_count, " streams; the entries give ",
                           ToHex(derived->root.value_or(EmptyMapRoot())), " and ", derived->added));
    }
    for (const auto& [path, page] : derived->pages) {
      const absl::StatusOr<MapPage> stored = store_.ReadMapPage(path);
      if (stored.ok() && EncodePage(*stored) == EncodePage(page)) continue;
      findings_.Damage(
          "stream-map", Cat("a page ", path.size(), " levels deep"),
          stored.ok() ? "is not what the entries give" : FromAbsl(stored.status().message()));
    }
  }

  void CheckHead() {
    const TreeHead& recorded = head_.head;
    if (!broken_ && chain_.size() != recorded.size) {
      findings_.Damage(
          "head", "the recorded head",
          Cat("speaks of ", recorded.size.value, " entries; there are ", chain_.size().value));
    }
    if (reached_.has_value() && reached_->root != recorded.root) {
      findings_.Damage(
          "head", "the recorded head",
          Cat("has the root ", ToHex(recorded.root), "; the entries have ", ToHex(reached_->root)));
      // Entries in full tiles were compared with them; nothing vouches for the others.
      findings_.report().intact_size =
          TreeSize{std::min(intact_size_.value, reached_->size.value / kTileWidth * kTileWidth)};
      return;
    }
    if (!broken_ && chain_.size() == recorded.size &&
        chain_.last_record_time() != head_.last_record_time) {
      findings_.Damage("head", "the recorded head", "has another time than the last entry");
    }
  }

  void CheckStreamIndex() {
    int64_t count = 0;
    const absl::Status scanned =
        store_.ScanFamily(Family::kStreams, [&](std::string_view key, std::string_view) {
          ++count;
          CheckNoStray(key);
          return true;
        });
    if (!scanned.ok()) {
      findings_.Damage("stream-index", Cat("after ", count, " records"),
                       FromAbsl(scanned.message()));
    }
  }

  // Behind a broken entry the index knows of what was not seen.
  void CheckNoStray(std::string_view key) {
    if (broken_) return;
    const size_t nul = key.find('\0');
    const int64_t version =
        nul == std::string_view::npos ? -1 : DecodeInt64(key.substr(nul + 1)).value_or(-1);
    const std::string stream(key.substr(0, nul));
    const auto found = chain_.streams().find(stream);
    if (version >= 0 && found != chain_.streams().end() && version < found->second.length) return;
    findings_.Damage("stream-index", stream, "has a record of an event that is not in the log");
  }

  void CheckRequestIndex() {
    int64_t count = 0;
    const absl::Status scanned =
        store_.ScanFamily(Family::kRequests, [&](std::string_view, std::string_view) {
          ++count;
          return true;
        });
    if (!scanned.ok()) {
      findings_.Damage("request-index", Cat("after ", count, " records"),
                       FromAbsl(scanned.message()));
    } else if (!broken_ && count != findings_.report().request_count) {
      findings_.Damage("request-index", "the number of requests",
                       Cat("is ", count, "; the log has ", findings_.report().request_count));
    }
  }

  void CheckTileCount() {
    int64_t count = 0;
    const absl::Status scanned =
        store_.ScanFamily(Family::kTiles, [&](std::string_view, std::string_view) {
          ++count;
          return true;
        });
    if (!scanned.ok()) {
      findings_.Damage("tile", Cat("after ", count, " tiles"), FromAbsl(scanned.message()));
    } else if (!broken_ && count > tile_count_) {
      findings_.Damage("tile", "the number of tiles",
                       Cat("is ", count, "; the tree has ", tile_count_, " full ones"));
    }
  }

  void CheckState() {
    int64_t& count = findings_.report().state_count;
    const absl::Status scanned =
        store_.ScanFamily(Family::kState, [&](std::string_view, std::string_view) {
          ++count;
          return true;
        });
    if (scanned.ok()) return;
    findings_.Damage("state", Cat("after ", count, " documents"), FromAbsl(scanned.message()),
                     "the log itself is not touched by this; write it into a new ledger with "
                     "`credence salvage`, which derives the state anew");
  }

  const Store& store_;
  const HeadRecord head_;
  Findings& findings_;

  TextCheck texts_;
  ChainChecker chain_;
  TileTree tree_;
  MapRecord map_record_;
  int64_t tile_count_ = 0;
  std::optional<SeenWrite> write_;
  // From the first bad entry on.
  bool broken_ = false;
  TreeSize intact_size_;
  // The head that the entries have at the recorded size.
  std::optional<TreeHead> reached_;
};

void CheckFirstEntry(const Store& store, const LedgerIdentity& identity, Findings& findings) {
  const absl::StatusOr<std::string> entry = store.ReadEntry(Position{0});
  // Reported by the scan of the entries.
  if (!entry.ok()) return;
  const absl::StatusOr<DecodedEvent> decoded = DecodeEntry(*entry);
  if (!decoded.ok()) return;
  const auto* const created = dynamic_cast<const event::v1::LedgerCreated*>(decoded->payload.get());
  if (created != nullptr && created->origin() == identity.origin &&
      created->verifier_key() == identity.verifier_key) {
    return;
  }
  findings.Damage("identity", "position 0",
                  "the first entry does not say who the ledger says it is");
}

}  // namespace

void CheckContent(const Store& store, const LedgerIdentity& identity, const HeadRecord& head,
                  Findings& findings) {
  CheckFirstEntry(store, identity, findings);
  ContentCheck(store, head, findings).Run();
}

}  // namespace credence::ledger
