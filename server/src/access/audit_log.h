#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

// Who was refused what, and what admins did: one line of JSON each, appended to a file. No line
// holds a token or a part of one.
//
// Thread-safe.
namespace credence::server {

class AuditLog {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // Refusals that are written out within one second; the rest of that second is counted in one
  // line, so that a flood of them does not fill the disk.
  static constexpr int64_t kRefusalsPerSecondMax = 100;

  // INTERNAL where the file cannot be opened. It is made for its owner only.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& path);
  // Counts what was left out.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // What an admin did, or what changed about who may do what: on disk when this returns.
  void NoteAct(const std::string& event, const Fields& fields, absl::Time now);

  void NoteRefusal(const Fields& fields, absl::Time now);

 private:
  explicit AuditLog(std::FILE* file) : file_(file) {}

  void Write(const std::string& event, const Fields& fields, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteLeftOut(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::FILE* const file_;
  int64_t second_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refusal_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t left_out_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace credence::server
