#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "explain.h"
#include "format.h"
#include "history.h"
#include "live_screen.h"
#include "numeric_flags.h"
#include "output.h"
#include "posterior_screen.h"
#include "target.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

Table PosteriorTable(const v1::QueryPosteriorResponse& response) {
  Table table({{"NODE"}, {"STATE"}, {"PROBABILITY", Table::Align::kRight}});
  const auto add = [&table](const v1::NodePosterior& node) {
    if (node.has_numeric()) AddNumericRows(node.node(), node.numeric(), &table);
    for (const v1::StateProbability& state : node.states()) {
      table.AddRow(
          {node.node(), state.state(), {Percent(state.probability()), Exact(state.probability())}});
    }
  };
  if (response.has_posterior()) add(response.posterior());
  for (const v1::NodePosterior& node : response.nodes()) add(node);
  return table;
}

// "12.34 % to 56.78 %", for spreadsheets "0.1234 0.5678"; empty where there is no such interval.
Table::Cell IntervalCell(const v1::NodePosterior& node, int state, int index) {
  if (state >= node.intervals_size() || index >= node.intervals(state).intervals_size()) return "";
  const event::v1::CredibleInterval& interval = node.intervals(state).intervals(index);
  return {absl::StrCat(Percent(interval.low()), " to ", Percent(interval.high())),
          absl::StrCat(Exact(interval.low()), " ", Exact(interval.high()))};
}

// With what makes a probability uncertain: its credible intervals, or the error of a sample.
Table UncertainTable(const v1::QueryPosteriorResponse& response) {
  const bool approximate = response.has_approximation();
  std::vector<Table::Column> columns = {{"NODE"}, {"STATE"}, {"PROBABILITY", Table::Align::kRight}};
  for (const char* title : {"50 %", "80 %", "95 %"}) {
    if (!approximate) columns.push_back({title, Table::Align::kRight});
  }
  if (approximate) columns.push_back({"STANDARD ERROR", Table::Align::kRight});
  Table table(columns);
  const auto add = [&](const v1::NodePosterior& node) {
    for (int s = 0; s < node.states_size(); ++s) {
      const double probability = node.states(s).probability();
      std::vector<Table::Cell> row = {
          node.node(), node.states(s).state(), {Percent(probability), Exact(probability)}};
      for (int i = 0; i < 3 && !approximate; ++i) row.push_back(IntervalCell(node, s, i));
      if (approximate) {
        const double error = s < node.standard_errors_size() ? node.standard_errors(s) : 0.0;
        row.push_back({Percent(error), Exact(error)});
      }
      table.AddRow(row);
    }
  };
  if (response.has_posterior()) add(response.posterior());
  for (const v1::NodePosterior& node : response.nodes()) add(node);
  return table;
}

Table AnswerTable(const v1::QueryPosteriorResponse& response) {
  const bool uncertain = response.has_interval_sample() || response.has_approximation();
  return uncertain ? UncertainTable(response) : PosteriorTable(response);
}

// What is to be known of intervals or of an approximation.
void WriteSample(const v1::QueryPosteriorResponse& response, std::ostream& out) {
  if (response.has_interval_sample()) {
    const v1::IntervalSample& sample = response.interval_sample();
    out << "intervals from " << sample.draw_count() << " draws of " << sample.uncertain_count()
        << " uncertain numbers, worth " << Rounded(sample.effective_draw_count())
        << " equal draws\n";
  }
  if (response.has_approximation()) {
    const v1::Approximation& made = response.approximation();
    out << "an approximation from " << made.sample_count() << " samples, worth "
        << Rounded(made.effective_sample_count()) << " equal ones\n";
  }
}

bool IsNumeric(const v1::QueryPosteriorResponse& response) {
  return response.posterior().has_numeric() ||
         (response.nodes_size() == 1 && response.nodes(0).has_numeric());
}

// Family and moments of a number, which are no rows of the table.
std::string FamilyLine(const v1::QueryPosteriorResponse& response) {
  const v1::NumericPosterior& numeric =
      response.has_posterior() ? response.posterior().numeric() : response.nodes(0).numeric();
  std::string line = DistributionText(numeric.distribution());
  if (numeric.has_mean()) absl::StrAppend(&line, "; mean ", Rounded(numeric.mean()));
  return line;
}

