#include "access/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "convert/json_text.h"
#include "convert/time.h"
#include "credence/base/strings.h"

namespace credence::server {

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return absl::InternalError(Cat(path, ": cannot open: ", std::strerror(errno)));
  }
  return std::unique_ptr<AuditLog>(new AuditLog(fdopen(descriptor, "a")));
}

AuditLog::~AuditLog() {
  {
    absl::MutexLock lock(&mutex_);
    WriteLeftOut(absl::Now());
  }
  std::fclose(file_);
}

void AuditLog::Write(const std::string& event, const Fields& fields, absl::Time now) {
  std::string line = Cat("{\"time\":", JsonText(TimeText(now)), ",\"event\":", JsonText(event));
  for (const auto& [name, value] : fields) {
    if (!value.empty()) line += Cat(",", JsonText(name), ":", JsonText(value));
  }
  line += "}\n";
  // One call for each line, so that no line is torn by another.
  std::fwrite(line.data(), 1, line.size(), file_);
  std::fflush(file_);
}

void AuditLog::WriteLeftOut(absl::Time now) {
  if (left_out_count_ == 0) return;
  Write("refusals_left_out", {{"count", Cat(left_out_count_)}}, now);
  left_out_count_ = 0;
}

void AuditLog::NoteAct(const std::string& event, const Fields& fields, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  WriteLeftOut(now);
  Write(event, fields, now);
  fdatasync(fileno(file_));
}

void AuditLog::NoteRefusal(const Fields& fields, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const int64_t second = absl::ToUnixSeconds(now);
  if (second != second_) {
    second_ = second;
    refusal_count_ = 0;
    WriteLeftOut(now);
  }
  if (++refusal_count_ > kRefusalsPerSecondMax) {
    ++left_out_count_;
    return;
  }
  Write("refused", fields, now);
}

}  // namespace credence::server
