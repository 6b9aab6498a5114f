#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/read_file.h"
#include "credence/cli/table.h"
#include "credence/cli/time.h"
#include "credence/forecaster/engine.h"
#include "credence/forecaster/formats.h"
#include "credence/forecaster/query.h"
#include "main/network_commands.h"
#include "main/network_input.h"
#include "main/network_pruning.h"
#include "main/text.h"

namespace credence::server {
namespace {

using cli::OutputFormat;
using forecaster::CompiledNetwork;

struct QueryFlags {
  std::string file;
  std::vector<std::string> evidence;
  std::string evidence_file;
  std::vector<std::string> likelihoods;
  std::vector<std::string> interventions;
  std::vector<std::string> targets;
  std::vector<std::string> joint;
  bool conflict = false;
  bool most_probable = false;
  bool approximate = false;
  int64_t samples = 100'000;
  uint64_t seed = 0;
  std::string memory_budget;
  std::string effective_time;
};

// What is asked, in the terms of the network.
struct Question {
  std::vector<forecaster::EvidenceItem> items;
  forecaster::InferenceOptions options;
  std::vector<int> targets;
  std::vector<int> joint;
};

struct Answer {
  double log_evidence = 0.0;
  // Parallel to the question's targets, in state order.
  std::vector<std::vector<double>> marginals;
  std::optional<forecaster::JointTable> joint;
  std::optional<double> conflict;
  std::optional<forecaster::MostProbableConfiguration> most_probable;
  // Only where it was asked for; its marginals stand above.
  std::optional<forecaster::ApproximateAnswer> approximate;
};

struct NodeState {
  int node = -1;
  int state = -1;
};

// The first "=" at which the text is a node and a state of it.
std::optional<NodeState> FindPair(const CompiledNetwork& network, std::string_view text) {
  for (size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1)) {
    const auto node = network.FindNode(text.substr(0, at));
    if (!node.ok()) continue;
    const auto state = network.FindState(*node, text.substr(at + 1));
    if (state.ok()) return NodeState{*node, *state};
  }
  return std::nullopt;
}

// What is wrong with a text that is no pair.
absl::Status PairError(const CompiledNetwork& network, std::string_view flag,
                       const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return cli::UsageError(Cat(flag, ": '", text, "' must have the form NODE=STATE"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const int node, network.FindNode(text.substr(0, equals)));
  return network.FindState(node, text.substr(equals + 1)).status();
}

// "A=yes,B=low". A comma may stand within a name, so a piece that is no pair is tried with those
// after it.
absl::StatusOr<std::vector<NodeState>> ReadPairs(const CompiledNetwork& network,
                                                 std::string_view flag,
                                                 const std::vector<std::string>& lists) {
  std::vector<NodeState> pairs;
  for (const std::string& list : lists) {
    const std::vector<std::string> pieces = SplitList(list);
    for (size_t i = 0; i < pieces.size();) {
      std::string text = pieces[i];
      size_t used = 1;
      std::optional<NodeState> pair = FindPair(network, text);
      while (!pair && i + used < pieces.size()) {
        text += "," + pieces[i + used++];
        pair = FindPair(network, text);
      }
      if (!pair) return PairError(network, flag, pieces[i]);
      pairs.push_back(*pair);
      i += used;
    }
  }
  return pairs;
}

// Names in a list, commas within names allowed for likewise.
absl::StatusOr<std::vector<int>> ReadNodes(const CompiledNetwork& network,
                                           const std::vector<std::string>& lists) {
  std::vector<int> nodes;
  for (const std::string& list : lists) {
    const std::vector<std::string> pieces = SplitList(list);
    for (size_t i = 0; i < pieces.size();) {
      std::string text = pieces[i];
      size_t used = 1;
      auto node = network.FindNode(text);
      while (!node.ok() && i + used < pieces.size()) {
        text += "," + pieces[i + used++];
        node = network.FindNode(text);
      }
      if (!node.ok()) return network.FindNode(pieces[i]).status();
      nodes.push_back(*node);
      i += used;
    }
  }
  return nodes;
}

forecaster::EvidenceItem MakeItem(const CompiledNetwork& network, int node, std::string id,
                                  forecaster::Statement statement, absl::Time at) {
  forecaster::EvidenceItem item;
  item.id = std::move(id);
  item.node = network.network().nodes[static_cast<size_t>(node)].name;
  item.statement = std::move(statement);
  item.occur_time = at;
  item.effective_time = at;
  return item;
}

// Observed states are items called after themselves, so that a contradiction names them; the same
// one twice is one. A deadline that is known is a resolution, which its table takes account of.
void AddObserved(const CompiledNetwork& network, const std::vector<NodeState>& pairs,
                 std::set<std::string>& known, Question& question) {
  for (const NodeState& pair : pairs) {
    const forecaster::Node& node = network.network().nodes[static_cast<size_t>(pair.node)];
    const std::string& state = node.states[static_cast<size_t>(pair.state)];
    std::string id = Cat(node.name, "=", state);
    if (!known.insert(id).second) continue;
    if (network.IsHazard(pair.node)) {
      forecaster::Observation observation;
      observation.node = node.name;
      observation.state = state;
      question.options.resolved.push_back(std::move(observation));
      continue;
    }
    question.items.push_back(MakeItem(network, pair.node, std::move(id),
                                      forecaster::ObservedState{state}, question.options.at));
  }
}

absl::StatusOr<double> ReadNumber(std::string_view flag, const std::string& text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end) return value;
  return cli::UsageError(Cat(flag, ": '", text, "' is not a number"));
}

// "C=0.2,0.7,0.1", one list a flag. Several on one node multiply.
absl::Status AddLikelihoods(const CompiledNetwork& network, const QueryFlags& flags,
                            Question& question) {
  for (const std::string& text : flags.likelihoods) {
    size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      return cli::UsageError(
          Cat("--likelihood: '", text, "' must have the form NODE=NUMBER,NUMBER,..."));
    }
    CREDENCE_ASSIGN_OR_RETURN(const int node, network.FindNode(text.substr(0, equals)));
    forecaster::LikelihoodVector vector;
    for (const std::string& part : SplitList(text.substr(equals + 1))) {
      CREDENCE_ASSIGN_OR_RETURN(const double value, ReadNumber("--likelihood", part));
      vector.values.push_back(value);
    }
    const std::string& name = network.network().nodes[static_cast<size_t>(node)].name;
    auto item = MakeItem(network, node, Cat("likelihood ", question.items.size() + 1, " on ", name),
                         std::move(vector), question.options.at);
    const absl::Status valid = forecaster::ValidateEvidence(network, item);
    if (!valid.ok()) return WithFieldPrefix(valid, Cat("--likelihood ", name));
    question.items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NodeState>> ReadEvidenceFile(const CompiledNetwork& network,
                                                        const std::string& path, std::istream& in) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string text, cli::ReadFile(path, in));
  CREDENCE_ASSIGN_OR_RETURN(const auto indexed, forecaster::ParseUaiEvidence(text));
  std::vector<NodeState> pairs;
  const std::vector<forecaster::Node>& nodes = network.network().nodes;
  for (const forecaster::IndexedState& observed : indexed) {
    const auto node = static_cast<size_t>(observed.variable);
    if (observed.variable < 0 || node >= nodes.size()) {
      return absl::NotFoundError(Cat(path, ": there is no variable ", observed.variable));
    }
    const auto states = static_cast<int64_t>(nodes[node].states.size());
    if (observed.state < 0 || observed.state >= states) {
      return absl::NotFoundError(
          Cat(path, ": variable ", observed.variable, " has no state ", observed.state));
    }
    pairs.push_back({static_cast<int>(node), static_cast<int>(observed.state)});
  }
  return pairs;
}

