#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "credence/base/error.h"

namespace credence::forecaster {

// Gathers everything wrong with an input, up to a limit, so that a caller can mend it in one go.
class Violations {
 public:
  void Add(std::string_view reason, std::string field, std::string description);

  // Adds the fields of an INVALID_ARGUMENT status below `prefix`, which may be empty.
  void AddStatus(const absl::Status& status, std::string_view prefix);

  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] bool full() const;

  // OK when empty. The message is the first violation and how many more there are.
  [[nodiscard]] absl::Status ToStatus() const;

 private:
  std::string reason_;
  std::vector<FieldViolation> fields_;
};

}  // namespace credence::forecaster
