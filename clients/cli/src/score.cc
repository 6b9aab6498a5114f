#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"

namespace credence::cli {
namespace {

// A forecaster's id stands for its full name; the model and the pools have names of their own.
std::string SubjectName(const std::string& subject) {
  return subject == "model" ? subject : NameIn("forecasters", subject);
}

Table::Cell MeanCell(bool finite, double mean) {
  return finite ? Table::Cell(Rounded(mean), Exact(mean)) : Table::Cell("infinite", "");
}

Table ScorecardTable(const v1::GetScorecardResponse& response) {
  Table table({{"RULE"},
               {"MEAN", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"BETTER"},
               {"KIND"}});
  const auto add = [&table](const v1::RuleAverage& average, const char* kind) {
    table.AddRow({average.rule(), MeanCell(average.has_mean(), average.mean()),
                  absl::StrCat(average.question_count()),
                  average.lower_is_better() ? "lower" : "higher", kind});
  };
  for (const v1::RuleAverage& average : response.live()) add(average, "live");
  for (const v1::RuleAverage& average : response.backfilled()) add(average, "backfilled");
  return table;
}

void AddGet(CLI::App* noun, CliContext& context) {
  auto subject = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      noun, context, "get", "Show the average scores of one subject",
      [&context, subject]() -> absl::Status {
        v1::GetScorecardRequest request;
        request.set_subject(SubjectName(*subject));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetScorecardResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return ScorecardTable(response); };
        presentation.text = [&](std::ostream& out) {
          ScorecardTable(response).WriteText(out);
          out << response.subject() << ", mean coverage " << Percent(response.coverage()) << "\n";
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("SUBJECT", *subject, "Forecaster, model, pools/median or pools/log")->required();
}

Table LeaderboardTable(const v1::GetLeaderboardResponse& response) {
  Table table({{"RANK", Table::Align::kRight},
               {"SUBJECT"},
               {"MEAN", Table::Align::kRight},
               {"QUESTIONS", Table::Align::kRight},
               {"COVERAGE", Table::Align::kRight}});
  for (const v1::LeaderboardEntry& entry : response.entries()) {
    table.AddRow({absl::StrCat(entry.rank()),
                  entry.subject(),
                  MeanCell(entry.has_mean(), entry.mean()),
                  absl::StrCat(entry.question_count()),
                  {Percent(entry.coverage()), Exact(entry.coverage())}});
  }
  return table;
}

void AddLeaderboard(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string rule = "brier.half.timeweighted";
    std::string tag;
    bool backfilled = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "leaderboard", "Rank subjects by one rule",
      [&context, flags]() -> absl::Status {
        v1::GetLeaderboardRequest request;
        request.set_rule(flags->rule);
        request.set_tag(flags->tag);
        request.set_backfilled(flags->backfilled);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetLeaderboardResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = "entries";
        presentation.table = [&] { return LeaderboardTable(response); };
        presentation.text = [&](std::ostream& out) {
          LeaderboardTable(response).WriteText(out);
          out << response.rule() << ": " << response.description()
              << (flags->backfilled ? "; backfilled scores" : "; live scores") << "\n";
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("--rule", flags->rule, "Rule id")->capture_default_str();
  verb->add_option("--tag", flags->tag, "Only questions with this tag");
  verb->add_flag("--backfilled", flags->backfilled, "Rank backfilled scores instead of live ones");
}

Table ScoreTable(const v1::ListScoresResponse& response) {
  Table table({{"QUESTION"},
               {"VERSION", Table::Align::kRight},
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
    std::string question, subject;
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
  AddListFlags(verb, &flags->list);
}

}  // namespace

void AddScoreCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "score", "How good the forecasts were");
  AddGet(noun, context);
  AddLeaderboard(noun, context);
  AddList(noun, context);
}

}  // namespace credence::cli
