#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

std::string TableText(const event::v1::Node& node) {
  switch (node.table_case()) {
    case event::v1::Node::kRows:
      return absl::StrCat(node.rows().rows_size(), node.rows().rows_size() == 1 ? " row" : " rows");
    case event::v1::Node::kNoisyOr:
      return "noisy-or";
    case event::v1::Node::kNoisyMax:
      return "noisy-max";
    case event::v1::Node::kDeterministic:
      return node.deterministic().expression();
    case event::v1::Node::kLogit:
      return "logit";
    case event::v1::Node::TABLE_NOT_SET:
      break;
  }
  return "";
}

Table NodeTable(const event::v1::NetworkModel& model) {
  Table table({{"NODE"}, {"ROLE"}, {"STATES"}, {"PARENTS"}, {"TABLE"}, {"DESCRIPTION"}});
  for (const auto& node : model.nodes()) {
    table.AddRow({node.node(), EnumText(event::v1::NodeRole_descriptor(), node.role()),
                  absl::StrJoin(node.states(), ", "), absl::StrJoin(node.parents(), ", "),
                  TableText(node), node.description()});
  }
  return table;
}

void WriteNetwork(const v1::Network& network, std::ostream& out) {
  const auto& model = network.model();
  FieldTable({{"name", network.name()},
              {"title", network.title()},
              {"opens", model.has_open_time() ? FormatInstant(model.open_time()) : ""},
              {"deadline", model.has_deadline_time() ? FormatInstant(model.deadline_time()) : ""},
              {"model revision", absl::StrCat(network.model_revision())},
              {"clock", network.has_clock_time() ? FormatInstant(network.clock_time()) : ""},
              {"evidence in force", absl::StrCat(network.evidence_count())}})
      .WriteText(out);
  out << "\n";
  NodeTable(model).WriteText(out);
}

Table NetworkTable(const google::protobuf::RepeatedPtrField<v1::Network>& networks) {
  Table table({{"NETWORK"},
               {"REVISION", Table::Align::kRight},
               {"EVIDENCE", Table::Align::kRight},
               {"CLOCK"},
               {"TITLE"}});
  for (const v1::Network& network : networks) {
    table.AddRow({IdOf(network.name()), absl::StrCat(network.model_revision()),
                  absl::StrCat(network.evidence_count()),
                  network.has_clock_time() ? FormatInstant(network.clock_time()) : "",
                  network.title()});
  }
  return table;
}

struct NetworkFlags {
  std::string id, file, title, rationale;
  WriteFlags write;
};

absl::Status ReadNetwork(CliContext& context, const NetworkFlags& flags, v1::Network* network) {
  CREDENCE_RETURN_IF_ERROR(ReadMessage(flags.file, context.in(), network));
  if (!flags.title.empty()) network->set_title(flags.title);
  return absl::OkStatus();
}

void AddNetworkFlags(CLI::App* verb, NetworkFlags* flags) {
  verb->add_option("NETWORK", flags->id, "Network")->required();
  verb->add_option("-f,--file", flags->file,
                   "Network in YAML or JSON, as {title, model: {...}}; - for standard input")
      ->required();
  verb->add_option("--title", flags->title, "Text for people");
  AddWriteFlags(verb, &flags->write);
}

void AddCreate(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<NetworkFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "create", "Create a network", [&context, flags]() -> absl::Status {
        v1::CreateNetworkRequest request;
        request.set_network_id(IdOf(flags->id));
        CREDENCE_RETURN_IF_ERROR(ReadNetwork(context, *flags, request.mutable_network()));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::CreateNetworkResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  AddNetworkFlags(verb, flags.get());
}

void AddRevise(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<NetworkFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "revise", "Replace a network's model", [&context, flags]() -> absl::Status {
        v1::ReviseNetworkRequest request;
        request.set_name(NameIn("networks", flags->id));
        CREDENCE_RETURN_IF_ERROR(ReadNetwork(context, *flags, request.mutable_network()));
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::ReviseNetworkResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  AddNetworkFlags(verb, flags.get());
  verb->add_option("--rationale", flags->rationale, "Why");
}

void AddGet(CLI::App* noun, CliContext& context, const std::string& name) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      noun, context, name, "Show a network and its nodes", [&context, id]() -> absl::Status {
        v1::GetNetworkRequest request;
        request.set_name(NameIn("networks", *id));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetNetworkResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return NodeTable(response.network().model()); };
        presentation.text = [&](std::ostream& out) { WriteNetwork(response.network(), out); };
        return Emit(context, response, presentation);
      });
  verb->add_option("NETWORK", *id, "Network")->required();
}

void AddList(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "list", "List networks", [&context, flags]() -> absl::Status {
        v1::ListNetworksRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListNetworksResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, *flags, "networks", request, response));
        Presentation presentation{"networks", [&] { return NetworkTable(response.networks()); },
                                  nullptr};
        return Emit(context, response, presentation);
      });
  AddListFlags(verb, flags.get());
}

Table RevisionTable(const v1::ListNetworkRevisionsResponse& response) {
  Table table({{"REVISION"},
               {"POSITION", Table::Align::kRight},
               {"RECORDED"},
               {"NODES", Table::Align::kRight},
               {"WHY"}});
  for (const v1::NetworkRevision& revision : response.revisions()) {
    table.AddRow({IdOf(revision.name()), absl::StrCat(revision.position()),
                  FormatInstant(revision.record_time()),
                  absl::StrCat(revision.model().nodes_size()), revision.rationale()});
  }
  return table;
}

void AddRevisions(CLI::App* noun, CliContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      noun, context, "revisions", "List a network's revisions", [&context, id]() -> absl::Status {
        v1::ListNetworkRevisionsRequest request;
        request.set_parent(NameIn("networks", *id));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::ListNetworkRevisionsResponse>(
                                                           context, std::move(request)));
        Presentation presentation{"revisions", [&] { return RevisionTable(response); }, nullptr};
        return Emit(context, response, presentation);
      });
  verb->add_option("NETWORK", *id, "Network")->required();
}

void AddValidate(CLI::App* noun, CliContext& context) {
  auto file = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      noun, context, "validate", "Check a model and say how large it compiles",
      [&context, file]() -> absl::Status {
        v1::Network network;
        CREDENCE_RETURN_IF_ERROR(ReadMessage(*file, context.in(), &network));
        v1::ValidateNetworkRequest request;
        *request.mutable_model() = network.model();
        CREDENCE_ASSIGN_OR_RETURN(
            const auto response, CallRpc<v1::ValidateNetworkResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] {
          return FieldTable({{"nodes", absl::StrCat(response.node_count())},
                             {"arcs", absl::StrCat(response.arc_count())},
                             {"compiled bytes", absl::StrCat(response.compiled_bytes())}});
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("SPEC", *file,
                   "Network in YAML or JSON, checked by the server; - for standard input")
      ->required();
}

}  // namespace

void AddNetworkCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "network", "Bayesian networks and their revisions");
  AddCreate(noun, context);
  AddGet(noun, context, "get");
  AddGet(noun, context, "show");
  AddList(noun, context);
  AddRevise(noun, context);
  AddRevisions(noun, context);
  AddValidate(noun, context);
}

}  // namespace credence::cli
