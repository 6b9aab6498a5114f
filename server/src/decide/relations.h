#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/v1/question.pb.h"
#include "state/state.h"

// What may be declared of how questions hang together.
namespace credence::server {

inline constexpr int kRelationCountMax = 64;

// The relations that `question`, whose id is `id`, declares. INVALID_ARGUMENT at
// `question.implied_questions[i]` and `question.conjuncts[i]` for a malformed name, a question that
// is named twice or names itself, and one that asks for a number, as well as for a single conjunct;
// NOT_FOUND for a question that does not exist.
[[nodiscard]] absl::StatusOr<QuestionRelations> ReadRelations(const State& state,
                                                              std::string_view id, bool numeric,
                                                              const v1::Question& question);

// Puts them in an event.
template <typename Payload>
void SetRelations(const QuestionRelations& relations, Payload& payload) {
  payload.mutable_implied_questions()->Assign(relations.implied.begin(), relations.implied.end());
  payload.mutable_conjuncts()->Assign(relations.conjuncts.begin(), relations.conjuncts.end());
}

}  // namespace credence::server
