#include "decide/relations.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "decide/checks.h"

namespace credence::server {
namespace {

absl::StatusOr<std::vector<std::string>> ReadIds(
    const State& state, std::string_view own_id,
    const google::protobuf::RepeatedPtrField<std::string>& names, const std::string& field) {
  if (names.size() > kRelationCountMax) {
    return InvalidField(
        "FIELD_INVALID", field,
        Cat("names ", names.size(), " questions; at most ", kRelationCountMax, " are taken"));
  }
  std::vector<std::string> ids;
  for (int i = 0; i < names.size(); ++i) {
    const std::string path = Cat(field, "[", i, "]");
    CREDENCE_ASSIGN_OR_RETURN(std::string id, ParseName(names.Get(i), "questions", path));
    if (id == own_id) return InvalidField("FIELD_INVALID", path, "names the question itself");
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) {
      return InvalidField("FIELD_INVALID", path, "names a question twice");
    }
    const QuestionState* named = state.questions.Find(id);
    if (named == nullptr) return NotFound(names.Get(i));
    if (named->numeric) {
      return InvalidField("FIELD_INVALID", path,
                          "names a question that asks for a number, which has no first state");
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace

absl::StatusOr<QuestionRelations> ReadRelations(const State& state, std::string_view id,
                                                bool numeric, const v1::Question& question) {
  QuestionRelations relations;
  CREDENCE_ASSIGN_OR_RETURN(relations.implied, ReadIds(state, id, question.implied_questions(),
                                                       "question.implied_questions"));
  CREDENCE_ASSIGN_OR_RETURN(relations.conjuncts,
                            ReadIds(state, id, question.conjuncts(), "question.conjuncts"));
  if (relations.conjuncts.size() == 1) {
    return InvalidField("FIELD_INVALID", "question.conjuncts",
                        "names one question; a conjunction has two at least");
  }
  if (numeric && !relations.empty()) {
    return InvalidField(
        "FIELD_INVALID",
        relations.implied.empty() ? "question.conjuncts" : "question.implied_questions",
        "must be left out: the question asks for a number");
  }
  return relations;
}

}  // namespace credence::server
