#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "score_reports.h"

namespace credence::cli {

std::string SubjectName(const std::string& subject) {
  return subject == "model" ? subject : NameIn("forecasters", subject);
}

Table::Cell MeanCell(bool finite, double mean) {
  return finite ? Table::Cell(Rounded(mean), Exact(mean)) : Table::Cell("infinite", "");
}

Table::Cell OptionalCell(bool present, double value) {
  return present ? Table::Cell(Rounded(value), Exact(value)) : Table::Cell("");
}

std::string SettlementText(const v1::Settlement& settlement) {
  return absl::StrCat(settlement.ended_count(), " questions ended, ", settlement.scored_count(),
                      " scored, ", settlement.void_count(), " void, ", settlement.ambiguous_count(),
                      " ambiguous, ", settlement.annulled_count(), " annulled: void rate ",
                      Percent(settlement.void_rate()));
}

void AddScoreFilterFlags(CLI::App* command, ScoreFilterFlags* flags) {
  command->add_option("--tag", flags->tag, "Only questions with this tag");
  command->add_option("--effective-time", flags->effective_time,
                      "Scores that were in force at this time");
  command->add_flag("--backfilled", flags->backfilled,
                    "Scores of history that was loaded later instead of live ones");
}

absl::StatusOr<v1::ScoreFilter> MakeScoreFilter(const CliContext& context,
                                                const ScoreFilterFlags& flags) {
  v1::ScoreFilter filter;
  filter.set_tag(flags.tag);
  filter.set_backfilled(flags.backfilled);
  CREDENCE_ASSIGN_OR_RETURN(const auto time,
                            TimeFlag(context, "--effective-time", flags.effective_time));
  if (time) *filter.mutable_effective_time() = *time;
  return filter;
}

namespace {

Table ScorecardTable(const v1::GetScorecardResponse& response) {
  Table table({{"RULE"},
               {"MEAN", Table::Align::kRight},
               {"+-", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"COVERAGE", Table::Align::kRight},
               {"BETTER"},
               {"KIND"}});
  const auto add = [&table](const v1::RuleAverage& average, const char* kind) {
    table.AddRow({average.rule(),
                  MeanCell(average.has_mean(), average.mean()),
                  OptionalCell(average.has_standard_error(), average.standard_error()),
                  absl::StrCat(average.question_count()),
                  {Percent(average.coverage()), Exact(average.coverage())},
                  average.lower_is_better() ? "lower" : "higher",
                  kind});
  };
  for (const v1::RuleAverage& average : response.live()) add(average, "live");
  for (const v1::RuleAverage& average : response.backfilled()) add(average, "backfilled");
  return table;
}

Table TagTable(const v1::GetScorecardResponse& response) {
  Table table({{"TAG"},
               {"MEAN", Table::Align::kRight},
               {"+-", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"COVERAGE", Table::Align::kRight}});
  for (const v1::TagAverage& tag : response.tags()) {
    const v1::RuleAverage& average = tag.average();
    table.AddRow({tag.tag(),
                  MeanCell(average.has_mean(), average.mean()),
                  OptionalCell(average.has_standard_error(), average.standard_error()),
                  absl::StrCat(average.question_count()),
                  {Percent(average.coverage()), Exact(average.coverage())}});
  }
  return table;
}

struct GetFlags {
  std::string subject;
  std::string detail_rule;
  ScoreFilterFlags filter;
};

void WriteScorecard(const CliContext& context, const v1::GetScorecardResponse& response,
                    const GetFlags& flags, std::ostream& out) {
  ScorecardTable(response).WriteText(out);
  out << response.subject() << ", mean coverage " << Percent(response.coverage()) << "\n"
      << SettlementText(response.settlement()) << "\n";
  if (flags.detail_rule.empty()) return;
  out << "\n"
      << flags.detail_rule << (flags.filter.backfilled ? ", backfilled" : ", live") << " scores\n";
  if (!response.tags().empty()) TagTable(response).WriteText(out);
  DiagramStyle style;
  style.height = 12;
  style.unicode = context.environment().unicode;
  WriteScoreHistory(response.history(), style, out);
}

void AddGet(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "get", "Show the average scores of one subject",
      [&context, flags]() -> absl::Status {
        v1::GetScorecardRequest request;
        request.set_subject(SubjectName(flags->subject));
        request.set_tag(flags->filter.tag);
        request.set_detail_rule(flags->detail_rule);
        request.set_detail_backfilled(flags->filter.backfilled);
        CREDENCE_ASSIGN_OR_RETURN(const auto filter, MakeScoreFilter(context, flags->filter));
        if (filter.has_effective_time()) {
          *request.mutable_effective_time() = filter.effective_time();
        }
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetScorecardResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return ScorecardTable(response); };
        presentation.text = [&](std::ostream& out) {
          WriteScorecard(context, response, *flags, out);
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("SUBJECT", flags->subject, "Forecaster, model, pools/median or pools/log")
      ->required();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--details", flags->detail_rule,
                   "Rule id whose average is also shown by tag and over time");
}

Table LeaderboardTable(const v1::GetLeaderboardResponse& response) {
  Table table({{"RANK", Table::Align::kRight},
               {"SUBJECT"},
               {"MEAN", Table::Align::kRight},
               {"+-", Table::Align::kRight},
               {"FROM", Table::Align::kRight},
               {"TO", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"COVERAGE", Table::Align::kRight},
               {"NEVER REVEALED", Table::Align::kRight}});
  for (const v1::LeaderboardEntry& entry : response.entries()) {
    table.AddRow({absl::StrCat(entry.rank()),
                  entry.subject(),
                  MeanCell(entry.has_mean(), entry.mean()),
                  OptionalCell(entry.has_standard_error(), entry.standard_error()),
                  OptionalCell(entry.has_low(), entry.low()),
                  OptionalCell(entry.has_high(), entry.high()),
                  absl::StrCat(entry.question_count()),
                  {Percent(entry.coverage()), Exact(entry.coverage())},
                  entry.has_seals() ? absl::StrCat(entry.seals().unrevealed_count()) : ""});
  }
  return table;
}

struct LeaderboardFlags {
  std::string rule = "brier.half.timeweighted";
  std::string kind;
  ScoreFilterFlags filter;
  int64_t question_count_min = 0;
  int64_t resample_count = 0;
  int64_t seed = 0;
};

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
  request.set_question_count_min(flags.question_count_min);
  request.set_resample_count(flags.resample_count);
  request.set_seed(flags.seed);
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
  return request;
}

void WriteLeaderboard(const v1::GetLeaderboardResponse& response, const LeaderboardFlags& flags,
                      std::ostream& out) {
  LeaderboardTable(response).WriteText(out);
  out << response.rule() << ": " << response.description()
      << (flags.filter.backfilled ? "; backfilled scores" : "; live scores") << "\n"
      << SettlementText(response.settlement()) << "\n";
  if (!response.has_version()) return;
  const v1::LeaderboardVersion& version = response.version();
  out << "version " << version.version() << ", by the scores of " << IdOf(version.question())
      << " at position " << version.position() << " (cause: position " << version.cause_position()
      << "), in force since " << FormatInstant(version.effective_time()) << "\n";
}

void AddLeaderboard(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<LeaderboardFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "leaderboard", "Rank subjects by one rule",
      [&context, flags]() -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(auto request, MakeLeaderboardRequest(context, *flags));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetLeaderboardResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = "entries";
        presentation.table = [&] { return LeaderboardTable(response); };
        presentation.text = [&](std::ostream& out) { WriteLeaderboard(response, *flags, out); };
        return Emit(context, response, presentation);
      });
  verb->add_option("--rule", flags->rule, "Rule id")->capture_default_str();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--kind", flags->kind, "Only subjects of this kind: forecaster, model or pool");
  verb->add_option("--questions-min", flags->question_count_min,
                   "Only subjects with at least so many questions");
  verb->add_option("--resamples", flags->resample_count,
                   "Resamples of the questions for an interval of each mean");
  verb->add_option("--seed", flags->seed, "Seed of the resamples");
}

