#include "engine/view_cache.h"

#include <utility>

namespace credence::server {

std::shared_ptr<const State> ViewCache::Find(std::string_view scope, int64_t position) {
  absl::MutexLock lock(&mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->position != position || entry->scope != scope) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entries_.front().state;
  }
  return nullptr;
}

void ViewCache::Insert(std::string_view scope, int64_t position, std::shared_ptr<const State> state,
                       uint64_t epoch) {
  if (Find(scope, position) != nullptr) return;
  absl::MutexLock lock(&mutex_);
  if (epoch != epoch_) return;
  entries_.push_front({std::string(scope), position, std::move(state)});
  if (entries_.size() > capacity_) entries_.pop_back();
}

uint64_t ViewCache::epoch() {
  absl::MutexLock lock(&mutex_);
  return epoch_;
}

void ViewCache::Clear() {
  absl::MutexLock lock(&mutex_);
  ++epoch_;
  entries_.clear();
}

}  // namespace credence::server