void AddGet(CLI::App* noun, CliContext& context) {
  struct Flags : TargetFlags {
    std::vector<double> quantiles, cumulative;
    bool intervals = false;
    std::optional<int64_t> draw_count, sample_count;
    int64_t seed = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "get", "Compute the probabilities of a question or a node",
      [&context, flags]() -> absl::Status {
        v1::QueryPosteriorRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        request.mutable_quantile_levels()->Assign(flags->quantiles.begin(), flags->quantiles.end());
        request.mutable_cumulative_values()->Assign(flags->cumulative.begin(),
                                                    flags->cumulative.end());
        if (flags->intervals || flags->draw_count) request.mutable_interval_sample();
        if (flags->draw_count)
          request.mutable_interval_sample()->set_draw_count(*flags->draw_count);
        if (flags->sample_count) {
          request.mutable_approximation()->set_sample_count(*flags->sample_count);
          request.mutable_approximation()->set_seed(flags->seed);
        }
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::QueryPosteriorResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return AnswerTable(response); };
        presentation.text = [&](std::ostream& out) {
          AnswerTable(response).WriteText(out);
          if (IsNumeric(response)) out << FamilyLine(response) << "\n";
          WriteSample(response, out);
          out << "at " << FormatInstant(response.effective_time()) << ", as known at position "
              << response.view_position() << ", " << response.network() << " revision "
              << response.network_revision() << "\n";
        };
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
  verb->add_option("--quantiles", flags->quantiles,
                   "Of a number: probabilities whose quantiles to show, such as 0.1,0.5,0.9")
      ->delimiter(',');
  verb->add_option("--cumulative", flags->cumulative,
                   "Of a number: values, to show the probability of at most each")
      ->delimiter(',');
  verb->add_flag("--intervals", flags->intervals,
                 "Show how uncertain each probability is itself: 50, 80 and 95 %");
  verb->add_option("--draws", flags->draw_count, "Draws that the intervals are taken from");
  verb->add_option("--approximate", flags->sample_count,
                   "Estimate from this many samples, where exact inference costs too much");
  verb->add_option("--seed", flags->seed, "Seed of the samples");
}

void AddExplain(CLI::App* noun, CliContext& context) {
  struct Flags {
    TargetFlags target;
    std::string state;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "explain", "Show the evidence bridge: what each item moved",
      [&context, flags]() -> absl::Status {
        v1::ExplainPosteriorRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, flags->target));
        request.set_state(flags->state);
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::ExplainPosteriorResponse>(
                                                           context, std::move(request)));
        Presentation presentation;
        presentation.items = "steps";
        presentation.table = [&] { return BridgeTable(response); };
        presentation.text = [&](std::ostream& out) {
          WriteBridge(response, context.environment().unicode, out);
        };
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, &flags->target);
  verb->add_option("--state", flags->state, "State to explain; the first where absent");
}

// What is supposed moves from the target, whose answer is what is, to the request itself.
void SupposeInRequest(v1::SimulatePosteriorRequest* request) {
  v1::Scenario scenario = request->target().scenario();
  request->mutable_target()->clear_scenario();
  request->mutable_hypothetical_evidence()->Swap(scenario.mutable_hypothetical_evidence());
  request->mutable_withheld_evidence()->Swap(scenario.mutable_withheld_evidence());
  request->mutable_interventions()->Swap(scenario.mutable_interventions());
  request->mutable_grades()->Swap(scenario.mutable_grades());
  if (scenario.has_default_cluster_correlation()) {
    request->set_default_cluster_correlation(scenario.default_cluster_correlation());
  }
}

