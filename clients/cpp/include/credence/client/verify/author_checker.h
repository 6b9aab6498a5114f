#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "credence/client/verify/entry.h"

// Authors' keys and signatures, checked entry by entry from the first.
namespace credence::client {

struct AuthorCounts {
  // Entries that their author signed.
  int64_t signed_entries = 0;
  // Keys that authors registered.
  int64_t keys = 0;
};

// Memory follows the number of keys, and 16 bytes for each signed entry: a statement that stands
// twice was put there by somebody else than its author. Not thread-safe.
class AuthorChecker {
 public:
  // Checks the entry at `position` of the log of `origin`: that a key is registered by its holder
  // and, where the author had one before, signed for by one in force; that a signature is by a key
  // of the entry's author that is in force there, over the payload, request id and time that the
  // entry has, and stands nowhere else; that an author who signs everything signed this; that a
  // key which is revoked was in force. VERIFICATION_FAILED.
  [[nodiscard]] absl::Status Take(std::string_view origin, int64_t position, const EntryView& view);

  [[nodiscard]] const AuthorCounts& counts() const { return counts_; }

  // Everything that later entries are checked against, as lines of text; and back.
  [[nodiscard]] std::string Save() const;
  // INVALID_ARGUMENT where the lines are not those that Save made.
  [[nodiscard]] absl::Status Load(const std::vector<std::string_view>& lines);

 private:
  struct Key {
    std::string public_key;
    int64_t registered = 0;
    std::optional<int64_t> revoked;
  };
  struct Author {
    std::vector<Key> keys;
    bool signature_required = false;
  };

  [[nodiscard]] absl::Status CheckSignature(std::string_view origin, const EntryView& view,
                                            const std::string& author);
  [[nodiscard]] absl::Status CheckDemands(const EntryView& view, const std::string& author) const;
  [[nodiscard]] absl::Status Register(std::string_view origin, int64_t position,
                                      const EntryView& view);
  [[nodiscard]] absl::Status Revoke(int64_t position, const EntryView& view);
  [[nodiscard]] Key* FindKey(const std::string& author, std::string_view public_key);
  [[nodiscard]] bool Demands(const std::string& author) const;

  std::map<std::string, Author> authors_;
  // The first half of the digest of each statement.
  absl::flat_hash_set<std::string> statements_;
  AuthorCounts counts_;
};

}  // namespace credence::client
