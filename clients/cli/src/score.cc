#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "score_reports.h"

namespace credence::cli {

std::string SubjectName(const std::string& subject) {
  const bool named = subject == "model" || subject == "base-rate";
  return named ? subject : NameIn("forecasters", subject);
}

std::string AcrossVersionsText(int64_t count) {
  if (count == 0) return "";
  return absl::StrCat(count, count == 1 ? " question" : " questions",
                      " changed materially after forecasts that counted: see `score list`\n");
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

Table SkillTable(const v1::GetScorecardResponse& response) {
  Table table({{"RULE"},
               {"MEAN", Table::Align::kRight},
               {"REFERENCE", Table::Align::kRight},
               {"SKILL", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"COVERAGE"},
               {"KIND"}});
  for (const v1::RuleSkill& skill : response.skills()) {
    table.AddRow(
        {skill.rule(), MeanCell(skill.has_mean(), skill.mean()),
         MeanCell(skill.has_reference_mean(), skill.reference_mean()),
         OptionalCell(skill.has_skill(), skill.skill()), absl::StrCat(skill.question_count()),
         absl::StrCat(Percent(skill.coverage()), " / ", Percent(skill.reference_coverage())),
         skill.backfilled() ? "backfilled" : "live"});
  }
  return table;
}

// Questions of the scorecard that changed; of whatever rule has most of them.
int64_t AcrossVersionsCount(const v1::GetScorecardResponse& response) {
  int64_t live = 0;
  int64_t backfilled = 0;
  for (const v1::RuleAverage& average : response.live()) {
    live = std::max(live, average.across_versions_count());
  }
  for (const v1::RuleAverage& average : response.backfilled()) {
    backfilled = std::max(backfilled, average.across_versions_count());
  }
  return live + backfilled;
}

struct GetFlags {
  std::string subject;
  std::string detail_rule;
  std::string reference;
  ScoreFilterFlags filter;
};

void WriteScorecard(const CliContext& context, const v1::GetScorecardResponse& response,
                    const GetFlags& flags, std::ostream& out) {
  ScorecardTable(response).WriteText(out);
  out << response.subject() << ", mean coverage " << Percent(response.coverage()) << "\n"
      << SettlementText(response.settlement()) << "\n"
      << AcrossVersionsText(AcrossVersionsCount(response));
  if (!flags.reference.empty()) {
    out << "\nskill against " << flags.reference << ", on the questions that both have\n";
    SkillTable(response).WriteText(out);
  }
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
        if (!flags->reference.empty()) request.set_reference(SubjectName(flags->reference));
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
  verb->add_option("SUBJECT", flags->subject,
                   "Forecaster, model, pools/median, pools/log or sources/SOURCE")
      ->required();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--reference", flags->reference,
                   "Also the skill against a subject, or base-rate: the forecast that only knows "
                   "how often the questions came out yes");
  verb->add_option("--details", flags->detail_rule,
                   "Rule id whose average is also shown by tag and over time");
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
                    absl::StrCat(score.backfilled() ? "backfilled" : "live",
                                 score.across_versions() ? ", across versions" : "")});
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
  AddScoreLeaderboard(noun, context);
  AddScoreCalibration(noun, context);
  AddScoreCompare(noun, context);
  AddList(noun, context);
}

}  // namespace credence::cli