absl::StatusOr<Question> MakeQuestion(const CompiledNetwork& network, const QueryFlags& flags,
                                      const forecaster::NetworkFile& conditions,
                                      cli::CliContext& context) {
  Question question;
  question.options.with_conflict = false;
  question.options.at = network.network().open_time;
  if (!flags.effective_time.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(question.options.at,
                              cli::ParseTime(flags.effective_time, context.environment().now()));
  }
  std::set<std::string> known;
  CREDENCE_ASSIGN_OR_RETURN(const auto observed, ReadPairs(network, "--evidence", flags.evidence));
  AddObserved(network, observed, known, question);
  if (!flags.evidence_file.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const auto pairs,
                              ReadEvidenceFile(network, flags.evidence_file, context.in()));
    AddObserved(network, pairs, known, question);
  }
  for (const auto& [node, state] : conditions.conditions) {
    CREDENCE_ASSIGN_OR_RETURN(const int index, network.FindNode(node));
    CREDENCE_ASSIGN_OR_RETURN(const int state_index, network.FindState(index, state));
    AddObserved(network, {{index, state_index}}, known, question);
  }
  CREDENCE_RETURN_IF_ERROR(AddLikelihoods(network, flags, question));
  CREDENCE_ASSIGN_OR_RETURN(const auto forced, ReadPairs(network, "--do", flags.interventions));
  for (const NodeState& pair : forced) {
    const forecaster::Node& node = network.network().nodes[static_cast<size_t>(pair.node)];
    question.options.interventions.push_back(
        {node.name, node.states[static_cast<size_t>(pair.state)]});
  }
  CREDENCE_ASSIGN_OR_RETURN(question.targets, ReadNodes(network, flags.targets));
  CREDENCE_ASSIGN_OR_RETURN(question.joint, ReadNodes(network, flags.joint));
  const std::set<int> distinct(question.joint.begin(), question.joint.end());
  if (distinct.size() < question.joint.size()) {
    return cli::UsageError("--joint: names a node twice");
  }
  return question;
}

