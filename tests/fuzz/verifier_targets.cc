#include <string>

#include "credence/base/check.h"
#include "credence/client/verify/checkpoint.h"
#include "credence/client/verify/entry.h"
#include "credence/client/verify/log_proof.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/tile.h"
#include "credence/client/verify/witness_policy.h"
#include "fuzz_target.h"

// What a verifier reads of a log that it does not trust. What is read must be written again as it
// was, since signatures are over bytes.
namespace credence::fuzz {
namespace {

using client::NoteSignature;
using client::VerifierKey;

VerifierKey AnyKey() {
  VerifierKey key;
  key.name = "example.org/test";
  key.id = client::VerifierKeyId(
      key.name, key.type,
      {reinterpret_cast<const char*>(key.public_key.data()), key.public_key.size()});
  return key;
}

void ReadNote(std::string_view input) {
  const auto note = client::ParseNote(input);
  if (!note.ok()) return;
  CREDENCE_CHECK(client::FormatNote(*note) == input);
  CREDENCE_CHECK(!client::VerifyNote(*note, AnyKey()).ok());
  for (const NoteSignature& signature : note->signatures) {
    (void)client::VerifySignature(AnyKey(), note->text, signature);
    (void)client::CosignatureTime(signature);
  }
}

void ReadCheckpoint(std::string_view input) {
  const auto checkpoint = client::ParseCheckpoint(input);
  if (checkpoint.ok()) {
    CREDENCE_CHECK(checkpoint->tree_size >= 0);
    CREDENCE_CHECK(client::FormatCheckpoint(*checkpoint) == input);
  }
  CREDENCE_CHECK(!client::OpenCheckpoint(input, AnyKey()).ok());
}

void ReadVerifierKey(std::string_view input) {
  const auto key = client::ParseVerifierKey(input);
  if (key.ok()) CREDENCE_CHECK(client::FormatVerifierKey(*key) == input);
}

// The first byte is the width; the rest the bytes.
void ReadTiles(std::string_view input) {
  if (input.empty()) return;
  const int width = static_cast<unsigned char>(input[0]) + 1;
  const std::string_view bytes = input.substr(1);
  const auto tile = client::ParseTile(bytes, width);
  if (tile.ok()) CREDENCE_CHECK(tile->size() * sizeof(client::Hash) == bytes.size());
  const auto bundle = client::ParseEntryBundle(bytes, width);
  if (!bundle.ok()) return;
  CREDENCE_CHECK(bundle->size() == static_cast<size_t>(width));
  for (const std::string_view entry : *bundle) {
    client::EntryView view;
    (void)client::ParseEntry(entry, view);
  }
}

void ReadTilePath(std::string_view input) {
  const auto id = client::ParseTilePath(input);
  if (id.has_value()) CREDENCE_CHECK(client::TilePath(*id) == input);
}

void ReadEntry(std::string_view input) {
  client::EntryView view;
  if (!client::ParseEntry(input, view).ok()) return;
  CREDENCE_CHECK(view.position >= 0);
  (void)client::BytesField(view.payload, 1);
  (void)client::NumberField(view.payload, 2);
}

void ReadLogProof(std::string_view input) {
  const auto proof = client::ParseLogProof(input);
  if (!proof.ok()) return;
  // Extra data may be said to be empty, or not be said; nobody signs that.
  const std::string text = client::FormatLogProof(*proof);
  const auto again = client::ParseLogProof(text);
  CREDENCE_CHECK(again.ok() && client::FormatLogProof(*again) == text);
  CREDENCE_CHECK(!client::VerifyLogProof(*proof, client::Hash{}, AnyKey()).ok());
}

// A policy, and after a line of dashes a note whose cosignatures it judges.
void ReadWitnessPolicy(std::string_view input) {
  constexpr std::string_view kBreak = "\n----\n";
  const size_t split = input.find(kBreak);
  const auto policy = client::WitnessPolicy::Parse(input.substr(0, split));
  if (!policy.ok()) return;
  (void)policy->IsMet(std::vector<bool>(policy->witnesses().size(), true));
  if (split == std::string_view::npos) return;
  const auto note = client::ParseNote(input.substr(split + kBreak.size()));
  if (note.ok()) (void)client::CheckCosignatures(*note, *policy);
}

}  // namespace

std::vector<FuzzTarget> VerifierTargets() {
  return {{"note", ReadNote},
          {"checkpoint", ReadCheckpoint},
          {"verifier-key", ReadVerifierKey},
          {"tiles", ReadTiles},
          {"tile-path", ReadTilePath},
          {"entry", ReadEntry},
          {"log-proof", ReadLogProof},
          {"witness-policy", ReadWitnessPolicy}};
}

}  // namespace credence::fuzz
