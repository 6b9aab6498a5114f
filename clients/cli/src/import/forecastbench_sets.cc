#include "import/forecastbench_sets.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace credence::cli {
namespace {

constexpr std::string_view kSet = "Resolved in question set ";
constexpr std::string_view kDue = ", forecasts due ";
constexpr std::string_view kAt = ", at ";

}  // namespace

std::string SetEndText(const SetEnd& end) {
  std::string text;
  text.append(kSet).append(end.question_set).append(kDue).append(end.due_date).append(kAt);
  return text + absl::StrJoin(end.dates, ", ");
}

std::optional<SetEnd> ParseSetEnd(std::string_view rationale) {
  if (rationale.substr(0, kSet.size()) != kSet) return std::nullopt;
  const size_t at = rationale.rfind(kAt);
  const size_t due = rationale.rfind(kDue, at);
  if (at == std::string_view::npos || due == std::string_view::npos) return std::nullopt;
  const size_t due_begin = due + kDue.size();
  return SetEnd{.question_set = std::string(rationale.substr(kSet.size(), due - kSet.size())),
                .due_date = std::string(rationale.substr(due_begin, at - due_begin)),
                .dates = absl::StrSplit(std::string(rationale.substr(at + kAt.size())), ", ")};
}

}  // namespace credence::cli