// Where none is named: all, but for the factors of a Markov network.
void FillTargets(const CompiledNetwork& network, const forecaster::NetworkFile& conditions,
                 Question& question) {
  std::set<int> seen;
  std::erase_if(question.targets, [&](int node) { return !seen.insert(node).second; });
  if (!question.targets.empty()) return;
  const size_t count = network.network().nodes.size() - conditions.conditions.size();
  for (size_t node = 0; node < count; ++node) question.targets.push_back(static_cast<int>(node));
}

std::vector<double> Exponentials(const std::vector<double>& logs) {
  std::vector<double> values;
  for (const double value : logs) values.push_back(std::exp(value));
  return values;
}

absl::Status AskApproximately(forecaster::Engine& engine, const QueryFlags& flags,
                              const Question& question, Answer& answer) {
  CREDENCE_ASSIGN_OR_RETURN(answer.approximate,
                            engine.Approximate({.samples = flags.samples, .seed = flags.seed}));
  answer.log_evidence = answer.approximate->log_weight;
  for (const int node : question.targets) {
    answer.marginals.push_back(answer.approximate->probabilities[static_cast<size_t>(node)]);
  }
  return absl::OkStatus();
}

std::vector<std::string> NamesOf(const CompiledNetwork& network, const std::vector<int>& nodes) {
  std::vector<std::string> names;
  for (const int node : nodes)
    names.push_back(network.network().nodes[static_cast<size_t>(node)].name);
  return names;
}

// All marginals come from one pass; a few each from the part of the network that bears on it.
absl::Status AskMarginals(forecaster::Engine& engine, const Question& question, Answer& answer) {
  const size_t node_count = engine.network().network().nodes.size();
  if (question.targets.size() * 2 >= node_count) {
    CREDENCE_ASSIGN_OR_RETURN(const auto marginals, engine.LogMarginals());
    for (const int node : question.targets) {
      answer.marginals.push_back(Exponentials(marginals[static_cast<size_t>(node)]));
    }
    return absl::OkStatus();
  }
  for (const int node : question.targets) {
    CREDENCE_ASSIGN_OR_RETURN(const auto marginal, engine.LogMarginal(node));
    answer.marginals.push_back(Exponentials(marginal));
  }
  return absl::OkStatus();
}

