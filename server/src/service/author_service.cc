#include "credence/v1/author_service.pb.h"

#include "credence/base/error.h"
#include "decide/authors.h"
#include "decide/checks.h"
#include "service/method.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.AuthorService";

template <typename Request>
absl::StatusOr<std::string> ParentStream(const State&, const Request& request) {
  return request.parent();
}

absl::Status ListAuthorKeys(ReadCall& call, const v1::ListAuthorKeysRequest& request,
                            v1::ListAuthorKeysResponse& response) {
  const AuthorState* const author = FindAuthor(*call.view.state, request.parent());
  if (author == nullptr) return NotFound(request.parent());
  for (const AuthorKeyState& key : author->keys) {
    v1::AuthorKey& resource = *response.add_keys();
    resource.set_public_key(key.public_key);
    resource.set_registered_position(key.registered_position);
    if (key.revoked_position.has_value()) resource.set_revoked_position(*key.revoked_position);
  }
  response.set_signature_required(author->signature_required);
  return absl::OkStatus();
}

}  // namespace

void AddAuthorService(Router& router, Engine& engine) {
  AddWrite<v1::RegisterAuthorKeyRequest, v1::RegisterAuthorKeyResponse>(
      router, engine, kService, "RegisterAuthorKey",
      {.stream = ParentStream<v1::RegisterAuthorKeyRequest>,
       .decide = DecideRegisterAuthorKey,
       .respond = RespondWithReceipt<v1::RegisterAuthorKeyRequest, v1::RegisterAuthorKeyResponse>});
  AddWrite<v1::RevokeAuthorKeyRequest, v1::RevokeAuthorKeyResponse>(
      router, engine, kService, "RevokeAuthorKey",
      {.stream = ParentStream<v1::RevokeAuthorKeyRequest>,
       .decide = DecideRevokeAuthorKey,
       .respond = RespondWithReceipt<v1::RevokeAuthorKeyRequest, v1::RevokeAuthorKeyResponse>});
  AddRead<v1::ListAuthorKeysRequest, v1::ListAuthorKeysResponse>(
      router, engine, kService, "ListAuthorKeys", {.scope = WholeLedger, .answer = ListAuthorKeys});
}

}  // namespace credence::server
