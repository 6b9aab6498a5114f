#include "query/inference.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "convert/numeric.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/interval.h"
#include "credence/forecaster/query.h"
#include "decide/checks.h"
#include "decide/intervals.h"
#include "query/convert.h"
#include "query/target.h"

namespace credence::server {
namespace {

constexpr int kLevelsMax = 1'000;

absl::StatusOr<std::vector<double>> LevelsOf(const v1::QueryPosteriorRequest& request) {
  if (request.quantile_levels_size() > kLevelsMax ||
      request.cumulative_values_size() > kLevelsMax) {
    return InvalidField(
        "FIELD_INVALID",
        request.quantile_levels_size() > kLevelsMax ? "quantile_levels" : "cumulative_values",
        Cat("has more than ", kLevelsMax, " entries"));
  }
  for (int i = 0; i < request.quantile_levels_size(); ++i) {
    if (!(request.quantile_levels(i) >= 0.0 && request.quantile_levels(i) <= 1.0)) {
      return InvalidField("PROBABILITY_INVALID", Cat("quantile_levels[", i, "]"),
                          "must lie between 0 and 1");
    }
  }
  for (int i = 0; i < request.cumulative_values_size(); ++i) {
    if (!std::isfinite(request.cumulative_values(i))) {
      return InvalidField("NUMBER_INVALID", Cat("cumulative_values[", i, "]"), "must be finite");
    }
  }
  std::vector<double> levels(request.quantile_levels().begin(), request.quantile_levels().end());
  if (levels.empty()) return DefaultLevels();
  std::sort(levels.begin(), levels.end());
  return levels;
}

// The instant of a target, and what limits its evidence.
absl::Status FillInstant(const v1::InferenceTarget& target, absl::Time& at,
                         absl::Time& occur_time_limit) {
  if (target.has_effective_time()) {
    CREDENCE_ASSIGN_OR_RETURN(at, ParseTime(target.effective_time(), "target.effective_time"));
  }
  if (target.view().has_evidence_occur_time_limit()) {
    CREDENCE_ASSIGN_OR_RETURN(occur_time_limit, ParseTime(target.view().evidence_occur_time_limit(),
                                                          "target.view.evidence_occur_time_limit"));
  }
  return absl::OkStatus();
}

absl::Status QueryNumeric(const State& state, const NamedTarget& named, absl::Time at,
                          const v1::QueryPosteriorRequest& request,
                          v1::QueryPosteriorResponse& response) {
  absl::Time limit = absl::InfiniteFuture();
  CREDENCE_RETURN_IF_ERROR(FillInstant(request.target(), at, limit));
  NumericInput input = MakeNumericInput(state, *named.network, at);
  input.options.occur_time_limit = limit;
  const event::v1::NumericModel& model = named.network->latest().model.numeric();
  if (!named.node.empty() && named.node != model.node()) {
    return InvalidField("UNKNOWN_NODE", "target.name",
                        Cat("\"", named.node.substr(0, 80),
                            "\" is no node of the network; its only one is ", model.node()));
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> levels, LevelsOf(request));
  CREDENCE_ASSIGN_OR_RETURN(
      const forecaster::NumericPosterior posterior,
      forecaster::ComputeNumericPosterior(input.prior, input.items, input.options));
  v1::NodePosterior node;
  node.set_node(model.node());
  *node.mutable_numeric() = Describe(ToMessage(posterior.value), levels);
  node.mutable_numeric()->set_unit(model.unit());
  for (const double value : request.cumulative_values()) {
    auto* point = node.mutable_numeric()->add_cumulative();
    point->set_value(value);
    point->set_probability(forecaster::Cdf(posterior.value, value));
  }
  *(named.node.empty() ? response.add_nodes() : response.mutable_posterior()) = std::move(node);
  SetTime(input.options.at, *response.mutable_effective_time());
  response.set_network(Cat("networks/", named.network->id));
  response.set_network_revision(input.network_revision);
  return absl::OkStatus();
}

void FillNode(const forecaster::Node& node, const forecaster::NodePosterior& posterior,
              v1::NodePosterior& resource) {
  resource.set_node(posterior.node);
  AddProbabilities(node.states, posterior.probabilities, *resource.mutable_states());
  if (!posterior.log_odds.empty() && std::isfinite(posterior.log_odds.front())) {
    resource.set_log_odds(posterior.log_odds.front());
  }
}

// The nodes that the answer is about: the target's, or all in the order of the network.
std::vector<int> NodesOf(const ResolvedTarget& target) {
  const auto& nodes = target.compiled().network().nodes;
  std::vector<int> found;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (target.node.empty() || nodes[i].name == target.node) found.push_back(static_cast<int>(i));
  }
  return found;
}

const forecaster::Node& NodeOf(const ResolvedTarget& target, int index) {
  return target.compiled().network().nodes[static_cast<size_t>(index)];
}

v1::NodePosterior& AddNode(const ResolvedTarget& target, v1::QueryPosteriorResponse& response) {
  return target.node.empty() ? *response.add_nodes() : *response.mutable_posterior();
}

absl::Status AnswerExactly(const State& state, const ResolvedTarget& target,
                           v1::QueryPosteriorResponse& response) {
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(
      const forecaster::Posterior posterior,
      WithNames(state, target,
                forecaster::ComputePosterior(*input.network, input.items, input.options)));
  for (const int node : NodesOf(target)) {
    FillNode(NodeOf(target, node), posterior.nodes[static_cast<size_t>(node)],
             AddNode(target, response));
  }
  if (std::isfinite(posterior.log_weight)) response.set_log_evidence(posterior.log_weight);
  return absl::OkStatus();
}

absl::Status AnswerApproximately(const State& state, const ResolvedTarget& target,
                                 const v1::Approximation& asked,
                                 v1::QueryPosteriorResponse& response) {
  constexpr int64_t kSamplesMax = 10'000'000;
  forecaster::ApproximateOptions options;
  if (asked.has_sample_count()) options.samples = asked.sample_count();
  options.seed = static_cast<uint64_t>(asked.seed());
  if (options.samples < 1 || options.samples > kSamplesMax) {
    return InvalidField("NUMBER_INVALID", "approximation.sample_count",
                        Cat("must be from 1 to ", kSamplesMax));
  }
  const InferenceInput& input = target.input;
  CREDENCE_ASSIGN_OR_RETURN(
      const forecaster::Query query,
      WithNames(state, target,
                forecaster::Query::Open(*input.network, input.items, input.options)));
  forecaster::Engine engine(*input.network, {.may_go_on = input.options.may_go_on});
  query.LoadInto(engine);
  CREDENCE_ASSIGN_OR_RETURN(const forecaster::ApproximateAnswer answer,
                            engine.Approximate(options));
  for (const int node : NodesOf(target)) {
    const auto index = static_cast<size_t>(node);
    v1::NodePosterior& resource = AddNode(target, response);
    resource.set_node(NodeOf(target, node).name);
    AddProbabilities(NodeOf(target, node).states, answer.probabilities[index],
                     *resource.mutable_states());
    resource.mutable_standard_errors()->Add(answer.standard_errors[index].begin(),
                                            answer.standard_errors[index].end());
  }
  response.set_log_evidence(answer.log_weight);
  v1::Approximation& made = *response.mutable_approximation();
  made.set_sample_count(answer.samples);
  made.set_seed(asked.seed());
  made.set_effective_sample_count(answer.effective_samples);
  made.set_log_evidence_standard_error(answer.log_weight_standard_error);
  return absl::OkStatus();
}

// Cells of all draws of one answer: some seconds.
constexpr double kDrawnCellsMax = 4e9;

absl::Status TooManyDraws(const NetworkState& network, const forecaster::IntervalOptions& options) {
  ErrorDetail detail;
  detail.reason = "INFERENCE_BUDGET_EXCEEDED";
  detail.metadata["network"] = network.id;
  detail.metadata["draws"] = Cat(options.draw_count);
  detail.metadata["cells_max"] = Cat(kDrawnCellsMax);
  return MakeError(absl::StatusCode::kResourceExhausted,
                   Cat(options.draw_count, " draws of networks/", network.id, " take more than ",
                       kDrawnCellsMax, " table cells; ask for fewer draws"),
                   detail);
}

// The intervals of the nodes that were answered.
absl::Status AddIntervals(const StateView& view, const ResolvedTarget& target,
                          const v1::IntervalSample& asked, v1::QueryPosteriorResponse& response) {
  forecaster::IntervalOptions options;
  options.seed = forecaster::IntervalSeed(target.network->id, view.position);
  if (asked.has_draw_count()) options.draw_count = asked.draw_count();
  options.cells_max = kDrawnCellsMax;
  std::vector<forecaster::TargetState> targets;
  for (const int node : NodesOf(target)) {
    for (const std::string& name : NodeOf(target, node).states) {
      targets.push_back({NodeOf(target, node).name, name});
    }
  }
  const InferenceInput& input = target.input;
  const auto intervals = WithNames(
      *view.state, target,
      forecaster::ComputeIntervals(*input.network, input.items, input.options, targets, options));
  if (!intervals.ok()) return WithFieldPrefix(intervals.status(), "interval_sample");
  if (intervals->states.empty()) return TooManyDraws(*target.network, options);
  auto interval = intervals->states.begin();
  for (int i = 0; i < std::max(1, response.nodes_size()); ++i) {
    v1::NodePosterior& node =
        response.has_posterior() ? *response.mutable_posterior() : *response.mutable_nodes(i);
    for (int s = 0; s < node.states_size(); ++s) {
      *node.add_intervals() = ToStateInterval(interval->state, ToSpread(*interval));
      ++interval;
    }
  }
  v1::IntervalSample& sample = *response.mutable_interval_sample();
  sample.set_draw_count(options.draw_count);
  sample.set_uncertain_count(intervals->uncertain_count);
  sample.set_effective_draw_count(intervals->effective_draw_count);
  return absl::OkStatus();
}

// What goes with probabilities of states alone.
absl::Status CheckNumericRequest(const v1::QueryPosteriorRequest& request) {
  const auto refused = [](std::string_view field) {
    return InvalidField("FIELD_INVALID", field, "must be left out: the question asks for a number");
  };
  if (request.target().has_scenario()) return refused("target.scenario");
  if (request.has_interval_sample()) return refused("interval_sample");
  if (request.has_approximation()) return refused("approximation");
  return absl::OkStatus();
}

}  // namespace

