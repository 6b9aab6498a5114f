#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What a witness needs to keep and to say: a key that cosigns checkpoints (C2SP tlog-cosignature),
// and a file that is replaced before anybody is told.
namespace credence::ledger {

// The Ed25519 key of a witness. Thread-safe.
class Cosigner {
 public:
  // The key in the file at `path`; a new one, of mode 0600, where there is none. INVALID_ARGUMENT,
  // reason NAME_INVALID, where `name` cannot name a key; FAILED_PRECONDITION, reason WRONG_STATE,
  // where the file holds something else than a witness's key of that name.
  [[nodiscard]] static absl::StatusOr<Cosigner> Ensure(const std::string& path,
                                                       const std::string& name);

  // The key in the file at `path`. FAILED_PRECONDITION, reason WRONG_STATE, where there is none.
  [[nodiscard]] static absl::StatusOr<Cosigner> Read(const std::string& path);

  [[nodiscard]] const std::string& name() const;

  // name+id+base64(0x04 || public key).
  [[nodiscard]] const std::string& verifier_key() const;

  // The signature line, with its newline, that says: at `time`, in seconds of the Unix epoch and
  // not negative, the checkpoint whose text this is was the largest that the witness had seen.
  [[nodiscard]] std::string CosignatureLine(int64_t time, std::string_view text) const;

 private:
  class Key;
  explicit Cosigner(std::shared_ptr<const Key> key);
  std::shared_ptr<const Key> key_;
};

// Puts `content` in the place of what the file at `path` holds, if any, mode 0644. After a power
// cut one or the other is there in full; when it returns OK, the new one is. INTERNAL with the
// system's words.
[[nodiscard]] absl::Status ReplaceDurably(const std::string& path, std::string_view content);

}  // namespace credence::ledger
