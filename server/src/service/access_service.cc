#include <utility>

#include "access/access_control.h"
#include "access/principal.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/v1/access_service.pb.h"
#include "service/parse.h"
#include "service/router.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.AccessService";

// Grants that anybody could make for himself, waiting for the day on which they count.
absl::Status NothingToGrant() {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  detail.subjects = {"access"};
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "this server takes calls from everybody, so it keeps no grants: make the first "
                   "one with `credence token create --data DIR` and serve with `--access required`",
                   detail);
}

template <typename Request, typename Response>
void AddMethod(Router& router, std::string_view name, AccessControl* access,
               absl::Status (*method)(AccessControl&, const CallContext&, const Request&,
                                      Response&)) {
  router.AddUnary(
      kService, name,
      [access, method](const CallContext& context, std::string_view bytes, Answer answer) {
        Request request;
        if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
        if (access == nullptr) return answer(NothingToGrant());
        Response response;
        if (absl::Status done = method(*access, context, request, response); !done.ok()) {
          return answer(done);
        }
        answer(response.SerializeAsString());
      });
}

absl::Status Create(AccessControl& access, const CallContext& context,
                    const v1::CreateAccessGrantRequest& request,
                    v1::CreateAccessGrantResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(MadeGrant made,
                            access.Create(request.access_grant(), context.principal->name));
  *response.mutable_access_grant() = std::move(made.grant);
  response.set_token(std::move(made.token));
  return absl::OkStatus();
}

absl::Status List(AccessControl& access, const CallContext&,
                  const v1::ListAccessGrantsRequest& request,
                  v1::ListAccessGrantsResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(response, access.List(request));
  return absl::OkStatus();
}

absl::Status Revoke(AccessControl& access, const CallContext&,
                    const v1::RevokeAccessGrantRequest& request,
                    v1::RevokeAccessGrantResponse& response) {
  CREDENCE_ASSIGN_OR_RETURN(*response.mutable_access_grant(), access.Revoke(request.name()));
  return absl::OkStatus();
}

void AnswerCaller(const CallContext& context, std::string_view bytes, const Answer& answer) {
  v1::GetCallerRequest request;
  if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) return answer(parsed);
  v1::GetCallerResponse response;
  if (context.principal != nullptr) {
    response.set_access_required(true);
    response.set_principal(context.principal->name);
    for (const v1::RoleBinding& role : context.principal->roles) *response.add_roles() = role;
  }
  answer(response.SerializeAsString());
}

}  // namespace

void AddAccessService(Router& router, const ServiceOptions& options) {
  AddMethod(router, "CreateAccessGrant", options.access, &Create);
  AddMethod(router, "ListAccessGrants", options.access, &List);
  AddMethod(router, "RevokeAccessGrant", options.access, &Revoke);
  router.AddUnary(kService, "GetCaller", &AnswerCaller);
}

}  // namespace credence::server
