#include "credence/client/verify/rpc_source.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/text_checker.h"
#include "credence/client/verify/tile.h"

namespace credence::client {
namespace {

absl::Status NoSuchFile(std::string_view path) {
  ErrorDetail detail;
  detail.reason = "NOT_FOUND";
  detail.metadata["resource"] = std::string(path);
  return MakeError(absl::StatusCode::kNotFound, Cat("A log has no file ", path, "."), detail);
}

class RpcSource final : public LogSource {
 public:
  explicit RpcSource(Client* client) : client_(client), name_(client->options().endpoint) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  [[nodiscard]] absl::StatusOr<std::string> Read(std::string_view path) override {
    if (path == "checkpoint") {
      v1::GetCheckpointRequest request;
      request.set_published(true);
      CREDENCE_ASSIGN_OR_RETURN(auto response,
                                client_->Call<v1::GetCheckpointResponse>(std::move(request)));
      return std::move(*response.mutable_checkpoint());
    }
    if (const int64_t index = ParseTextBundlePath(path); index >= 0) {
      v1::GetTileRequest request;
      request.set_texts(true);
      request.set_index(index);
      return ReadTile(std::move(request), path);
    }
    const std::optional<TileId> id = ParseTilePath(path);
    if (!id.has_value()) return NoSuchFile(path);
    v1::GetTileRequest request;
    request.set_entries(id->level == kEntriesLevel);
    request.set_level(std::max(id->level, 0));
    request.set_index(id->index);
    request.set_width(id->width);
    return ReadTile(std::move(request), path);
  }

 private:
  absl::StatusOr<std::string> ReadTile(v1::GetTileRequest request, std::string_view path) {
    auto response = client_->Call<v1::GetTileResponse>(std::move(request));
    // The log is not as long: there is no such tile.
    if (absl::IsOutOfRange(response.status())) return NoSuchFile(path);
    CREDENCE_RETURN_IF_ERROR(response.status());
    return std::move(*response->mutable_content());
  }

  Client* const client_;
  const std::string name_;
};

}  // namespace

std::unique_ptr<LogSource> MakeRpcSource(Client* client) {
  return std::make_unique<RpcSource>(client);
}

}  // namespace credence::client
