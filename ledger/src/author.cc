#include "credence/ledger/author.h"

#include <cstdint>

#include "signing_key.h"

namespace credence::ledger {
namespace {

void AppendBigEndian(uint64_t value, int byte_count, std::string& out) {
  for (int shift = 8 * (byte_count - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

void AppendField(std::string_view field, std::string& out) {
  AppendBigEndian(field.size(), 8, out);
  out.append(field);
}

std::string TimeField(const event::v1::AuthorSignature& signature) {
  std::string field;
  if (!signature.has_effective_time()) return field;
  AppendBigEndian(static_cast<uint64_t>(signature.effective_time().seconds()), 8, field);
  AppendBigEndian(static_cast<uint32_t>(signature.effective_time().nanos()), 4, field);
  return field;
}

}  // namespace

std::string StatementBytes(std::string_view origin, std::string_view request_id,
                           std::string_view payload_type, const SignedPayload& signed_payload) {
  std::string bytes = "credence-statement/v1\n";
  AppendField(origin, bytes);
  AppendField(signed_payload.signature.author(), bytes);
  AppendField(payload_type, bytes);
  AppendField(request_id, bytes);
  AppendField(TimeField(signed_payload.signature), bytes);
  AppendField(signed_payload.payload, bytes);
  return bytes;
}

std::string PossessionBytes(std::string_view origin, std::string_view author,
                            std::string_view public_key) {
  std::string bytes = "credence-author-key/v1\n";
  AppendField(origin, bytes);
  AppendField(author, bytes);
  AppendField(public_key, bytes);
  return bytes;
}

bool VerifyAuthorSignature(std::string_view public_key, std::string_view bytes,
                           std::string_view signature) {
  if (public_key.size() != kAuthorKeyBytes) return false;
  return VerifyEd25519({"", "", std::string(public_key)}, bytes, signature);
}

}  // namespace credence::ledger
