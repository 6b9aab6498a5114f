#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "credence/cli/context.h"
#include "credence/client/verify/source.h"
#include "credence/ledger/log.h"

namespace credence::server {

// Where a server of the ledger keeps the checkpoint that its witnesses cosigned last.
[[nodiscard]] std::string WitnessedPath(const std::string& data);

// The log of a ledger on this machine, which may be open elsewhere; the state
// at this moment. Its checkpoint has the cosignatures that a server kept of it.
[[nodiscard]] absl::StatusOr<std::unique_ptr<client::LogSource>> MakeLedgerSource(
    const std::string& data);

// What a user named: a directory of exported files, an address http://... or
// https://..., or HOST:PORT of a server. NOT_FOUND where a directory is not
// there.
[[nodiscard]] absl::StatusOr<std::unique_ptr<client::LogSource>> MakeNamedSource(
    cli::CliContext& context, const std::string& name);

}  // namespace credence::server
