#include "fsck/text_check.h"

#include <optional>
#include <string_view>

#include "credence/base/strings.h"
#include "credence/ledger/text.h"
#include "records.h"

namespace credence::ledger {
namespace {

std::string Where(int64_t position, std::string_view field) {
  return Cat("position ", position, ", ", field);
}

}  // namespace

void TextCheck::Take(const ChainedEntry& entry, Position position) {
  for (const event::v1::TextDigest& digest : entry.text_digests) CheckText(position, digest);
  for (const event::v1::ErasedText& erased : entry.erased) {
    for (const std::string& field : erased.fields()) {
      const auto found = erased_.find({erased.position(), field});
      if (found == erased_.end() || found->second != position.value) {
        findings_.Damage("text", Where(erased.position(), field),
                         Cat("has no mark that the event at position ", position.value,
                             " erased it, as that event says"));
      } else {
        erased_.erase(found);
      }
    }
  }
}

void TextCheck::CheckText(Position position, const event::v1::TextDigest& digest) {
  ++count_;
  const absl::StatusOr<std::optional<StoredText>> text = store_.FindText(position, digest.field());
  const std::string where = Where(position.value, digest.field());
  if (!text.ok()) return findings_.Damage("text", where, FromAbsl(text.status().message()));
  if (!text->has_value()) return findings_.Damage("text", where, "is missing");
  if ((*text)->kind == StoredText::Kind::kErased) {
    erased_[{position.value, digest.field()}] = (*text)->erased_by.value;
    return;
  }
  if ((*text)->kind == StoredText::Kind::kLost) return;
  if (FitsDigest(digest, (*text)->salt, (*text)->text)) return;
  findings_.Damage("text", where, "does not have the digest that the entry says");
}

void TextCheck::Finish(bool whole) {
  int64_t stored = 0;
  const absl::Status scanned =
      store_.ScanFamily(Family::kBlobs, [&](std::string_view, std::string_view) {
        ++stored;
        return true;
      });
  if (!scanned.ok()) {
    findings_.Damage("text", Cat("after ", stored, " texts"), FromAbsl(scanned.message()));
  }
  if (!whole) return;
  for (const auto& [place, event] : erased_) {
    findings_.Damage(
        "text", Where(place.first, place.second),
        Cat("is marked as erased by the event at position ", event, ", which does not say so"));
  }
  if (scanned.ok() && stored != count_) {
    findings_.Damage("text", "the number of texts",
                     Cat("is ", stored, "; the entries have ", count_));
  }
}

}  // namespace credence::ledger