Table ScoreTable(const v1::ListScoresResponse& response) {
  Table table({{"QUESTION"},
               {"VERSION", Table::Align::kRight},
               {"IN FORCE SINCE"},
               {"CAUSE", Table::Align::kRight},
               {"OUTCOME"},
               {"SUBJECT"},
               {"RULE"},
               {"SCORE", Table::Align::kRight},
               {"COVERAGE", Table::Align::kRight},
               {"KIND"}});
  for (const v1::Score& score : response.scores()) {
    for (const auto& rule : score.scores()) {
      table.AddRow({IdOf(score.question()),
                    absl::StrCat(score.score_version()),
                    FormatInstant(score.effective_time()),
                    absl::StrCat(score.cause_position()),
                    score.outcome(),
                    score.subject(),
                    rule.rule(),
                    MeanCell(rule.has_value(), rule.value()),
                    {Percent(score.coverage()), Exact(score.coverage())},
                    score.backfilled() ? "backfilled" : "live"});
    }
  }
  return table;
}

void AddList(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string question, subject, effective_time;
    bool all_versions = false;
    ListFlags list;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerb(noun, context, "list", "List scores", [&context, flags]() -> absl::Status {
        v1::ListScoresRequest request;
        request.set_question(NameIn("questions", flags->question));
        if (!flags->subject.empty()) request.set_subject(SubjectName(flags->subject));
        request.set_all_versions(flags->all_versions);
        CREDENCE_ASSIGN_OR_RETURN(const auto time,
                                  TimeFlag(context, "--effective-time", flags->effective_time));
        if (time) *request.mutable_effective_time() = *time;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListScoresResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "scores", request, response));
        Presentation presentation{"scores", [&] { return ScoreTable(response); }, nullptr};
        return Emit(context, response, presentation);
      });
  verb->add_option("--question", flags->question, "Only of this question");
  verb->add_option("--subject", flags->subject, "Only of this subject");
  verb->add_flag("--all-versions", flags->all_versions,
                 "Also scores that an amendment or annulment ended");
  verb->add_option("--effective-time", flags->effective_time,
                   "Scores that were in force at this time");
  AddListFlags(verb, &flags->list);
}

}  // namespace

void AddScoreCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "score", "How good the forecasts were");
  AddGet(noun, context);
  AddLeaderboard(noun, context);
  AddScoreCalibration(noun, context);
  AddScoreCompare(noun, context);
  AddList(noun, context);
}

}  // namespace credence::cli
