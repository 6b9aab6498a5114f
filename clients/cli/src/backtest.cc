#include <algorithm>
#include <ostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "credence/v1/admin_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "format.h"
#include "output.h"
#include "pool_flags.h"
#include "score_reports.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

struct BacktestFlags {
  std::string rule, tag, against;
  std::vector<std::string> questions, networks, grades;
  std::optional<double> cluster_correlation;
  bool ignore_source_records = false;
  PoolFlags pool;
  int32_t resamples = 0;
  int64_t seed = 0;
};

// "NETWORK=FILE"; the file holds a Network, as `network create` takes it.
absl::Status FillNetwork(CliContext& context, const std::string& text, v1::Backtest* backtest) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
    return UsageError(absl::StrCat("--network: '", text, "' is no NETWORK=FILE"));
  }
  v1::Network network;
  CREDENCE_RETURN_IF_ERROR(ReadMessage(parts[1], context.in(), &network));
  v1::BacktestNetwork& entry = *backtest->add_networks();
  entry.set_network(NameIn("networks", parts[0]));
  *entry.mutable_model() = network.model();
  return absl::OkStatus();
}

absl::Status FillGrade(const std::string& text, v1::Backtest* backtest) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  double probability = 0;
  if (parts.size() != 2 || !absl::SimpleAtod(parts[1], &probability)) {
    return UsageError(absl::StrCat("--grade: '", text, "' is no GRADE=PROBABILITY such as B=0.7"));
  }
  auto& grade = *backtest->add_grades();
  grade.set_grade(parts[0]);
  grade.set_probability(probability);
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateBacktestJobRequest> MakeRequest(CliContext& context,
                                                         const BacktestFlags& flags) {
  v1::CreateBacktestJobRequest request;
  v1::Backtest& backtest = *request.mutable_backtest();
  backtest.set_rule(flags.rule);
  backtest.set_tag(flags.tag);
  backtest.set_against(flags.against);
  for (const std::string& id : flags.questions) backtest.add_questions(NameIn("questions", id));
  for (const std::string& text : flags.networks) {
    CREDENCE_RETURN_IF_ERROR(FillNetwork(context, text, &backtest));
  }
  for (const std::string& text : flags.grades) {
    CREDENCE_RETURN_IF_ERROR(FillGrade(text, &backtest));
  }
  if (flags.cluster_correlation) backtest.set_cluster_correlation(*flags.cluster_correlation);
  backtest.set_ignore_source_records(flags.ignore_source_records);
  if (flags.pool.any()) {
    CREDENCE_ASSIGN_OR_RETURN(*backtest.mutable_pool(), MakePolicy(flags.pool));
  }
  backtest.set_resample_count(flags.resamples);
  backtest.set_seed(flags.seed);
  return request;
}

// Asks until the job has ended, ever more slowly, up to a second. Progress goes to the error
// stream of a terminal.
absl::StatusOr<v1::GetBacktestJobResponse> Await(CliContext& context, const std::string& name) {
  v1::GetBacktestJobRequest request;
  request.set_name(name);
  absl::Duration pause = absl::Milliseconds(20);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::GetBacktestJobResponse>(context, request));
    if (response.job().state() != v1::BacktestJob::STATE_RUNNING) return response;
    if (context.environment().terminal) {
      context.err() << "\r" << Percent(response.job().progress()) << " of the log  " << std::flush;
    }
    absl::SleepFor(pause);
    pause = std::min(2 * pause, absl::Seconds(1));
  }
}

Table::Cell ScoreCell(bool known, double score) {
  if (!known) return {"infinite", ""};
  return {Rounded(score), Exact(score)};
}

