#include <ostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "evidence_flags.h"
#include "format.h"
#include "output.h"

namespace credence::cli {
namespace {

// Evidence lies below a network or a question; an id alone is a question's, whose network the
// server finds.
struct ParentFlags {
  std::string parent;
  std::string network;
};

void AddParent(CLI::App* verb, ParentFlags* flags) {
  verb->add_option("QUESTION", flags->parent, "Question, or networks/NETWORK");
  verb->add_option("--network", flags->network, "Network, in place of a question");
}

absl::StatusOr<std::string> ParentOf(const ParentFlags& flags) {
  if (!flags.network.empty() && !flags.parent.empty()) {
    return UsageError("give a question or --network, not both");
  }
  if (!flags.network.empty()) return NameIn("networks", flags.network);
  if (!flags.parent.empty()) return NameIn("questions", flags.parent);
  return UsageError("give a question, or --network");
}

void AddItem(CLI::App* verb, std::string* name, std::string* network) {
  verb->add_option("EVIDENCE", *name, "networks/NETWORK/evidence/ID, QUESTION/ID, or ID")
      ->required();
  verb->add_option("--network", *network, "Network of an ID that stands alone");
}

// "Q/E" is short for "questions/Q/evidence/E".
absl::StatusOr<std::string> ItemName(const std::string& name, const std::string& network) {
  if (!network.empty()) return absl::StrCat(NameIn("networks", network), "/evidence/", IdOf(name));
  if (absl::StartsWith(name, "networks/") || absl::StartsWith(name, "questions/")) return name;
  const size_t slash = name.find('/');
  if (slash == std::string::npos) {
    return UsageError("an id alone names no item: write QUESTION/ID, or give --network");
  }
  return absl::StrCat("questions/", name.substr(0, slash), "/evidence/", name.substr(slash + 1));
}

std::string StateText(const v1::Evidence& evidence) {
  return EnumText(v1::Evidence::State_descriptor(), evidence.state());
}

std::string OccurText(const v1::Evidence& evidence) {
  return evidence.model().has_occur_time() ? FormatInstant(evidence.model().occur_time()) : "";
}

Table EvidenceTable(const google::protobuf::RepeatedPtrField<v1::Evidence>& items) {
  Table table({{"POSITION", Table::Align::kRight},
               {"EVIDENCE"},
               {"STATE"},
               {"OCCURRED"},
               {"NODE"},
               {"STATEMENT"},
               {"GRADE"},
               {"SOURCE"},
               {"CLUSTER"},
               {"SUMMARY"}});
  for (const v1::Evidence& item : items) {
    const auto& model = item.model();
    table.AddRow({absl::StrCat(item.position()), IdOf(item.name()), StateText(item),
                  OccurText(item), model.node(), StatementText(model), model.grade(),
                  IdOf(model.source()), model.cluster(), model.summary()});
  }
  return table;
}

Table EvidenceFields(const v1::Evidence& item) {
  const auto& model = item.model();
  return FieldTable(
      {{"name", item.name()},
       {"summary", model.summary()},
       {"node", model.node()},
       {"statement", StatementText(model)},
       {"source", model.source()},
       {"grade", model.grade()},
       {"reliability", Exact(item.effective_reliability())},
       {"cluster", model.cluster()},
       {"url", model.url()},
       {"state", StateText(item)},
       {"superseded by", item.superseded_by()},
       {"occurred", OccurText(item)},
       {"recorded", FormatInstant(item.record_time())},
       {"counts from", item.has_effective_time() ? FormatInstant(item.effective_time()) : ""},
       {"counts until", item.has_end_time() ? FormatInstant(item.end_time()) : ""},
       {"recorded by", item.actor()},
       {"position", absl::StrCat(item.position())}});
}

void AddAdd(CLI::App* noun, CliContext& context) {
  struct Flags {
    ParentFlags parent;
    std::string id;
    EvidenceFlags evidence;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "add", "Record an item and see what it moves",
      [&context, flags]() -> absl::Status {
        v1::CreateEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_parent(), ParentOf(flags->parent));
        request.set_evidence_id(flags->id);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_evidence()->mutable_model(),
                                  MakeEvidence(context, flags->evidence));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::CreateEvidenceResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  AddParent(verb, &flags->parent);
  verb->add_option("--id", flags->id, "Id of the item; the server makes one if absent");
  AddEvidenceFlags(verb, &flags->evidence);
  AddWriteFlags(verb, &flags->write);
}

void AddList(CLI::App* noun, CliContext& context) {
  struct Flags {
    ParentFlags parent;
    std::string node, state, evidence_before;
    ListFlags list;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "list", "List the items of a network", [&context, flags]() -> absl::Status {
        v1::ListEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_parent(), ParentOf(flags->parent));
        request.set_node(flags->node);
        CREDENCE_ASSIGN_OR_RETURN(
            const int state, ParseEnum(v1::Evidence::State_descriptor(), "--state", flags->state));
        request.set_state(static_cast<v1::Evidence::State>(state));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(),
                                  MakeView(context, flags->evidence_before));
        v1::ListEvidenceResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "evidence", request, response));
        Presentation presentation{"evidence", [&] { return EvidenceTable(response.evidence()); },
                                  nullptr};
        return Emit(context, response, presentation);
      });
  AddParent(verb, &flags->parent);
  verb->add_option("--node", flags->node, "Only items on this node");
  verb->add_option("--state", flags->state, "active, retracted or superseded");
  verb->add_option("--evidence-before", flags->evidence_before,
                   "Only items that occurred before this time");
  AddListFlags(verb, &flags->list);
}

