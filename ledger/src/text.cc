#include "credence/ledger/text.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "google/protobuf/descriptor.h"

namespace credence::ledger {
namespace {

using event::v1::TextDigest;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;

// A field that is marked, and how it is reached from the payload.
struct TextField {
  std::string path;
  std::vector<const FieldDescriptor*> steps;
};

// The marked fields of a type of payload, and the one that holds their digests.
struct TextLayout {
  std::vector<TextField> fields;
  const RepeatedPtrField<TextDigest>& (*digests)(const Message&) = nullptr;
  RepeatedPtrField<TextDigest>* (*mutable_digests)(Message&) = nullptr;
};

// Marked fields lie at most this deep.
constexpr size_t kStepsMax = 2;

void AddFields(const Descriptor& type, const TextField& outer, TextLayout& layout) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    if (field->is_repeated()) continue;
    TextField inner = outer;
    inner.path += Cat(outer.path.empty() ? "" : ".", field->name());
    inner.steps.push_back(field);
    if (field->options().GetExtension(event::v1::erasable)) {
      layout.fields.push_back(std::move(inner));
    } else if (field->message_type() != nullptr && inner.steps.size() < kStepsMax) {
      AddFields(*field->message_type(), inner, layout);
    }
  }
}

template <typename Payload>
std::pair<const Descriptor*, TextLayout> LayoutFor() {
  TextLayout layout;
  AddFields(*Payload::descriptor(), {}, layout);
  layout.digests = [](const Message& payload) -> const RepeatedPtrField<TextDigest>& {
    return static_cast<const Payload&>(payload).text_digests();
  };
  layout.mutable_digests = [](Message& payload) {
    return static_cast<Payload&>(payload).mutable_text_digests();
  };
  CREDENCE_CHECK(!layout.fields.empty());
  return {Payload::descriptor(), std::move(layout)};
}

// Null for types without marked fields.
const TextLayout* LayoutOf(const Descriptor* type) {
  static const auto* const layouts = new absl::flat_hash_map<const Descriptor*, TextLayout>{
      LayoutFor<event::v1::ForecasterCreated>(), LayoutFor<event::v1::SourceCreated>(),
      LayoutFor<event::v1::ForecastRecorded>(),  LayoutFor<event::v1::ForecastRevealed>(),
      LayoutFor<event::v1::ForecastWithdrawn>(), LayoutFor<event::v1::NetworkRevised>(),
      LayoutFor<event::v1::EvidenceRecorded>(),  LayoutFor<event::v1::EvidenceRetracted>(),
      LayoutFor<event::v1::QuestionResolved>(),  LayoutFor<event::v1::ResolutionAmended>(),
      LayoutFor<event::v1::QuestionAnnulled>(),  LayoutFor<event::v1::AuthorKeyRevoked>(),
  };
  const auto found = layouts->find(type);
  return found == layouts->end() ? nullptr : &found->second;
}

// The message that holds the field; null where it is absent.
const Message* HolderOf(const Message& payload, const TextField& field) {
  const Message* holder = &payload;
  for (size_t i = 0; i + 1 < field.steps.size(); ++i) {
    const auto* const reflection = holder->GetReflection();
    if (!reflection->HasField(*holder, field.steps[i])) return nullptr;
    holder = &reflection->GetMessage(*holder, field.steps[i]);
  }
  return holder;
}

Message& MutableHolderOf(Message& payload, const TextField& field) {
  Message* holder = &payload;
  for (size_t i = 0; i + 1 < field.steps.size(); ++i) {
    holder = holder->GetReflection()->MutableMessage(holder, field.steps[i]);
  }
  return *holder;
}

std::string_view TextIn(const Message& payload, const TextField& field) {
  const Message* const holder = HolderOf(payload, field);
  if (holder == nullptr) return {};
  // Never filled: a field of text is given as it lies in the message.
  std::string unused;
  return holder->GetReflection()->GetStringReference(*holder, field.steps.back(), &unused);
}

}  // namespace

std::string MakeSalt() {
  // One call of the generator takes about as long for 32 salts as for one.
  constexpr size_t kPoolBytes = 32 * kTextSaltBytes;
  thread_local std::array<unsigned char, kPoolBytes> pool;
  thread_local size_t used = kPoolBytes;
  if (used == kPoolBytes) {
    CREDENCE_CHECK(RAND_bytes(pool.data(), static_cast<int>(kPoolBytes)) == 1);
    used = 0;
  }
  unsigned char* const next = pool.data() + used;
  std::string salt(reinterpret_cast<const char*>(next), kTextSaltBytes);
  // What is erased must not go on lying about here.
  OPENSSL_cleanse(next, kTextSaltBytes);
  used += kTextSaltBytes;
  return salt;
}

Hash TextDigestOf(std::string_view salt, std::string_view text) { return Sha256(Cat(salt, text)); }

bool FitsDigest(const TextDigest& digest, std::string_view salt, std::string_view text) {
  const Hash hash = TextDigestOf(salt, text);
  return digest.digest() ==
         std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
}

std::vector<FieldText> ErasableTexts(const Message& payload) {
  std::vector<FieldText> texts;
  const TextLayout* const layout = LayoutOf(payload.GetDescriptor());
  if (layout == nullptr) return texts;
  for (const TextField& field : layout->fields) {
    const std::string_view text = TextIn(payload, field);
    if (!text.empty()) texts.push_back({field.path, text});
  }
  return texts;
}

void ClearErasableTexts(Message& payload) {
  const TextLayout* const layout = LayoutOf(payload.GetDescriptor());
  if (layout == nullptr) return;
  for (const TextField& field : layout->fields) {
    if (TextIn(payload, field).empty()) continue;
    Message& holder = MutableHolderOf(payload, field);
    holder.GetReflection()->ClearField(&holder, field.steps.back());
  }
}

bool SetErasableText(Message& payload, std::string_view field, std::string_view text) {
  const TextLayout* const layout = LayoutOf(payload.GetDescriptor());
  if (layout == nullptr) return false;
  for (const TextField& known : layout->fields) {
    if (known.path != field) continue;
    Message& holder = MutableHolderOf(payload, known);
    holder.GetReflection()->SetString(&holder, known.steps.back(), std::string(text));
    return true;
  }
  return false;
}

std::vector<TextDigest> TextDigestsOf(const Message& payload) {
  const TextLayout* const layout = LayoutOf(payload.GetDescriptor());
  if (layout == nullptr) return {};
  const RepeatedPtrField<TextDigest>& digests = layout->digests(payload);
  return {digests.begin(), digests.end()};
}

void ReplaceTexts(const std::vector<SaltedText>& texts, Message& payload) {
  const TextLayout* const layout = LayoutOf(payload.GetDescriptor());
  CREDENCE_CHECK(layout != nullptr);
  ClearErasableTexts(payload);
  RepeatedPtrField<TextDigest>* const digests = layout->mutable_digests(payload);
  digests->Clear();
  for (const SaltedText& text : texts) {
    TextDigest& digest = *digests->Add();
    digest.set_field(text.field);
    const Hash hash = TextDigestOf(text.salt, text.text);
    digest.set_digest(hash.data(), hash.size());
  }
}

}  // namespace credence::ledger
