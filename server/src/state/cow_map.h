#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "credence/base/strings.h"

namespace credence::server {

// A map from id to value whose copies are cheap and never change: the writer's next state and every
// reader's snapshot share what they have in common.
//
// One thread edits a map at a time, under an edition number. What was made under the current
// edition is changed in place; what is older may be shared with a snapshot and is cloned first. The
// owner therefore raises the edition whenever it hands out a copy.
//
// Thread safety: const access from any thread; edits only from the owner's.
template <typename Value, size_t kShardCount>
class CowMap {
 public:
  // Null where absent. Valid until the map is changed or destroyed. O(1).
  [[nodiscard]] const Value* Find(std::string_view id) const {
    const Entry* entry = FindEntry(id, HashOf(id));
    return entry == nullptr ? nullptr : entry->value.get();
  }

  // Shares ownership of the value; null where absent.
  [[nodiscard]] std::shared_ptr<const Value> Share(std::string_view id) const {
    const Entry* entry = FindEntry(id, HashOf(id));
    return entry == nullptr ? nullptr : entry->value;
  }

  // The value for editing, null where absent. Clones shard and value once per edition.
  [[nodiscard]] Value* Edit(std::string_view id, uint64_t edition) {
    Entry* entry = EditableEntry(id, HashOf(id), edition);
    if (entry == nullptr) return nullptr;
    if (entry->edition != edition) {
      entry->value = std::make_shared<Value>(*entry->value);
      entry->edition = edition;
    }
    return entry->value.get();
  }

  // The value for editing, made by its default constructor where absent.
  Value& EditOrInsert(std::string_view id, uint64_t edition) {
    if (Value* value = Edit(id, edition); value != nullptr) return *value;
    return Replace(id, edition);
  }

  // A value made by its default constructor in place of what was there.
  Value& Replace(std::string_view id, uint64_t edition) {
    const size_t hash = HashOf(id);
    Entry* entry = EditableEntry(id, hash, edition);
    if (entry == nullptr) {
      entry = &EditableShard(hash, edition).entries[std::string(id)];
      ++size_;
    }
    entry->value = std::make_shared<Value>();
    entry->edition = edition;
    return *entry->value;
  }

  // True where the value was there.
  bool Erase(std::string_view id, uint64_t edition) {
    if (Find(id) == nullptr) return false;
    EditableShard(HashOf(id), edition).entries.erase(ToAbsl(id));
    --size_;
    return true;
  }

  [[nodiscard]] size_t size() const { return size_; }

  // Calls `visit(id, value)` for each value, in no order.
  template <typename Visitor>
  void ForEach(const Visitor& visit) const {
    for (const Shard& shard : shards_) {
      if (shard == nullptr) continue;
      for (const auto& [id, entry] : shard->entries) visit(id, *entry.value);
    }
  }

  // All ids in order. O(n log n).
  [[nodiscard]] std::vector<std::string> SortedIds() const;

 private:
  struct Entry {
    std::shared_ptr<Value> value;
    uint64_t edition = 0;
  };
  struct ShardData {
    absl::flat_hash_map<std::string, Entry> entries;
    uint64_t edition = 0;
  };
  using Shard = std::shared_ptr<ShardData>;

  [[nodiscard]] static size_t HashOf(std::string_view id) {
    return absl::Hash<absl::string_view>()(ToAbsl(id));
  }
  // By the upper bits: the tables within use the lower ones.
  [[nodiscard]] static size_t IndexOf(size_t hash) { return (hash >> 32) % kShardCount; }

  [[nodiscard]] const Entry* FindEntry(std::string_view id, size_t hash) const {
    const Shard& shard = shards_[IndexOf(hash)];
    if (shard == nullptr) return nullptr;
    const auto found = shard->entries.find(ToAbsl(id), hash);
    return found == shard->entries.end() ? nullptr : &found->second;
  }

  // Null where absent: nothing is cloned then.
  [[nodiscard]] Entry* EditableEntry(std::string_view id, size_t hash, uint64_t edition) {
    if (FindEntry(id, hash) == nullptr) return nullptr;
    return &EditableShard(hash, edition).entries.find(ToAbsl(id), hash)->second;
  }

  [[nodiscard]] ShardData& EditableShard(size_t hash, uint64_t edition) {
    Shard& shard = shards_[IndexOf(hash)];
    if (shard == nullptr) {
      shard = std::make_shared<ShardData>();
      shard->edition = edition;
    } else if (shard->edition != edition) {
      shard = std::make_shared<ShardData>(*shard);
      shard->edition = edition;
    }
    return *shard;
  }

  std::array<Shard, kShardCount> shards_;
  size_t size_ = 0;
};

template <typename Value, size_t kShardCount>
std::vector<std::string> CowMap<Value, kShardCount>::SortedIds() const {
  std::vector<std::string> ids;
  ids.reserve(size_);
  ForEach([&ids](const std::string& id, const Value&) { ids.push_back(id); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace credence::server
