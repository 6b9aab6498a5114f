#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "score_reports.h"

// `credence score compare SUBJECT SUBJECT...`
namespace credence::cli {
namespace {

Table ComparisonTable(const v1::CompareForecastersResponse& response) {
  Table table({{"LEFT"},
               {"RIGHT"},
               {"QUESTIONS", Table::Align::kRight},
               {"LEFT MEAN", Table::Align::kRight},
               {"RIGHT MEAN", Table::Align::kRight},
               {"DIFFERENCE", Table::Align::kRight},
               {"FROM", Table::Align::kRight},
               {"TO", Table::Align::kRight},
               {"P", Table::Align::kRight},
               {"P OF MANY", Table::Align::kRight},
               {"DM", Table::Align::kRight},
               {"DM P", Table::Align::kRight},
               {"SKILL", Table::Align::kRight},
               {"COVERAGE"}});
  for (const v1::ForecasterComparison& pair : response.comparisons()) {
    table.AddRow(
        {pair.left(),
         pair.right(),
         absl::StrCat(pair.question_count()),
         OptionalCell(pair.has_left_mean(), pair.left_mean()),
         OptionalCell(pair.has_right_mean(), pair.right_mean()),
         OptionalCell(pair.has_difference(), pair.difference()),
         OptionalCell(pair.has_low(), pair.low()),
         OptionalCell(pair.has_high(), pair.high()),
         OptionalCell(pair.has_p_value(), pair.p_value()),
         OptionalCell(pair.has_adjusted_p_value(), pair.adjusted_p_value()),
         OptionalCell(pair.has_diebold_mariano(), pair.diebold_mariano()),
         OptionalCell(pair.has_diebold_mariano_p_value(), pair.diebold_mariano_p_value()),
         OptionalCell(pair.has_skill(), pair.skill()),
         {absl::StrCat(Percent(pair.left_coverage()), " / ", Percent(pair.right_coverage())),
          absl::StrCat(Exact(pair.left_coverage()), " ", Exact(pair.right_coverage()))}});
  }
  return table;
}

}  // namespace

void AddScoreCompare(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::vector<std::string> subjects;
    std::string rule = "brier.half.timeweighted";
    ScoreFilterFlags filter;
    int64_t resample_count = 0;
    int64_t seed = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "compare", "Say whether one subject's lead over another is luck",
      [&context, flags]() -> absl::Status {
        v1::CompareForecastersRequest request;
        for (const std::string& subject : flags->subjects) {
          request.add_subjects(SubjectName(subject));
        }
        request.set_rule(flags->rule);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_filter(),
                                  MakeScoreFilter(context, flags->filter));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        request.set_resample_count(flags->resample_count);
        request.set_seed(flags->seed);
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::CompareForecastersResponse>(
                                                           context, std::move(request)));
        Presentation presentation;
        presentation.items = "comparisons";
        presentation.table = [&] { return ComparisonTable(response); };
        presentation.text = [&](std::ostream& out) {
          ComparisonTable(response).WriteText(out);
          out << response.rule() << ", " << (response.lower_is_better() ? "lower" : "higher")
              << " is better: " << response.description() << "\n"
              << SettlementText(response.settlement()) << "\n";
          int64_t across_versions = 0;
          for (const v1::ForecasterComparison& pair : response.comparisons()) {
            across_versions = std::max(across_versions, pair.across_versions_count());
          }
          out << AcrossVersionsText(across_versions);
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("SUBJECT", flags->subjects,
                   "Two or more of forecasters, model, pools/median, pools/log, sources/SOURCE and "
                   "base-rate")
      ->required()
      ->expected(2, 50);
  verb->add_option("--rule", flags->rule, "Rule id")->capture_default_str();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--resamples", flags->resample_count,
                   "Resamples of the questions; 1999 where absent");
  verb->add_option("--seed", flags->seed, "Seed of the resamples");
}

}  // namespace credence::cli