Table SimulationTable(const v1::SimulatePosteriorResponse& response) {
  Table table({{"NODE"},
               {"STATE"},
               {"AS IT IS", Table::Align::kRight},
               {"AS IF", Table::Align::kRight},
               {"MOVE", Table::Align::kRight},
               {"DECIBANS", Table::Align::kRight}});
  for (const v1::SimulatedNode& node : response.nodes()) {
    const int count = std::min(node.actual_size(), node.simulated_size());
    for (int index = 0; index < count; ++index) {
      const double actual = node.actual(index).probability();
      const double simulated = node.simulated(index).probability();
      const bool weighed = index == 0 && node.has_weight_decibans();
      table.AddRow({node.node(),
                    node.actual(index).state(),
                    {Percent(actual), Exact(actual)},
                    {Percent(simulated), Exact(simulated)},
                    {PercentagePoints(simulated - actual), Exact(simulated - actual)},
                    {weighed ? Decibans(node.weight_decibans()) : "",
                     weighed ? Exact(node.weight_decibans()) : ""}});
    }
  }
  return table;
}

void AddSimulate(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<TargetFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "simulate", "What if: suppose, force or leave out things",
      [&context, flags]() -> absl::Status {
        v1::SimulatePosteriorRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        SupposeInRequest(&request);
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::SimulatePosteriorResponse>(
                                                           context, std::move(request)));
        Presentation presentation{"nodes", [&] { return SimulationTable(response); }, nullptr};
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
}

struct WatchFlags {
  std::string question;
  std::optional<int64_t> start;
  int64_t count = 0;
};

using PosteriorFunction = std::function<absl::Status(const v1::PublishedPosterior&)>;

// Calls `on_posterior` with each posterior until the flags' count is reached or it fails.
absl::Status FollowPosteriors(CliContext& context, const WatchFlags& flags,
                              std::optional<int64_t> start, const PosteriorFunction& on_posterior) {
  v1::WatchPosteriorsRequest request;
  request.set_parent(NameIn("questions", flags.question));
  if (start) request.set_start_position(*start);
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  absl::Status taken;
  int64_t seen = 0;
  CREDENCE_RETURN_IF_ERROR(
      client->WatchPosteriors(std::move(request), [&](const v1::WatchPosteriorsResponse& message) {
        if (!message.has_posterior()) return true;
        taken = on_posterior(message.posterior());
        ++seen;
        return taken.ok() && (flags.count == 0 || seen < flags.count);
      }));
  return taken;
}

// Draws what was published before, and goes on from there.
absl::Status WatchLive(CliContext& context, const WatchFlags& flags) {
  PosteriorScreen screen(context, NameIn("questions", flags.question));
  std::optional<int64_t> start = flags.start;
  if (!start) {
    v1::ListPosteriorsRequest request;
    request.set_parent(NameIn("questions", flags.question));
    v1::ListPosteriorsResponse history;
    CREDENCE_RETURN_IF_ERROR(
        ListPages(context, {.limit = 0, .page_token = ""}, "posteriors", request, history));
    start = history.view_position() + 1;
    screen.Add(history.posteriors());
  }
  return FollowPosteriors(context, flags, start, [&](const v1::PublishedPosterior& posterior) {
    screen.Add(posterior);
    return absl::OkStatus();
  });
}

absl::Status Watch(CliContext& context, const WatchFlags& flags) {
  CREDENCE_RETURN_IF_ERROR(CheckStreamOutput(context));
  if (IsLive(context)) return WatchLive(context, flags);
  return FollowPosteriors(context, flags, flags.start,
                          [&](const v1::PublishedPosterior& posterior) {
                            return EmitStreamed(context, posterior, HistoryLine(posterior));
                          });
}

void AddWatch(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<WatchFlags>();
  CLI::App* verb = AddVerb(noun, context, "watch", "Follow the published posteriors of a question",
                           [&context, flags] { return Watch(context, *flags); });
  verb->add_option("QUESTION", flags->question, "Question")->required();
  verb->add_option("--start-position", flags->start,
                   "First position to look at; the one after the head where absent");
  verb->add_option("--count", flags->count, "End after this many; 0 for never");
}

}  // namespace

void AddPosteriorCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "posterior", "Probabilities, and why");
  AddGet(noun, context);
  AddExplain(noun, context);
  AddSimulate(noun, context);
  AddWatch(noun, context);
  AddPosteriorQueryVerbs(noun, context);
  AddAlarmVerb(noun, context);
  AddHistoryVerb(noun, context);
}

}  // namespace credence::cli
