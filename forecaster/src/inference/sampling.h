#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/forecaster/engine.h"
#include "inference/findings.h"
#include "inference/model.h"

namespace credence::forecaster {

// Likelihood weighting: each sample draws every variable from its table given those before it, and
// weighs what the findings say of it. Scales that the findings leave out are not in log_weight.
// effective_samples is 0 where all weights are.
//
// Standard errors are those of a ratio of means (delta method): of a probability p
// sqrt(sum w^2 (I - p)^2) / sum w, of ln weight sqrt(N / (N - 1) (sum w^2 / (sum w)^2 - 1 / N)).
//
// Fails only with what `may_go_on` says, which is asked every thousand samples or so.
[[nodiscard]] absl::StatusOr<ApproximateAnswer> SampleByLikelihood(
    const CompiledModel& model, const Findings& findings, const ApproximateOptions& options,
    absl::FunctionRef<absl::Status()> may_go_on);

}  // namespace credence::forecaster