struct ItemFlags {
  std::string name, network, rationale, id;
  EvidenceFlags evidence;
  WriteFlags write;
};

void AddGet(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ItemFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "get", "Show an item", [&context, flags]() -> absl::Status {
        v1::GetEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_name(), ItemName(flags->name, flags->network));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetEvidenceResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return EvidenceFields(response.evidence()); };
        return Emit(context, response, presentation);
      });
  AddItem(verb, &flags->name, &flags->network);
}

void AddRetract(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ItemFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "retract", "Retract an item: it contributes nothing from now on",
      [&context, flags]() -> absl::Status {
        v1::RetractEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_name(), ItemName(flags->name, flags->network));
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(
            const auto response, CallRpc<v1::RetractEvidenceResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  AddItem(verb, &flags->name, &flags->network);
  verb->add_option("--rationale", flags->rationale, "Why");
  AddWriteFlags(verb, &flags->write);
}

void AddSupersede(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ItemFlags>();
  CLI::App* verb = AddVerb(
      noun, context, "supersede", "Replace an item by a better one",
      [&context, flags]() -> absl::Status {
        v1::SupersedeEvidenceRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_name(), ItemName(flags->name, flags->network));
        request.set_evidence_id(flags->id);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_evidence()->mutable_model(),
                                  MakeEvidence(context, flags->evidence));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::SupersedeEvidenceResponse>(
                                                           context, std::move(request)));
        return EmitWrite(context, response);
      });
  AddItem(verb, &flags->name, &flags->network);
  verb->add_option("--id", flags->id, "Id of the new item; the server makes one if absent");
  AddEvidenceFlags(verb, &flags->evidence);
  AddWriteFlags(verb, &flags->write);
}

void AddCluster(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string parent;
    std::vector<std::string> items;
    std::string cluster;
    std::optional<double> correlation;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "cluster", "Put items in one cluster, or take them out of theirs",
      [&context, flags]() -> absl::Status {
        v1::ClusterEvidenceRequest request;
        request.set_parent(NameIn("questions", flags->parent));
        for (const std::string& item : flags->items) request.add_evidence(IdOf(item));
        request.set_cluster(flags->cluster);
        if (flags->correlation) request.set_cluster_correlation(*flags->correlation);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(
            const auto response, CallRpc<v1::ClusterEvidenceResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("QUESTION", flags->parent, "Question, or networks/NETWORK")->required();
  verb->add_option("EVIDENCE", flags->items, "Ids of the items")->required();
  verb->add_option("--cluster", flags->cluster,
                   "The cluster; absent takes the items out of theirs");
  verb->add_option("--cluster-correlation", flags->correlation,
                   "Correlation within the cluster, 0 to 1");
  AddWriteFlags(verb, &flags->write);
}

}  // namespace

void AddEvidenceCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "evidence", "Evidence and what it moves");
  AddAdd(noun, context);
  AddList(noun, context);
  AddGet(noun, context);
  AddRetract(noun, context);
  AddSupersede(noun, context);
  AddCluster(noun, context);
}

}  // namespace credence::cli
