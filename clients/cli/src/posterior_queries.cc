#include <algorithm>
#include <cmath>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "target.h"

// What else can be asked about posteriors: what they hang on, several nodes together, and the
// evidence as a whole.
namespace credence::cli {
namespace {

constexpr int kBarCells = 20;

template <typename Response>
std::string InstantLine(const Response& response) {
  return absl::StrCat("at ", FormatInstant(response.effective_time()), ", as known at position ",
                      response.view_position());
}

// "P(lung = yes | smoke = yes)", and what goes by another name.
std::string ParameterText(const v1::ParameterSensitivity& parameter) {
  const std::string given =
      absl::StrJoin(parameter.parents(), ", ", [](std::string* out, const v1::NodeState& parent) {
        absl::StrAppend(out, parent.node(), " = ", parent.state());
      });
  if (parameter.kind() == v1::PARAMETER_KIND_HAZARD_RATE) {
    return absl::StrCat("rate of ", parameter.node(), given.empty() ? "" : " | ", given);
  }
  return absl::StrCat("P(", parameter.node(), " = ", parameter.state(), given.empty() ? "" : " | ",
                      given, ")");
}

// A line of the tornado, whatever it is about.
struct Swing {
  std::string kind, name, what, node;
  double low = 0;
  double high = 0;
  Table::Cell value, derivative;

