#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/ledger/author.h"
#include "credence/v1/common.pb.h"
#include "decide/decide.h"
#include "state/state.h"

// Statements that authors signed: whether they hold, and which event of a decision each one is.
//
// The author of a forecast or a withdrawal is its forecaster, that of evidence the actor of the
// write, that of a key whoever it is a key of. Other events are not signed.
//
// Pure functions.
namespace credence::server {

// A statement whose signature holds under the key that it names; whose key that is only the state
// tells.
struct CheckedStatement {
  std::string payload_type;
  // The payload without the digests of its texts, as this program serializes it.
  std::string canonical;
  // What it says of its texts, and their salts by field.
  std::vector<event::v1::TextDigest> digests;
  std::map<std::string, std::string, std::less<>> salts;
  std::shared_ptr<const ledger::SignedPayload> signed_payload;
};
using CheckedStatements = std::vector<CheckedStatement>;

// Checks the statements of a write to the ledger of `origin`. About 100 microseconds each.
// INVALID_ARGUMENT, with paths below `options`, where one is malformed or the write has no request
// id; PERMISSION_DENIED (SIGNATURE_INVALID) where a signature does not hold.
[[nodiscard]] absl::StatusOr<CheckedStatements> CheckStatements(std::string_view origin,
                                                                const v1::WriteOptions& options);

// Puts each statement in the event of `decision` that says the same, to be stored as it was signed.
// PERMISSION_DENIED: SIGNATURE_INVALID where no event says the same, or where its key is not in
// force for its author.
[[nodiscard]] absl::Status ApplyStatements(const State& state, const CheckedStatements& statements,
                                           Decision& decision);

// PERMISSION_DENIED (SIGNATURE_REQUIRED) where an event of `decision` has an author, or a source,
// whose statements must be signed, and it is not. Next to no cost while no author has a key.
[[nodiscard]] absl::Status CheckSignatureDemands(const State& state, const Decision& decision);

// What is known of the author `name`, `forecasters/{id}` or `sources/{id}`; null for another.
[[nodiscard]] const AuthorState* FindAuthor(const State& state, std::string_view name);

}  // namespace credence::server
