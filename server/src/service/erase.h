#pragma once

#include <string_view>

#include "engine/engine.h"
#include "service/router.h"

namespace credence::server {

// Answers AdminService.EraseTexts: records the erasure, and answers when the texts have left the
// files. The engine must outlive the answer.
void EraseTexts(Engine& engine, std::string_view bytes, const Answer& answer);

}  // namespace credence::server
