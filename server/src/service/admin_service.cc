#include <memory>

#include "backtest/jobs.h"
#include "credence/base/status_macros.h"
#include "credence/v1/admin_service.pb.h"
#include "service/backup_stream.h"
#include "service/erase.h"
#include "service/parse.h"
#include "service/router.h"
#include "service/services.h"

namespace credence::server {
namespace {

constexpr std::string_view kService = "credence.v1.AdminService";

template <typename Response>
absl::StatusOr<std::string> Serialize(absl::StatusOr<v1::BacktestJob> job) {
  if (!job.ok()) return job.status();
  Response response;
  *response.mutable_job() = *std::move(job);
  return response.SerializeAsString();
}

}  // namespace

void AddAdminService(Router& router, Engine& engine, const ServiceOptions& options) {
  const auto backups = std::make_shared<BackupRunner>(&engine.log(), options.backup_directory);
  router.AddStream(
      kService, "CreateBackup",
      [backups](const CallContext&,
                std::string_view bytes) -> absl::StatusOr<std::unique_ptr<MessageSource>> {
        v1::CreateBackupRequest request;
        CREDENCE_RETURN_IF_ERROR(ParseRequest(bytes, request));
        return backups->Begin(request);
      });
  router.AddUnary(kService, "EraseTexts",
                  [&engine](const CallContext&, std::string_view bytes, const Answer& answer) {
                    EraseTexts(engine, bytes, answer);
                  });
  const auto jobs = std::make_shared<BacktestJobs>(&engine);
  router.AddUnary(
      kService, "CreateBacktestJob",
      [jobs](const CallContext&, std::string_view bytes, Answer answer) {
        v1::CreateBacktestJobRequest request;
        if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) {
          return answer(parsed);
        }
        answer(Serialize<v1::CreateBacktestJobResponse>(jobs->Create(request.backtest())));
      });
  router.AddUnary(kService, "GetBacktestJob",
                  [jobs](const CallContext&, std::string_view bytes, Answer answer) {
                    v1::GetBacktestJobRequest request;
                    if (absl::Status parsed = ParseRequest(bytes, request); !parsed.ok()) {
                      return answer(parsed);
                    }
                    answer(Serialize<v1::GetBacktestJobResponse>(jobs->Get(request.name())));
                  });
}

}  // namespace credence::server
