#include <ostream>

#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "format.h"
#include "output.h"
#include "scenario_flags.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

Table SourceTable(const google::protobuf::RepeatedPtrField<v1::Source>& sources) {
  Table table({{"SOURCE"}, {"NAME"}, {"ITEMS", Table::Align::kRight}, {"URL"}, {"DESCRIPTION"}});
  for (const v1::Source& source : sources) {
    table.AddRow({IdOf(source.name()), source.display_name(), absl::StrCat(source.evidence_count()),
                  source.url(), source.description()});
  }
  return table;
}

void AddCreate(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string id, name, description, url;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerb(noun, context, "create", "Register a source", [&context, flags]() -> absl::Status {
        v1::CreateSourceRequest request;
        request.set_source_id(flags->id);
        request.mutable_source()->set_display_name(flags->name);
        request.mutable_source()->set_description(flags->description);
        request.mutable_source()->set_url(flags->url);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::CreateSourceResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("SOURCE", flags->id, "Id of the source")->required();
  verb->add_option("--name", flags->name, "Name for people");
  verb->add_option("--description", flags->description, "Text for people");
  verb->add_option("--url", flags->url, "Where it is found");
  AddWriteFlags(verb, &flags->write);
}

void AddGet(CLI::App* noun, CliContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(noun, context, "get", "Show a source", [&context, id]() -> absl::Status {
    v1::GetSourceRequest request;
    request.set_name(NameIn("sources", *id));
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::GetSourceResponse>(context, std::move(request)));
    Presentation presentation;
    presentation.table = [&] {
      const v1::Source& source = response.source();
      return FieldTable(
          {{"name", source.name()},
           {"display name", source.display_name()},
           {"description", source.description()},
           {"url", source.url()},
           {"items", absl::StrCat(source.evidence_count())},
           {"reports that came true", absl::StrCat(source.success_count())},
           {"reports that did not", absl::StrCat(source.failure_count())},
           {"learned reliability",
            source.has_learned_reliability() ? Percent(source.learned_reliability()) : ""}});
    };
    return Emit(context, response, presentation);
  });
  verb->add_option("SOURCE", *id, "Source")->required();
}

void AddList(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "list", "List sources", [&context, flags]() -> absl::Status {
        v1::ListSourcesRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListSourcesResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, *flags, "sources", request, response));
        Presentation presentation{"sources", [&] { return SourceTable(response.sources()); },
                                  nullptr};
        return Emit(context, response, presentation);
      });
  AddListFlags(verb, flags.get());
}

// Puts the entry of `text` in the place of the one for the same grade.
absl::Status AddGrade(const std::string& text, v1::GradeTable* table) {
  CREDENCE_ASSIGN_OR_RETURN(const event::v1::GradeProbability given, ParseGrade(text));
  for (auto& entry : *table->mutable_grades()) {
    if (entry.grade() != given.grade()) continue;
    entry = given;
    return absl::OkStatus();
  }
  *table->add_grades() = given;
  return absl::OkStatus();
}

struct GradeFlags {
  std::string file;
  std::vector<std::string> grades;
  std::optional<double> correlation;
  WriteFlags write;
};

// Flags change single entries of the table in force; a file replaces it.
absl::Status SetGrades(CliContext& context, const GradeFlags& flags) {
  v1::SetGradeTableRequest request;
  if (flags.file.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const auto current, CallRpc<v1::GetGradeTableResponse>(
                                                      context, v1::GetGradeTableRequest()));
    *request.mutable_grade_table() = current.grade_table();
  } else {
    CREDENCE_RETURN_IF_ERROR(ReadMessage(flags.file, context.in(), request.mutable_grade_table()));
  }
  for (const std::string& grade : flags.grades) {
    CREDENCE_RETURN_IF_ERROR(AddGrade(grade, request.mutable_grade_table()));
  }
  if (flags.correlation) {
    request.mutable_grade_table()->set_default_cluster_correlation(*flags.correlation);
  }
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags.write));
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::SetGradeTableResponse>(context, std::move(request)));
  return EmitWrite(context, response);
}

Table GradeTableTable(const v1::GradeTable& grades) {
  Table table({{"GRADE"}, {"PROBABILITY", Table::Align::kRight}});
  for (const auto& entry : grades.grades()) {
    table.AddRow({entry.grade(), {Rounded(entry.probability()), Exact(entry.probability())}});
  }
  return table;
}

}  // namespace

void AddSourceCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "source", "Sources of evidence");
  AddCreate(noun, context);
  AddGet(noun, context);
  AddList(noun, context);
}

void AddGradeCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "grades", "Admiralty grades as probabilities");
  AddVerb(noun, context, "get", "Show the grade table in force", [&context]() -> absl::Status {
    v1::GetGradeTableRequest request;
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::GetGradeTableResponse>(context, std::move(request)));
    Presentation presentation;
    presentation.table = [&] { return GradeTableTable(response.grade_table()); };
    presentation.text = [&](std::ostream& out) {
      GradeTableTable(response.grade_table()).WriteText(out);
      out << "default cluster correlation "
          << Rounded(response.grade_table().default_cluster_correlation()) << "\n";
    };
    return Emit(context, response, presentation);
  });
  auto flags = std::make_shared<GradeFlags>();
  CLI::App* set = AddVerb(noun, context, "set", "Change the grade table",
                          [&context, flags] { return SetGrades(context, *flags); });
  set->add_option("GRADE", flags->grades, "Entries to change, such as B=0.8 2=0.85");
  set->add_option("-f,--file", flags->file, "Whole table in YAML or JSON; - for standard input");
  set->add_option("--cluster-correlation", flags->correlation,
                  "Correlation of clusters that state none, 0 to 1");
  AddWriteFlags(set, &flags->write);
}

}  // namespace credence::cli
