#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "credence/v1/inference_service.pb.h"
#include "engine/engine.h"
#include "service/router.h"

namespace credence::server {

// The messages of a watch of coherence alarms: those that stand, then what becomes of them as
// events are recorded. Alarms that come and go between two looks at the state are not told.
// INVALID_ARGUMENT and NOT_FOUND as ReadCoherenceFilter. `engine` must outlive the watch.
[[nodiscard]] absl::StatusOr<std::unique_ptr<MessageSource>> MakeCoherenceWatch(
    Engine& engine, const v1::WatchCoherenceAlarmsRequest& request);

}  // namespace credence::server