  [[nodiscard]] double width() const { return std::fabs(high - low); }
};

std::vector<Swing> SwingsOf(const v1::AnalyzeSensitivityResponse& response) {
  std::vector<Swing> swings;
  for (const v1::ParameterSensitivity& parameter : response.parameters()) {
    swings.push_back({"network",
                      "",
                      ParameterText(parameter),
                      parameter.node(),
                      parameter.probability_low(),
                      parameter.probability_high(),
                      {Rounded(parameter.value()), Exact(parameter.value())},
                      {Rounded(parameter.derivative()), Exact(parameter.derivative())}});
  }
  for (const v1::ItemSensitivity& item : response.items()) {
    swings.push_back({"evidence",
                      item.name(),
                      item.summary().empty() ? IdOf(item.name()) : item.summary(),
                      item.node(),
                      item.probability_low(),
                      item.probability_high(),
                      "",
                      {absl::StrCat(Rounded(item.derivative_per_deciban()), " / dB"),
                       Exact(item.derivative_per_deciban())}});
  }
  std::stable_sort(swings.begin(), swings.end(),
                   [](const Swing& a, const Swing& b) { return a.width() > b.width(); });
  return swings;
}

Table TornadoTable(const v1::AnalyzeSensitivityResponse& response, bool unicode) {
  const std::vector<Swing> swings = SwingsOf(response);
  const double widest = swings.empty() ? 0.0 : swings.front().width();
  Table table({{"LOW", Table::Align::kRight},
               {"HIGH", Table::Align::kRight},
               {""},
               {"DERIVATIVE", Table::Align::kRight},
               {"VALUE", Table::Align::kRight},
               {"OF"},
               {"WHAT"},
               {"NODE"},
               {"ITEM"}});
  for (const Swing& swing : swings) {
    table.AddRow({{Percent(swing.low), Exact(swing.low)},
                  {Percent(swing.high), Exact(swing.high)},
                  {Bar(swing.width(), widest, kBarCells, unicode), ""},
                  swing.derivative,
                  swing.value,
                  swing.kind,
                  swing.what,
                  swing.node,
                  IdOf(swing.name)});
  }
  return table;
}

void AddSensitivity(CLI::App* noun, CliContext& context) {
  struct Flags : TargetFlags {
    std::string state;
    std::optional<double> swing;
    int32_t limit = 20;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "sensitivity", "Show which numbers and items a probability hangs on",
      [&context, flags]() -> absl::Status {
        v1::AnalyzeSensitivityRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        request.set_state(flags->state);
        if (flags->swing) request.set_swing_decibans(*flags->swing);
        request.set_parameter_count_max(flags->limit);
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::AnalyzeSensitivityResponse>(
                                                           context, std::move(request)));
        const bool unicode = context.environment().unicode;
        Presentation presentation;
        presentation.table = [&] { return TornadoTable(response, unicode); };
        presentation.text = [&](std::ostream& out) {
          out << response.node() << " = " << response.state() << ": "
              << Percent(response.probability()) << "\n";
          TornadoTable(response, unicode).WriteText(out);
          out << "LOW, HIGH: where it goes if odds, likelihoods and rates are "
              << Rounded(response.swing_decibans()) << " decibans lower or higher\n"
              << InstantLine(response) << "\n";
        };
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
  verb->add_option("--state", flags->state, "State to look at; the first where absent");
  verb->add_option("--swing", flags->swing,
                   "Decibans by which each number is moved; 3.01, a factor of two, where absent");
  verb->add_option("--limit", flags->limit, "At most so many numbers of the network; 0 for all")
      ->capture_default_str();
}

Table JointTable(const v1::QueryJointResponse& response) {
  std::vector<Table::Column> columns;
  for (const std::string& node : response.nodes()) columns.push_back({node});
  columns.push_back({"PROBABILITY", Table::Align::kRight});
  Table table(columns);
  for (const v1::JointProbability& cell : response.probabilities()) {
    std::vector<Table::Cell> row(cell.states().begin(), cell.states().end());
    row.push_back({Percent(cell.probability()), Exact(cell.probability())});
    table.AddRow(std::move(row));
  }
  return table;
}

void AddJoint(CLI::App* noun, CliContext& context) {
  struct Flags : TargetFlags {
    std::vector<std::string> nodes;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "joint", "Compute the probabilities of several nodes together",
      [&context, flags]() -> absl::Status {
        v1::QueryJointRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        for (const std::string& node : flags->nodes) request.add_nodes(node);
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::QueryJointResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = "probabilities";
        presentation.table = [&] { return JointTable(response); };
        presentation.text = [&](std::ostream& out) {
          JointTable(response).WriteText(out);
          out << InstantLine(response) << "\n";
        };
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
  verb->add_option("--nodes", flags->nodes, "Nodes beside the target, such as a,b")->delimiter(',');
}

Table StatesTable(const v1::FindMostProbableExplanationResponse& response) {
  Table table({{"NODE"}, {"STATE"}});
  for (const v1::NodeState& state : response.states()) table.AddRow({state.node(), state.state()});
  return table;
}

void AddMostProbable(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<TargetFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "mpe", "Find the most probable states of all nodes together",
              [&context, flags]() -> absl::Status {
                v1::FindMostProbableExplanationRequest request;
                CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
                CREDENCE_ASSIGN_OR_RETURN(
                    const auto response,
                    CallRpc<v1::FindMostProbableExplanationResponse>(context, std::move(request)));
                Presentation presentation;
                presentation.items = "states";
                presentation.table = [&] { return StatesTable(response); };
                presentation.text = [&](std::ostream& out) {
                  StatesTable(response).WriteText(out);
                  out << "together " << Percent(response.probability()) << " given the evidence, "
                      << InstantLine(response) << "\n";
                };
                return Emit(context, response, presentation);
              });
  AddTargetFlags(verb, flags.get());
}

std::string ConflictText(double conflict) {
  if (conflict > 0) return "the items agree less than if they were independent";
  return conflict < 0 ? "the items support each other" : "the items say nothing of each other";
}

Table EvidenceTable(const v1::AssessEvidenceResponse& response) {
  return FieldTable({{"ln P(evidence)", Exact(response.log_evidence())},
                     {"conflict in nats", Exact(response.conflict())},
                     {"items in force", absl::StrCat(response.items_size())},
                     {"table cells", Exact(response.cost().cells())},
                     {"cells of the largest", Exact(response.cost().largest_table_cells())},
                     {"table bytes", Exact(response.cost().bytes())}});
}

void AddEvidence(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<TargetFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "evidence", "Show how probable the evidence is, and whether it agrees",
      [&context, flags]() -> absl::Status {
        v1::AssessEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::AssessEvidenceResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return EvidenceTable(response); };
        presentation.text = [&](std::ostream& out) {
          EvidenceTable(response).WriteText(out);
          out << ConflictText(response.conflict()) << "\n" << InstantLine(response) << "\n";
        };
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
}

}  // namespace

void AddPosteriorQueryVerbs(CLI::App* noun, CliContext& context) {
  AddSensitivity(noun, context);
  AddJoint(noun, context);
  AddMostProbable(noun, context);
  AddEvidence(noun, context);
}

}  // namespace credence::cli