absl::StatusOr<Answer> Ask(const CompiledNetwork& network, const QueryFlags& flags,
                           const Question& question, int64_t memory_budget) {
  CREDENCE_ASSIGN_OR_RETURN(forecaster::Query query,
                            forecaster::Query::Open(network, question.items, question.options));
  // Asked once: only tables that the nearest cache holds are worth keeping between the passes.
  constexpr int64_t kMostCellsKept = int64_t{1} << 14;
  forecaster::Engine engine(
      network, {.memory_budget_bytes = memory_budget, .most_cells_kept = kMostCellsKept});
  query.LoadInto(engine);
  Answer answer;
  if (flags.approximate) {
    CREDENCE_RETURN_IF_ERROR(AskApproximately(engine, flags, question, answer));
    return answer;
  }
  CREDENCE_ASSIGN_OR_RETURN(answer.log_evidence, engine.LogWeight());
  if (std::isinf(answer.log_evidence)) {
    // The query finds which items clash; the engine knows none.
    CREDENCE_RETURN_IF_ERROR(query.LogWeight().status());
  }
  CREDENCE_RETURN_IF_ERROR(AskMarginals(engine, question, answer));
  if (!question.joint.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(answer.joint, engine.Joint(question.joint));
  }
  if (flags.most_probable) {
    CREDENCE_ASSIGN_OR_RETURN(answer.most_probable, engine.MostProbable());
  }
  if (flags.conflict) {
    CREDENCE_ASSIGN_OR_RETURN(answer.conflict, query.Conflict());
  }
  return answer;
}

const forecaster::Node& NodeAt(const CompiledNetwork& network, int node) {
  return network.network().nodes[static_cast<size_t>(node)];
}

// Visits the configurations of a joint in order.
template <typename Visit>
void ForEachConfiguration(const CompiledNetwork& network, const forecaster::JointTable& joint,
                          Visit visit) {
  for (size_t cell = 0; cell < joint.probabilities.size(); ++cell) {
    std::vector<std::string> states(joint.nodes.size());
    size_t rest = cell;
    for (size_t i = joint.nodes.size(); i-- > 0;) {
      const std::vector<std::string>& names = NodeAt(network, joint.nodes[i]).states;
      states[i] = names[rest % names.size()];
      rest /= names.size();
    }
    visit(states, joint.probabilities[cell]);
  }
}

std::string JointJson(const CompiledNetwork& network, const forecaster::JointTable& joint) {
  std::string json = "[";
  ForEachConfiguration(network, joint, [&](const auto& states, double probability) {
    json += json.size() > 1 ? ", {\"states\": {" : "{\"states\": {";
    for (size_t i = 0; i < states.size(); ++i) {
      json += Cat(i > 0 ? ", " : "", JsonText(NodeAt(network, joint.nodes[i]).name), ": ",
                  JsonText(states[i]));
    }
    json += Cat("}, \"probability\": ", JsonNumber(probability), "}");
  });
  return json + "]";
}

// {"X": {"state": number, ...}, ...} of the targets.
template <typename Values>
std::string NodesJson(const CompiledNetwork& network, const Question& question, Values values) {
  std::string json = "{";
  for (size_t i = 0; i < question.targets.size(); ++i) {
    const forecaster::Node& node = NodeAt(network, question.targets[i]);
    json += Cat(i > 0 ? ", " : "", JsonText(node.name), ": {");
    for (size_t state = 0; state < node.states.size(); ++state) {
      json += Cat(state > 0 ? ", " : "", JsonText(node.states[state]), ": ",
                  JsonNumber(values(i)[state]));
    }
    json += "}";
  }
  return json + "}";
}

