#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What an import keeps of ForecastBench's question, resolution and forecast sets beside what the
// ledger gives a meaning to, so that `extract forecastbench` writes the sets back.
//
// A question and each forecast has as attributes the members of its entry, those of the set itself
// with kSetPrefix before them, and kJsonMembers. A resolution has no attributes: its rationale says
// which set states it.
namespace credence::cli {

inline constexpr const char* kSetPrefix = "set.";
// The name of the question set that an entry belongs to.
inline constexpr const char* kQuestionSet = "set.question_set";
// The attribute that lists the members which were no texts and stand there as JSON.
inline constexpr const char* kJsonMembers = "json_members";
// Another set that holds the question: the members of that set as JSON.
inline constexpr const char* kOtherSet = "other_set";

// Where a resolution set states how a question ended.
struct SetEnd {
  std::string question_set;
  std::string due_date;
  // At least one, as YYYY-MM-DD.
  std::vector<std::string> dates;
};

// "Resolved in question set Q, forecasts due D, at DATE, DATE".
[[nodiscard]] std::string SetEndText(const SetEnd& end);
// The reverse; nothing where a rationale says something else.
[[nodiscard]] std::optional<SetEnd> ParseSetEnd(std::string_view rationale);

}  // namespace credence::cli