absl::Status QueryPosterior(const QueryView& view, const v1::QueryPosteriorRequest& request,
                            v1::QueryPosteriorResponse& response) {
  const State& state = *view.state;
  CREDENCE_ASSIGN_OR_RETURN(const NamedTarget named, FindTarget(state, request.target().name()));
  if (named.network->numeric()) {
    CREDENCE_RETURN_IF_ERROR(CheckNumericRequest(request));
    return QueryNumeric(state, named, view.time, request, response);
  }
  CREDENCE_ASSIGN_OR_RETURN(const ResolvedTarget target, ResolveTarget(view, request.target()));
  if (request.has_approximation()) {
    if (request.has_interval_sample()) {
      return InvalidField("FIELD_INVALID", "interval_sample", "does not go with an approximation");
    }
    CREDENCE_RETURN_IF_ERROR(AnswerApproximately(state, target, request.approximation(), response));
  } else {
    CREDENCE_RETURN_IF_ERROR(AnswerExactly(state, target, response));
  }
  if (request.has_interval_sample()) {
    CREDENCE_RETURN_IF_ERROR(AddIntervals(view, target, request.interval_sample(), response));
  }
  SetTime(target.input.options.at, *response.mutable_effective_time());
  response.set_network(Cat("networks/", target.network->id));
  response.set_network_revision(target.input.network_revision);
  return absl::OkStatus();
}

}  // namespace credence::server