std::string MostProbableJson(const CompiledNetwork& network,
                             const forecaster::MostProbableConfiguration& configuration) {
  std::string json = "{\"states\": {";
  for (size_t i = 0; i < configuration.states.size(); ++i) {
    const forecaster::Node& node = NodeAt(network, static_cast<int>(i));
    json += Cat(i > 0 ? ", " : "", JsonText(node.name), ": ",
                JsonText(node.states[static_cast<size_t>(configuration.states[i])]));
  }
  return json + Cat("}, \"probability\": ", JsonNumber(configuration.probability),
                    ", \"logWeight\": ", JsonNumber(configuration.log_weight), "}");
}

std::string ApproximateJson(const CompiledNetwork& network, const Question& question,
                            const forecaster::ApproximateAnswer& answer) {
  const std::string errors = NodesJson(network, question, [&](size_t i) {
    return answer.standard_errors[static_cast<size_t>(question.targets[i])];
  });
  return Cat("\"standardErrors\": ", errors,
             ", \"logEvidenceStandardError\": ", JsonNumber(answer.log_weight_standard_error),
             ", \"samples\": ", answer.samples,
             ", \"effectiveSamples\": ", JsonNumber(answer.effective_samples));
}

std::string AnswerJson(const CompiledNetwork& network, const Question& question,
                       const Answer& answer) {
  std::string json =
      Cat("{\"logEvidence\": ", JsonNumber(answer.log_evidence), ", \"marginals\": ",
          NodesJson(network, question, [&](size_t i) { return answer.marginals[i]; }));
  if (answer.joint) json += Cat(", \"joint\": ", JointJson(network, *answer.joint));
  if (answer.conflict) json += Cat(", \"conflict\": ", JsonNumber(*answer.conflict));
  if (answer.most_probable) {
    json += Cat(", \"mpe\": ", MostProbableJson(network, *answer.most_probable));
  }
  if (answer.approximate) {
    json += Cat(", ", ApproximateJson(network, question, *answer.approximate));
  }
  return json + "}\n";
}

cli::Table AnswerTable(const CompiledNetwork& network, const Question& question,
                       const Answer& answer) {
  cli::Table table({{"NODE"}, {"STATE"}, {"PROBABILITY", cli::Table::Align::kRight}});
  const auto add = [&table](const std::string& node, const std::string& state, double value) {
    table.AddRow({node, state, {absl::StrFormat("%.6f", value), JsonNumber(value)}});
  };
  for (size_t i = 0; i < question.targets.size(); ++i) {
    const auto& node = network.network().nodes[static_cast<size_t>(question.targets[i])];
    for (size_t state = 0; state < node.states.size(); ++state) {
      add(node.name, node.states[state], answer.marginals[i][state]);
    }
  }
  if (!answer.joint) return table;
  std::vector<std::string> names;
  for (const int node : answer.joint->nodes) names.push_back(NodeAt(network, node).name);
  ForEachConfiguration(network, *answer.joint, [&](const auto& states, double probability) {
    add(absl::StrJoin(names, ", "), absl::StrJoin(states, ", "), probability);
  });
  return table;
}

// What a table of probabilities does not show.
void WriteRest(const CompiledNetwork& network, const Answer& answer, std::ostream& out) {
  if (answer.conflict) out << "conflict " << JsonNumber(*answer.conflict) << " nats\n";
  if (answer.most_probable) {
    out << "most probable together, with probability "
        << JsonNumber(answer.most_probable->probability) << ":\n";
    for (size_t i = 0; i < answer.most_probable->states.size(); ++i) {
      const forecaster::Node& node = NodeAt(network, static_cast<int>(i));
      const int state = answer.most_probable->states[i];
      out << "  " << node.name << " = " << node.states[static_cast<size_t>(state)] << "\n";
    }
  }
  if (!answer.approximate) return;
  double largest = 0.0;
  for (const auto& errors : answer.approximate->standard_errors) {
    for (const double error : errors) largest = std::max(largest, error);
  }
  out << "approximate: " << answer.approximate->samples << " samples, worth "
      << absl::StrFormat("%.0f", answer.approximate->effective_samples)
      << " equal ones; the largest standard error is " << absl::StrFormat("%.2g", largest)
      << ", that of the log evidence "
      << absl::StrFormat("%.2g", answer.approximate->log_weight_standard_error) << "\n";
}

