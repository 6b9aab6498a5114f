#include "credence/client/verify/author.h"

#include <algorithm>

#include "credence/client/verify/note.h"

namespace credence::client {
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

}  // namespace

std::string StatementBytes(const AuthorStatement& statement) {
  std::string time;
  if (statement.effective_time.has_value()) {
    AppendBigEndian(static_cast<uint64_t>(statement.effective_time->seconds), 8, time);
    AppendBigEndian(static_cast<uint64_t>(statement.effective_time->nanos), 4, time);
  }
  std::string bytes = "credence-statement/v1\n";
  for (const std::string_view field :
       {statement.origin, statement.author, statement.payload_type, statement.request_id,
        std::string_view(time), statement.payload}) {
    AppendField(field, bytes);
  }
  return bytes;
}

std::string PossessionBytes(std::string_view origin, std::string_view author,
                            std::string_view public_key) {
  std::string bytes = "credence-author-key/v1\n";
  for (const std::string_view field : {origin, author, public_key}) AppendField(field, bytes);
  return bytes;
}

bool VerifyAuthorSignature(std::string_view public_key, std::string_view bytes,
                           std::string_view signature) {
  VerifierKey key;
  if (public_key.size() != key.public_key.size()) return false;
  std::copy(public_key.begin(), public_key.end(), key.public_key.begin());
  return VerifySignature(key, bytes, {key.name, key.id, std::string(signature)});
}

}  // namespace credence::client
