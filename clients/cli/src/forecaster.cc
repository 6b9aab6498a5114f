#include "absl/strings/str_cat.h"
#include "command.h"
#include "format.h"
#include "output.h"

namespace credence::cli {
namespace {

Table ForecasterTable(const google::protobuf::RepeatedPtrField<v1::Forecaster>& forecasters) {
  Table table({{"FORECASTER"},
               {"NAME"},
               {"FORECASTS", Table::Align::kRight},
               {"SEALED", Table::Align::kRight},
               {"NEVER REVEALED", Table::Align::kRight},
               {"DESCRIPTION"}});
  for (const v1::Forecaster& forecaster : forecasters) {
    table.AddRow({IdOf(forecaster.name()), forecaster.display_name(),
                  absl::StrCat(forecaster.forecast_count()),
                  absl::StrCat(forecaster.seals().sealed_count()),
                  absl::StrCat(forecaster.seals().unrevealed_count()), forecaster.description()});
  }
  return table;
}

void AddCreate(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string id, name, description;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "create", "Register a forecaster", [&context, flags]() -> absl::Status {
        v1::CreateForecasterRequest request;
        request.set_forecaster_id(flags->id);
        request.mutable_forecaster()->set_display_name(flags->name);
        request.mutable_forecaster()->set_description(flags->description);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::CreateForecasterResponse>(
                                                           context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("FORECASTER", flags->id, "Id of the forecaster")->required();
  verb->add_option("--name", flags->name, "Name for people");
  verb->add_option("--description", flags->description, "Text for people");
  AddWriteFlags(verb, &flags->write);
}

void AddGet(CLI::App* noun, CliContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb =
      AddVerb(noun, context, "get", "Show a forecaster", [&context, id]() -> absl::Status {
        v1::GetForecasterRequest request;
        request.set_name(NameIn("forecasters", *id));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetForecasterResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] {
          const v1::Forecaster& forecaster = response.forecaster();
          return FieldTable(
              {{"name", forecaster.name()},
               {"display name", forecaster.display_name()},
               {"description", forecaster.description()},
               {"forecasts", absl::StrCat(forecaster.forecast_count())},
               {"sealed", absl::StrCat(forecaster.seals().sealed_count())},
               {"revealed", absl::StrCat(forecaster.seals().revealed_count())},
               {"revealed too late", absl::StrCat(forecaster.seals().revealed_late_count())},
               {"never revealed", absl::StrCat(forecaster.seals().unrevealed_count())}});
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("FORECASTER", *id, "Forecaster")->required();
}

void AddList(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* verb =
      AddVerb(noun, context, "list", "List forecasters", [&context, flags]() -> absl::Status {
        v1::ListForecastersRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListForecastersResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, *flags, "forecasters", request, response));
        Presentation presentation{"forecasters",
                                  [&] { return ForecasterTable(response.forecasters()); }, nullptr};
        return Emit(context, response, presentation);
      });
  AddListFlags(verb, flags.get());
}

}  // namespace

void AddForecasterCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "forecaster", "People, teams and programs that forecast");
  AddCreate(noun, context);
  AddGet(noun, context);
  AddList(noun, context);
}

}  // namespace credence::cli