Table JobTable(const v1::BacktestJob& job) {
  Table table({{"QUESTION"},
               {"PUBLISHED", Table::Align::kRight},
               {"BACKTESTED", Table::Align::kRight},
               {"DIFFERENCE", Table::Align::kRight},
               {"POSTERIORS", Table::Align::kRight},
               {"KIND"}});
  for (const v1::BacktestQuestion& question : job.questions()) {
    table.AddRow({IdOf(question.question()),
                  ScoreCell(question.has_published_score(), question.published_score()),
                  ScoreCell(question.has_backtested_score(), question.backtested_score()),
                  {question.has_difference() ? Rounded(question.difference()) : "-",
                   question.has_difference() ? Exact(question.difference()) : ""},
                  absl::StrCat(question.posterior_count()),
                  question.backfilled() ? "backfilled" : "live"});
  }
  return table;
}

void WriteJob(const v1::BacktestJob& job, std::ostream& out) {
  if (job.questions().empty()) {
    out << "no question of these has a published score by this rule\n";
    return;
  }
  JobTable(job).WriteText(out);
  const v1::BacktestSummary& summary = job.summary();
  if (job.has_summary()) {
    out << "mean of " << summary.question_count() << " questions: published "
        << Rounded(summary.published_mean()) << ", backtested "
        << Rounded(summary.backtested_mean()) << ", difference " << Rounded(summary.difference())
        << " (95 % interval " << Rounded(summary.difference_lower()) << " to "
        << Rounded(summary.difference_upper()) << "); better on " << summary.better_count() << "; "
        << (summary.lower_is_better() ? "lower" : "higher") << " is better\n"
        << "mean coverage: published " << Percent(summary.published_coverage()) << ", backtested "
        << Percent(summary.backtested_coverage()) << "\n";
  }
  out << SettlementText(job.settlement()) << "\n";
  for (const std::string& name : job.left_out_evidence()) {
    out << "left out, because the other model has no place for it: " << name << "\n";
  }
}

absl::Status Run(CliContext& context, const BacktestFlags& flags) {
  CREDENCE_ASSIGN_OR_RETURN(v1::CreateBacktestJobRequest request, MakeRequest(context, flags));
  CREDENCE_ASSIGN_OR_RETURN(const auto created,
                            CallRpc<v1::CreateBacktestJobResponse>(context, std::move(request)));
  CREDENCE_ASSIGN_OR_RETURN(const auto response, Await(context, created.job().name()));
  if (response.job().state() == v1::BacktestJob::STATE_FAILED) {
    return absl::FailedPreconditionError(
        absl::StrCat("the backtest failed: ", response.job().error()));
  }
  Presentation presentation;
  presentation.table = [&] { return JobTable(response.job()); };
  presentation.text = [&](std::ostream& out) { WriteJob(response.job(), out); };
  return Emit(context, response, presentation);
}

}  // namespace

void AddBacktestCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "backtest", "What other choices would have scored");
  auto flags = std::make_shared<BacktestFlags>();
  CLI::App* verb = AddVerb(noun, context, "run",
                           "Compute every posterior of the past again with another choice, from "
                           "what was recorded by then, and compare the scores",
                           [&context, flags] { return Run(context, *flags); });
  verb->add_option("--network", flags->networks,
                   "NETWORK=FILE: this model in place of the network's; may be repeated");
  verb->add_option("--grade", flags->grades,
                   "GRADE=PROBABILITY in place of every grade table's, such as B=0.7")
      ->delimiter(',');
  verb->add_option("--cluster-correlation", flags->cluster_correlation,
                   "Correlation of every cluster, 0 to 1, whatever its items state");
  verb->add_flag("--ignore-source-records", flags->ignore_source_records,
                 "Let grades stand where a source has a record");
  AddPolicyFlags(verb, &flags->pool);
  verb->add_option("--rule", flags->rule, "Rule of the scores; brier.half.timeweighted if absent");
  verb->add_option("--against", flags->against,
                   "Whose published scores to compare with; model, or of a pool pools/log");
  verb->add_option("--question", flags->questions, "Only this question; may be repeated");
  verb->add_option("--tag", flags->tag, "Only questions with this tag");
  verb->add_option("--resamples", flags->resamples, "Resamples of the interval; 1,999 if absent");
  verb->add_option("--seed", flags->seed, "Seed of the interval; 1 if absent");
}

}  // namespace credence::cli
