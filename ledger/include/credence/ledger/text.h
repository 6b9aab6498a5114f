#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "credence/event/v1/text.pb.h"
#include "credence/ledger/tree.h"
#include "google/protobuf/message.h"

// Texts that may have to be erased. An entry cannot be changed, so that it holds only
// SHA-256(salt || text) of each; salt and text lie beside the log, and can be taken away without
// touching any proof. Which fields of a payload they are is marked in the protos (`erasable`); a
// field's path is its name, or the names from the payload inwards, such as "model.summary".
//
// Thread-safe: everything here is a pure function, but for MakeSalt.
namespace credence::ledger {

inline constexpr size_t kTextSaltBytes = 32;

// What a text that was erased reads as, and one that was lost with a part of the files.
inline constexpr std::string_view kErasedText = "[erased]";
inline constexpr std::string_view kLostText = "[lost]";

struct SaltedText {
  std::string field;
  std::string salt;
  std::string text;
};

// 32 bytes that nobody can guess, from the system's generator.
[[nodiscard]] std::string MakeSalt();

// SHA-256(salt || text).
[[nodiscard]] Hash TextDigestOf(std::string_view salt, std::string_view text);

// Whether the text, with its salt, is the one that the digest is of.
[[nodiscard]] bool FitsDigest(const event::v1::TextDigest& digest, std::string_view salt,
                              std::string_view text);

// A text within a message; the views live as long as it.
struct FieldText {
  std::string_view field;
  std::string_view text;
};

// The texts of fields that are marked, but for empty ones, by field. Empty for types without such
// fields, at the cost of one look-up.
[[nodiscard]] std::vector<FieldText> ErasableTexts(const google::protobuf::Message& payload);

// Empties these fields.
void ClearErasableTexts(google::protobuf::Message& payload);

// Sets the text of one of these fields; false where the payload has no such field.
bool SetErasableText(google::protobuf::Message& payload, std::string_view field,
                     std::string_view text);

// The digests that a payload holds; none for types without such fields.
[[nodiscard]] std::vector<event::v1::TextDigest> TextDigestsOf(
    const google::protobuf::Message& payload);

// Empties the marked fields of `payload` and gives it the digests of `texts` instead.
void ReplaceTexts(const std::vector<SaltedText>& texts, google::protobuf::Message& payload);

}  // namespace credence::ledger
