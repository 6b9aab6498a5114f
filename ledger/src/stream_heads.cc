#include "stream_heads.h"

#include <limits>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::ledger {
namespace {

// The store shows nothing newer than what this cache let go of.
constexpr TreeSize kWholeStore{std::numeric_limits<int64_t>::max()};

}  // namespace

absl::StatusOr<StreamHead*> StreamHeads::Find(std::string_view stream) {
  if (const auto found = young_.find(ToAbsl(stream)); found != young_.end()) return &found->second;
  StreamHead head;
  if (const auto found = old_.find(ToAbsl(stream)); found != old_.end()) {
    head = found->second;
    old_.erase(found);
  } else {
    CREDENCE_ASSIGN_OR_RETURN(const std::optional<StreamEnd> end,
                              store_.FindStreamEnd(stream, kWholeStore));
    if (end.has_value()) head = {end->version + 1, end->position};
  }
  return &young_.emplace(std::string(stream), head).first->second;
}

void StreamHeads::Trim(TreeSize durable) {
  if (young_.size() < generation_size_) return;
  Generation next;
  for (const auto& [stream, head] : old_) {
    if (head.length > 0 && !Contains(durable, head.last)) next.emplace(stream, head);
  }
  old_ = std::exchange(young_, std::move(next));
}

}  // namespace credence::ledger
