#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the enclosing function unless it is OK.
#define CREDENCE_RETURN_IF_ERROR(expression)                                    \
  do {                                                                          \
    if (absl::Status credence_status_ = (expression); !credence_status_.ok()) { \
      return credence_status_;                                                  \
    }                                                                           \
  } while (false)

#define CREDENCE_CONCAT_INNER_(a, b) a##b
#define CREDENCE_CONCAT_(a, b) CREDENCE_CONCAT_INNER_(a, b)

// Evaluates `expression`, a StatusOr; declares or assigns `target` from its value, or returns its
// status from the enclosing function.
#define CREDENCE_ASSIGN_OR_RETURN(target, expression) \
  CREDENCE_ASSIGN_OR_RETURN_IMPL_(CREDENCE_CONCAT_(credence_or_, __LINE__), target, expression)
#define CREDENCE_ASSIGN_OR_RETURN_IMPL_(holder, target, expression) \
  auto holder = (expression);                                       \
  if (!holder.ok()) return std::move(holder).status();              \
  target = *std::move(holder)