void WriteAnswer(const CompiledNetwork& network, const Question& question, const Answer& answer,
                 cli::CliContext& context) {
  switch (context.flags().output) {
    case OutputFormat::kJson:
    case OutputFormat::kJsonl:
      context.out() << AnswerJson(network, question, answer);
      return;
    case OutputFormat::kCsv:
      AnswerTable(network, question, answer).WriteCsv(context.out());
      return;
    case OutputFormat::kName:
      for (const int node : question.targets) context.out() << NodeAt(network, node).name << "\n";
      return;
    case OutputFormat::kTable:
      AnswerTable(network, question, answer).WriteText(context.out());
      context.out() << "\nlog evidence " << JsonNumber(answer.log_evidence) << " nats\n";
      WriteRest(network, answer, context.out());
      return;
  }
}

// "4GiB", "500MB" or bytes.
absl::StatusOr<int64_t> MemoryBudget(const QueryFlags& flags) {
  if (flags.memory_budget.empty()) return DefaultMemoryBudget();
  const std::string& text = flags.memory_budget;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = text.substr(digits);
  const std::pair<std::string_view, int64_t> units[] = {
      {"", 1},       {"KiB", 1 << 10},  {"MiB", 1 << 20},     {"GiB", 1 << 30},
      {"kB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}};
  for (const auto& [name, bytes] : units) {
    if (unit != name || digits == 0 || digits > 9) continue;
    int64_t count = 0;
    std::from_chars(text.data(), text.data() + digits, count);
    if (count > 0) return count * bytes;
  }
  return cli::UsageError(Cat("--memory-budget: '", text, "' must be a size such as 500MB or 4GiB"));
}

absl::Status CheckFlags(const QueryFlags& flags) {
  if (!flags.approximate) return absl::OkStatus();
  if (!flags.joint.empty() || flags.most_probable || flags.conflict) {
    return cli::UsageError("--approximate: goes with marginals only");
  }
  if (flags.samples >= 2 && flags.samples <= 1'000'000'000) return absl::OkStatus();
  return cli::UsageError("--samples: must be from 2 to 1,000,000,000");
}

using SharedNetwork = std::shared_ptr<const CompiledNetwork>;

// Where nodes are named, the part of the network that bears on them and on the evidence; the
// question is then about that part. Of a network too large to be answered as a whole a part may do.
absl::StatusOr<SharedNetwork> Prune(const SharedNetwork& whole, int64_t memory_budget,
                                    Question& question) {
  if (question.targets.empty()) return whole;
  const std::vector<std::string> targets = NamesOf(*whole, question.targets);
  const std::vector<std::string> joint = NamesOf(*whole, question.joint);
  std::vector<std::string> named = targets;
  named.insert(named.end(), joint.begin(), joint.end());
  for (const auto& item : question.items) named.push_back(item.node);
  for (const auto& observation : question.options.resolved) named.push_back(observation.node);
  for (const auto& forced : question.options.interventions) named.push_back(forced.node);
  forecaster::Network bearing = BearingOn(*whole, named);
  if (bearing.nodes.size() == whole->network().nodes.size()) return whole;
  CREDENCE_ASSIGN_OR_RETURN(
      SharedNetwork part,
      CompiledNetwork::Compile(std::move(bearing),
                               {.memory_budget_bytes = memory_budget, .without_tree = true}));
  const auto renumber = [&part](const std::vector<std::string>& names, std::vector<int>& nodes) {
    for (size_t i = 0; i < names.size(); ++i) nodes[i] = *part->FindNode(names[i]);
  };
  renumber(targets, question.targets);
  renumber(joint, question.joint);
  return part;
}

absl::Status RunQuery(const QueryFlags& flags, cli::CliContext& context) {
  CREDENCE_RETURN_IF_ERROR(CheckFlags(flags));
  CREDENCE_ASSIGN_OR_RETURN(const int64_t memory_budget, MemoryBudget(flags));
  CREDENCE_ASSIGN_OR_RETURN(NetworkInput input, ReadNetworkInput(flags.file, context.in()));
  PrintNotes(input.file.notes, context.err());
  // Evidence may make a network small enough that is too large without, so the cost is judged when
  // the evidence is known.
  const auto compiled = CompiledNetwork::Compile(
      std::move(input.file.network), {.memory_budget_bytes = memory_budget, .without_tree = true});
  if (!compiled.ok()) {
    return input.document ? WithFieldPrefix(compiled.status(), "model") : compiled.status();
  }
  CREDENCE_ASSIGN_OR_RETURN(Question question,
                            MakeQuestion(**compiled, flags, input.file, context));
  CREDENCE_ASSIGN_OR_RETURN(const auto network, flags.most_probable
                                                    ? *compiled
                                                    : Prune(*compiled, memory_budget, question));
  FillTargets(*network, input.file, question);
  CREDENCE_ASSIGN_OR_RETURN(Answer answer, Ask(*network, flags, question, memory_budget));
  answer.log_evidence += input.file.log_scale;
  WriteAnswer(*network, question, answer, context);
  return absl::OkStatus();
}

void AddEvidenceFlags(CLI::App* command, QueryFlags& flags) {
  command
      ->add_option("--evidence", flags.evidence,
                   "States that are known at the effective time, such as A=yes,B=low; for UAI by "
                   "number, such as 3=1; repeatable")
      ->allow_extra_args(false);
  command->add_option("--evidence-file", flags.evidence_file,
                      "Observed variables by number, as in a .uai.evid file");
  command
      ->add_option("--likelihood", flags.likelihoods,
                   "Likelihood of a report in each state, such as C=0.2,0.7,0.1; repeatable, and "
                   "several on one node multiply")
      ->allow_extra_args(false);
  command
      ->add_option("--do", flags.interventions,
                   "Nodes that are set from outside, such as A=yes; repeatable")
      ->allow_extra_args(false);
}

}  // namespace

void AddNetworkQuery(CLI::App* noun, cli::CliContext& context) {
  CLI::App* command = noun->add_subcommand(
      "query", "Compute the probabilities of a network file's nodes, without a server");
  auto flags = std::make_shared<QueryFlags>();
  command
      ->add_option("--file", flags->file,
                   "Network in YAML, JSON, BIF, XMLBIF or UAI; - for standard input")
      ->required();
  AddEvidenceFlags(command, *flags);
  command
      ->add_option("--target", flags->targets,
                   "Nodes to show, such as X,Y, and what does not bear on them or on the evidence "
                   "is left aside; else all")
      ->allow_extra_args(false);
  command
      ->add_option("--joint", flags->joint,
                   "Nodes whose states' joint probabilities to show, such as A,B")
      ->allow_extra_args(false);
  command->add_flag("--conflict", flags->conflict,
                    "Show by how much less the evidence agrees than if it were independent");
  command->add_flag("--mpe", flags->most_probable,
                    "Show the most probable state of all nodes together");
  command->add_flag("--approximate", flags->approximate,
                    "Estimate by weighted samples, with standard errors, instead of computing");
  command->add_option("--samples", flags->samples, "With --approximate: how many")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "With --approximate: the same seed, the same answer")
      ->capture_default_str();
  command->add_option("--memory-budget", flags->memory_budget,
                      "What the tables may take, such as 4GiB; else half of the machine's memory");
  command->add_option("--effective-time", flags->effective_time,
                      "Instant at which deadlines are evaluated; else the network's open time");
  context.SetAction(command, [flags, &context] { return RunQuery(*flags, context); });
}

}  // namespace credence::server
