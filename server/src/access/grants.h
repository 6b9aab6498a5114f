#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/internal/v1/access.pb.h"
#include "credence/v1/access_service.pb.h"

// Grants as they are made and taken back. Functions of the file's content; only MakeGrant draws on
// randomness.
namespace credence::server {

inline constexpr std::string_view kTokenPrefix = "credence_";

struct MadeGrant {
  v1::AccessGrant grant;
  // The token, for a grant that is for one.
  std::string token;
};

// Adds a grant. INVALID_ARGUMENT with paths below `access_grant` where it is malformed;
// ALREADY_EXISTS where one in force is for the same certificate, subject or group.
[[nodiscard]] absl::StatusOr<MadeGrant> MakeGrant(internal::v1::AccessFile& file,
                                                  const v1::AccessGrant& wanted,
                                                  const std::string& creator, absl::Time now);

// Takes a grant back; one that was taken back stays as it is. NOT_FOUND, NAME_INVALID.
[[nodiscard]] absl::StatusOr<v1::AccessGrant> RevokeGrant(internal::v1::AccessFile& file,
                                                          const std::string& name, absl::Time now);

// The grants that are asked for, oldest first.
[[nodiscard]] v1::ListAccessGrantsResponse ListOf(const internal::v1::AccessFile& file,
                                                  const v1::ListAccessGrantsRequest& request,
                                                  absl::Time now);

// Whether it lets anybody in at `now`.
[[nodiscard]] bool InForce(const v1::AccessGrant& grant, absl::Time now);

// A token in its two parts: the id of its grant, and its secret. False where it has another form.
[[nodiscard]] bool SplitToken(std::string_view token, std::string& id, std::string& secret);

// What is kept of a secret: SHA-256. The secret has 256 random bits, so that nothing slower is
// needed.
[[nodiscard]] std::string DigestOf(std::string_view secret);

}  // namespace credence::server
