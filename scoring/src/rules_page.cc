#include <string>

#include "absl/strings/str_cat.h"
#include "credence/base/strings.h"
#include "credence/scoring/measures.h"
#include "credence/scoring/rules.h"
#include "rule_table.h"

namespace credence::scoring {
namespace {

constexpr std::string_view kIntroduction = R"(# Scoring rules

Made from the registry of rules by `credence score rules --markdown`; change it there.

A rule id says everything that changes a number: half or full Brier score, floor of the logarithm,
which forecasts count over time, with whom a score is compared. Scores of different ids are
different quantities and are never averaged together. A correction that changes numbers under an id
raises its version.

In the formulas f is the forecast, o the outcome's shares (1 for what happened, 0 else; a yes/no
question may settle at a fraction), j the state that happened, K the number of states, F and O the
sums of f and o over states in order.

For all rules: a forecast is in force from its time (included) to the next one or its withdrawal
(excluded). Void, ambiguous and annulled questions are never scored. Where a rule finds no forecast
it gives no score, which is not 0. Each check value is computed by the tests.

)";

std::string_view Direction(const Rule& rule) {
  return rule.orientation == Orientation::kLowerIsBetter ? "lower is better" : "higher is better";
}

void AppendRule(const Rule& rule, std::string& page) {
  page += Cat("## ", rule.id, "\n\n", rule.convention, "\n\n");
  page += Cat("- Formula: `", rule.formula, "`\n");
  page += Cat("- Range: ", rule.range, "; ", Direction(rule), "\n");
  page += Cat("- Source: ", rule.source, "\n");
  page += Cat("- Trap: ", rule.traps, "\n");
  page += Cat("- Check: ", rule.check, "\n");
  page += Cat("- Version: ", rule.version, "\n\n");
}

constexpr std::string_view kMeasuresIntroduction = R"(## Other measures

What is computed beside the rules, by `score get`, `score calibration`, `score compare`, `score
leaderboard` and `score file`. Named and versioned as the rules are.

)";

void AppendMeasure(const Measure& measure, std::string& page) {
  page += Cat("### ", measure.id, "\n\n", measure.convention, "\n\n");
  page += Cat("- Formula: `", measure.formula, "`\n");
  page += Cat("- Range: ", measure.range, "\n");
  page += Cat("- Source: ", measure.source, "\n");
  page += Cat("- Trap: ", measure.traps, "\n");
  page += Cat("- Check: ", measure.check, "\n");
  page += Cat("- Version: ", measure.version, "\n\n");
}

}  // namespace

std::string RulesPage() {
  std::string page(kIntroduction);
  page += "| rule | range | direction |\n|---|---|---|\n";
  for (const Rule& rule : RuleTable()) {
    std::string anchor;
    for (const char letter : rule.id) {
      if (letter != '.') anchor += letter;
    }
    page +=
        Cat("| [`", rule.id, "`](#", anchor, ") | ", rule.range, " | ", Direction(rule), " |\n");
  }
  page += "\n";
  for (const Rule& rule : RuleTable()) AppendRule(rule, page);
  page += kMeasuresIntroduction;
  for (const Measure& measure : AllMeasures()) AppendMeasure(measure, page);
  page.pop_back();
  return page;
}

}  // namespace credence::scoring
