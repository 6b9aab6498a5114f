#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "score_reports.h"

// `credence score leaderboard`
namespace credence::cli {
namespace {

struct LeaderboardFlags {
  std::string rule = "brier.half.timeweighted";
  std::string kind;
  std::string reference;
  bool adjusted = false;
  ScoreFilterFlags filter;
  int64_t question_count_min = 0;
  int64_t resample_count = 0;
  int64_t seed = 0;
};

// With columns for what was asked for besides.
Table LeaderboardTable(const v1::GetLeaderboardResponse& response, const LeaderboardFlags& flags) {
  std::vector<Table::Column> columns = {
      {"RANK", Table::Align::kRight}, {"SUBJECT"},
      {"MEAN", Table::Align::kRight}, {"+-", Table::Align::kRight},
      {"FROM", Table::Align::kRight}, {"TO", Table::Align::kRight}};
  const auto add_column = [&columns](const char* title) {
    columns.push_back({title, Table::Align::kRight});
  };
  if (!flags.reference.empty()) add_column("SKILL");
  if (flags.adjusted) add_column("ADJUSTED");
  if (flags.adjusted) add_column("BRIER INDEX");
  add_column("QUESTIONS");
  add_column("COVERAGE");
  add_column("NEVER REVEALED");
  Table table(std::move(columns));
  for (const v1::LeaderboardEntry& entry : response.entries()) {
    std::vector<Table::Cell> cells = {
        absl::StrCat(entry.rank()),
        entry.subject(),
        MeanCell(entry.has_mean(), entry.mean()),
        OptionalCell(entry.has_standard_error(), entry.standard_error()),
        OptionalCell(entry.has_low(), entry.low()),
        OptionalCell(entry.has_high(), entry.high())};
    if (!flags.reference.empty()) {
      cells.push_back(OptionalCell(entry.skill().has_skill(), entry.skill().skill()));
    }
    if (flags.adjusted) {
      cells.push_back(OptionalCell(entry.has_adjusted(), entry.adjusted()));
      cells.push_back(OptionalCell(entry.has_brier_index(), entry.brier_index()));
    }
    cells.emplace_back(absl::StrCat(entry.question_count()));
    cells.emplace_back(Percent(entry.coverage()), Exact(entry.coverage()));
    cells.emplace_back(entry.has_seals() ? absl::StrCat(entry.seals().unrevealed_count()) : "");
    table.AddRow(std::move(cells));
  }
  return table;
}

absl::StatusOr<v1::GetLeaderboardRequest> MakeLeaderboardRequest(const CliContext& context,
                                                                 const LeaderboardFlags& flags) {
  v1::GetLeaderboardRequest request;
  request.set_rule(flags.rule);
  request.set_tag(flags.filter.tag);
  request.set_backfilled(flags.filter.backfilled);
  CREDENCE_ASSIGN_OR_RETURN(const auto filter, MakeScoreFilter(context, flags.filter));
  if (filter.has_effective_time()) *request.mutable_effective_time() = filter.effective_time();
  if (!flags.kind.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(
        const int kind, ParseEnum(event::v1::ScoreSubjectKind_descriptor(), "--kind", flags.kind));
    request.set_kind(static_cast<event::v1::ScoreSubjectKind>(kind));
  }
  if (!flags.reference.empty()) request.set_reference(SubjectName(flags.reference));
  request.set_difficulty_adjusted(flags.adjusted);
  request.set_question_count_min(flags.question_count_min);
  request.set_resample_count(flags.resample_count);
  request.set_seed(flags.seed);
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
  return request;
}

void WriteLeaderboard(const v1::GetLeaderboardResponse& response, const LeaderboardFlags& flags,
                      std::ostream& out) {
  LeaderboardTable(response, flags).WriteText(out);
  out << response.rule() << ": " << response.description()
      << (flags.filter.backfilled ? "; backfilled scores" : "; live scores") << "\n"
      << SettlementText(response.settlement()) << "\n";
  if (!flags.reference.empty()) {
    out << "skill against " << flags.reference << ", on the questions that both have\n";
  }
  int64_t across_versions = 0;
  for (const v1::LeaderboardEntry& entry : response.entries()) {
    across_versions = std::max(across_versions, entry.across_versions_count());
  }
  out << AcrossVersionsText(across_versions);
  if (!response.has_version()) return;
  const v1::LeaderboardVersion& version = response.version();
  out << "version " << version.version() << ", by the scores of " << IdOf(version.question())
      << " at position " << version.position() << " (cause: position " << version.cause_position()
      << "), in force since " << FormatInstant(version.effective_time()) << "\n";
}

}  // namespace

void AddScoreLeaderboard(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<LeaderboardFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "leaderboard", "Rank subjects by one rule",
      [&context, flags]() -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(auto request, MakeLeaderboardRequest(context, *flags));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetLeaderboardResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = "entries";
        presentation.table = [&] { return LeaderboardTable(response, *flags); };
        presentation.text = [&](std::ostream& out) { WriteLeaderboard(response, *flags, out); };
        return Emit(context, response, presentation);
      });
  verb->add_option("--rule", flags->rule, "Rule id")->capture_default_str();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--kind", flags->kind,
                   "Only subjects of this kind: forecaster, model, pool or source");
  verb->add_option("--reference", flags->reference,
                   "Also each one's skill against a subject, or base-rate");
  verb->add_flag(
      "--difficulty-adjusted", flags->adjusted,
      "Also the half Brier score adjusted for how hard each one's questions were, and the "
      "Brier Index");
  verb->add_option("--questions-min", flags->question_count_min,
                   "Only subjects with at least so many questions");
  verb->add_option("--resamples", flags->resample_count,
                   "Resamples of the questions for an interval of each mean");
  verb->add_option("--seed", flags->seed, "Seed of the resamples");
}

}  // namespace credence::cli
