#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/client/client.h"
#include "credence/v1/forecast_service.pb.h"

// Sealed forecasts: a forecast is fixed by the hash of a salt and of what it says, and told later.
namespace credence::client {

// A seal to be asked for, and what reveals it.
struct MadeSeal {
  v1::SealForecastRequest request;
  v1::SealSecret secret;
};

// Seals `forecast` (its forecaster, and probabilities or a distribution; the rest is not sealed) on
// the question `parent`. The states' names and order, the close time that is the reveal time where
// none is given, and without a pinned key the ledger's origin are read from the server. The salt
// comes from the system's randomness; the forecast's id is derived from it where `forecast_id` is
// empty. INVALID_ARGUMENT where the forecast does not fit the question.
[[nodiscard]] absl::StatusOr<MadeSeal> MakeSeal(Client& client, const std::string& parent,
                                                const std::string& forecast_id,
                                                const v1::Forecast& forecast);

// The request that reveals it.
[[nodiscard]] v1::RevealForecastRequest RevealRequest(const v1::SealSecret& secret);

// A secret as a file of JSON. Write makes a new file of mode 0600, synced, before the seal is asked
// for: a seal whose secret is lost can never be revealed. ALREADY_EXISTS where the file exists.
[[nodiscard]] absl::Status WriteSecret(const v1::SealSecret& secret, const std::string& path);
// NOT_FOUND where there is no file, INVALID_ARGUMENT where it is no secret.
[[nodiscard]] absl::StatusOr<v1::SealSecret> ReadSecret(const std::string& path);

}  // namespace credence::client
