#include "credence/client/verify/text_checker.h"

#include <optional>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/tile.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "verify/payload_type.h"
#include "verify/wire.h"

namespace credence::client {
namespace {

using event::v1::EntryText;
using event::v1::TextBundle;

constexpr uint32_t kDigestsField = event::v1::ForecastRecorded::kTextDigestsFieldNumber;
// The tag of that field.
constexpr std::string_view kDigestsTag = "\xa2\x06";
constexpr std::string_view kTextPrefix = "text/";
constexpr std::string_view kEntriesPrefix = "tile/entries/";

static_assert(kDigestsField == 100);

absl::StatusOr<std::optional<TextBundle>> ReadTexts(LogSource& source, int64_t index) {
  const std::string path = TextBundlePath(index);
  const absl::StatusOr<std::string> bytes = source.Read(path);
  if (absl::IsNotFound(bytes.status())) return std::optional<TextBundle>();
  CREDENCE_RETURN_IF_ERROR(bytes.status());
  std::optional<TextBundle> bundle(std::in_place);
  if (!bundle->ParseFromString(*bytes)) {
    return VerificationFailed(Cat(path, ": is not a bundle of texts"));
  }
  return bundle;
}

}  // namespace

std::string TextBundlePath(int64_t index) {
  const std::string entries = TilePath({kEntriesLevel, index, static_cast<int>(kTileWidth)});
  return Cat(kTextPrefix, std::string_view(entries).substr(kEntriesPrefix.size()));
}

int64_t ParseTextBundlePath(std::string_view path) {
  if (path.substr(0, kTextPrefix.size()) != kTextPrefix) return -1;
  const std::optional<TileId> id =
      ParseTilePath(Cat(kEntriesPrefix, path.substr(kTextPrefix.size())));
  return id.has_value() && id->width == kTileWidth ? id->index : -1;
}

bool MayHoldTexts(std::string_view bytes) {
  return bytes.find(kDigestsTag) != std::string_view::npos;
}

absl::Status TextChecker::Take(const EntryView& entry) {
  if (first_ < 0) first_ = entry.position;
  if (Is<event::v1::TextsErased>(entry)) {
    return TakeErasure(entry);
  }
  if (!MayHoldTexts(entry.payload)) return absl::OkStatus();
  WireReader reader(entry.payload);
  WireField field;
  while (reader.Next(field)) {
    if (field.number != kDigestsField || field.type != 2) continue;
    const std::string_view name = BytesField(field.bytes, 1).value_or(std::string_view());
    const std::string_view digest = BytesField(field.bytes, 2).value_or(std::string_view());
    if (name.empty() || digest.size() != sizeof(Hash) ||
        !digests_.emplace(Place(entry.position, name), digest).second) {
      return VerificationFailedAt(entry.position, "the entry has a malformed digest of a text");
    }
  }
  return absl::OkStatus();
}

absl::Status TextChecker::TakeErasure(const EntryView& entry) {
  event::v1::TextsErased payload;
  if (!payload.ParseFromArray(entry.payload.data(), static_cast<int>(entry.payload.size()))) {
    return VerificationFailedAt(entry.position, "the entry is not an erasure of texts");
  }
  for (const event::v1::ErasedText& text : payload.texts()) {
    for (const std::string& field : text.fields()) {
      if (text.position() >= 0 && text.position() < entry.position &&
          erased_.emplace(Place(text.position(), field), entry.position).second) {
        continue;
      }
      return VerificationFailedAt(entry.position,
                                  Cat("the event erases the text ", field, " of the entry at ",
                                      text.position(), ", which it cannot"));
    }
  }
  return absl::OkStatus();
}

absl::Status TextChecker::EndBundle(int64_t index) {
  if (digests_.empty()) return absl::OkStatus();
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<TextBundle> bundle, ReadTexts(source_, index));
  if (bundle.has_value()) {
    for (const EntryText& text : bundle->texts()) {
      // What was looked at before, and what came after the checkpoint.
      if (text.position() < first_ || text.position() >= tree_size_) continue;
      const auto found = digests_.find({text.position(), text.field()});
      if (found == digests_.end()) {
        return VerificationFailedAt(
            text.position(), Cat("the entry has no digest of the text ", text.field(), " that ",
                                 TextBundlePath(index), " says is its own"));
      }
      if (text.has_erased_position()) {
        ++counts_.erased;
        if (text.erased_position() < tree_size_) claimed_[found->first] = text.erased_position();
      } else if (text.salt().empty()) {
        continue;
      } else if (BytesOf(Sha256(Cat(text.salt(), text.text()))) == found->second) {
        ++counts_.shown;
      } else {
        return VerificationFailedAt(text.position(),
                                    Cat("the text ", text.field(), " in ", TextBundlePath(index),
                                        " does not have the digest that the entry says"));
      }
      digests_.erase(found);
    }
  }
  counts_.not_shown += static_cast<int64_t>(digests_.size());
  digests_.clear();
  return absl::OkStatus();
}

absl::Status TextChecker::Finish() {
  for (const auto& [place, event] : claimed_) {
    const auto found = erased_.find(place);
    if (found != erased_.end() && found->second == event) continue;
    return VerificationFailedAt(
        place.first, Cat("the text ", place.second, " is said to be erased by the event ", event,
                         ", which does not say so"));
  }
  for (const auto& [place, event] : erased_) {
    if (!claimed_.contains(place)) CREDENCE_RETURN_IF_ERROR(CheckGone(place, event));
  }
  return absl::OkStatus();
}

absl::Status TextChecker::CheckGone(const Place& place, int64_t event) {
  CREDENCE_ASSIGN_OR_RETURN(const std::optional<TextBundle> bundle,
                            ReadTexts(source_, place.first / kTileWidth));
  if (!bundle.has_value()) return absl::OkStatus();
  for (const EntryText& text : bundle->texts()) {
    if (text.position() != place.first || text.field() != place.second || text.text().empty()) {
      continue;
    }
    return VerificationFailedAt(
        place.first,
        Cat("the text ", place.second, " is shown, though the event ", event, " erased it"));
  }
  return absl::OkStatus();
}

}  // namespace credence::client
