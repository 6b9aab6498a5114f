#include "main/log_sources.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/identity.h"
#include "credence/client/verify/note.h"
#include "credence/client/verify/rpc_source.h"
#include "credence/client/verify/text_checker.h"
#include "credence/client/verify/tile.h"

namespace credence::server {
namespace {

constexpr absl::Duration kFileTimeout = absl::Seconds(30);

absl::Status NoSuchFile(std::string_view path) {
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  detail.metadata["resource"] = std::string(path);
  return MakeError(absl::StatusCode::kNotFound, Cat("There is no ", path, "."), detail);
}

class LedgerSource final : public client::LogSource {
 public:
  LedgerSource(std::string data, std::unique_ptr<ledger::Log> log)
      : data_(std::move(data)), log_(std::move(log)) {}

  [[nodiscard]] const std::string& name() const override { return data_; }

  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override {
    if (path == "checkpoint") {
      CREDENCE_ASSIGN_OR_RETURN(ledger::SignedCheckpoint checkpoint, log_->LatestCheckpoint());
      return Cosigned(std::move(checkpoint.note));
    }
    if (const int64_t texts = client::ParseTextBundlePath(path); texts >= 0) {
      absl::StatusOr<std::string> content = log_->ReadTextBundle(texts);
      if (absl::IsOutOfRange(content.status())) return NoSuchFile(path);
      return content;
    }
    const std::optional<client::TileId> id = client::ParseTilePath(path);
    if (!id.has_value()) return NoSuchFile(path);
    absl::StatusOr<std::string> content = id->level == client::kEntriesLevel
                                              ? log_->ReadEntryBundle(id->index, id->width)
                                              : log_->ReadTile(id->level, id->index, id->width);
    if (absl::IsOutOfRange(content.status())) return NoSuchFile(path);
    return content;
  }

 private:
  // The note as witnesses cosigned it, where a server kept that; a server's own signature stands
  // first, so that the one begins with the other.
  [[nodiscard]] std::string Cosigned(std::string note) const {
    std::ifstream file(WitnessedPath(data_), std::ios::binary);
    std::string cosigned{std::istreambuf_iterator<char>(file), {}};
    const bool same = cosigned.rfind(note, 0) == 0 && client::ParseNote(cosigned).ok();
    return same ? cosigned : note;
  }

  const std::string data_;
  const std::unique_ptr<ledger::Log> log_;
};

}  // namespace

std::string WitnessedPath(const std::string& data) { return Cat(data, "/ledger.witnessed"); }

absl::StatusOr<std::unique_ptr<client::LogSource>> MakeLedgerSource(const std::string& data) {
  CREDENCE_ASSIGN_OR_RETURN(std::unique_ptr<ledger::Log> log, ledger::Log::OpenReadOnly(data));
  return std::make_unique<LedgerSource>(data, std::move(log));
}

absl::StatusOr<std::unique_ptr<client::LogSource>> MakeNamedSource(cli::CliContext& context,
                                                                   const std::string& name) {
  if (absl::StartsWith(name, "http://") || absl::StartsWith(name, "https://")) {
    CREDENCE_ASSIGN_OR_RETURN(const client::HttpIdentity identity,
                              cli::HttpIdentityOf(context.flags()));
    auto source = client::MakeHttpSource(name, kFileTimeout, identity);
    if (!source.ok()) return cli::FlagError(source.status());
    return source;
  }
  std::error_code error;
  if (std::filesystem::is_directory(name, error)) return client::MakeDirectorySource(name);
  if (!absl::StrContains(name, ':') || absl::StrContains(name, '/')) {
    return NoSuchFile(Cat("directory ", name));
  }
  context.flags().endpoint = name;
  CREDENCE_ASSIGN_OR_RETURN(client::Client* const client, context.Connect());
  return client::MakeRpcSource(client);
}

}  // namespace credence::server
