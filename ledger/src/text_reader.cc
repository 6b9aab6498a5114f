#include "text_reader.h"

#include <optional>
#include <utility>

#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/ledger/text.h"
#include "failure.h"
#include "records.h"

namespace credence::ledger {
namespace {

using event::v1::EntryText;
using event::v1::TextDigest;

// The tag of the field in which payloads hold digests: what has it not in its bytes holds none.
constexpr std::string_view kDigestsTag = "\xa2\x06";
static_assert(event::v1::ForecastRecorded::kTextDigestsFieldNumber == 100);

std::string_view Shown(const StoredText& text) {
  switch (text.kind) {
    case StoredText::Kind::kText:
      return text.text;
    case StoredText::Kind::kErased:
      return kErasedText;
    case StoredText::Kind::kLost:
      return kLostText;
  }
  return {};
}

EntryText ToEntryText(Position position, const std::string& field, StoredText stored) {
  EntryText text;
  text.set_position(position.value);
  text.set_field(field);
  text.set_salt(std::move(stored.salt));
  text.set_text(std::move(stored.text));
  if (stored.kind == StoredText::Kind::kErased) text.set_erased_position(stored.erased_by.value);
  return text;
}

bool Fits(const StoredText& text, const TextDigest& digest) {
  return text.kind != StoredText::Kind::kText || FitsDigest(digest, text.salt, text.text);
}

}  // namespace

TextReader::TextReader(const Store& store, std::function<void(const absl::Status&)> on_damage)
    : store_(store), on_damage_(std::move(on_damage)) {}

absl::StatusOr<StoredText> TextReader::Find(Position position, const TextDigest& digest) const {
  CREDENCE_ASSIGN_OR_RETURN(std::optional<StoredText> text,
                            store_.FindText(position, digest.field()));
  if (text.has_value() && Fits(*text, digest)) return *std::move(text);
  absl::Status damage = LedgerFailed(
      Cat("The text ", digest.field(), " of the entry at position ", position.value,
          text.has_value() ? " does not have the digest that the entry says." : " is missing."));
  on_damage_(damage);
  return damage;
}

absl::Status TextReader::Restore(DecodedEvent& event) const {
  if (event.payload == nullptr) return absl::OkStatus();
  for (const TextDigest& digest : TextDigestsOf(*event.payload)) {
    CREDENCE_ASSIGN_OR_RETURN(const StoredText text,
                              Find(Position{event.envelope.position()}, digest));
    // A field that this program does not know stays with its digest.
    SetErasableText(*event.payload, digest.field(), Shown(text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<EntryText>> TextReader::Read(const StoredEntry& entry) const {
  std::vector<EntryText> texts;
  if (entry.bytes->find(kDigestsTag) == std::string::npos) return texts;
  CREDENCE_ASSIGN_OR_RETURN(const DecodedEvent event, DecodeEntry(*entry.bytes));
  if (event.payload == nullptr) return texts;
  const Position position{event.envelope.position()};
  for (const TextDigest& digest : TextDigestsOf(*event.payload)) {
    CREDENCE_ASSIGN_OR_RETURN(StoredText text, Find(position, digest));
    texts.push_back(ToEntryText(position, digest.field(), std::move(text)));
  }
  return texts;
}

absl::StatusOr<std::string> TextReader::ReadBundle(const std::vector<StoredEntry>& entries) const {
  event::v1::TextBundle bundle;
  for (const StoredEntry& entry : entries) {
    CREDENCE_ASSIGN_OR_RETURN(std::vector<EntryText> texts, Read(entry));
    for (EntryText& text : texts) *bundle.add_texts() = std::move(text);
  }
  return bundle.SerializeAsString();
}

}  // namespace credence::ledger
