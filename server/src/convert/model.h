#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "credence/event/v1/network_model.pb.h"
#include "credence/forecaster/evidence.h"
#include "credence/forecaster/network.h"

// Between the stored messages and the forecaster's plain structs. Pure functions.
namespace credence::server {

// The network without any judgement of its numbers; forecaster::Validate does that.
// INVALID_ARGUMENT (FIELD_REQUIRED, TIME_INVALID) with paths relative to the model where a oneof or
// time that the forecaster's struct cannot do without is absent.
[[nodiscard]] absl::StatusOr<forecaster::Network> ToNetwork(std::string_view id,
                                                            const event::v1::NetworkModel& model);

// The item, counting from `effective_time`. INVALID_ARGUMENT with paths relative to the model where
// the grade is malformed or no statement is given.
[[nodiscard]] absl::StatusOr<forecaster::EvidenceItem> ToEvidenceItem(
    std::string_view id, const event::v1::EvidenceModel& model, absl::Time effective_time);

// A grade such as `B2`. INVALID_ARGUMENT for field `grade`.
[[nodiscard]] absl::StatusOr<forecaster::AdmiraltyGrade> ParseGrade(std::string_view grade);

// Replaces the entries of `table` that `grades` names. INVALID_ARGUMENT for one that does not exist
// or is outside [0, 1], at `grades[i]`.
[[nodiscard]] absl::Status ApplyGrades(
    const google::protobuf::RepeatedPtrField<event::v1::GradeProbability>& grades,
    forecaster::GradeTable& table);

}  // namespace credence::server
