#include <ostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "credence/client/seal.h"
#include "format.h"
#include "numeric_flags.h"
#include "output.h"
#include "pool_flags.h"

namespace credence::cli {
namespace {

Table::Cell ProbabilityCell(const v1::Forecast& forecast) {
  if (forecast.withdrawn()) return "withdrawn";
  if (forecast.has_seal() && !forecast.seal().has_revealed_time()) return "sealed";
  if (forecast.has_distribution()) return DistributionText(forecast.distribution());
  if (!forecast.probabilities().empty()) return StatesCell(forecast.probabilities());
  if (!forecast.has_probability()) return "";
  return {Percent(forecast.probability()), Exact(forecast.probability())};
}

// What became of a seal; empty for a forecast that was not sealed.
std::string SealText(const v1::Forecast& forecast) {
  if (!forecast.has_seal()) return "";
  const v1::ForecastSeal& seal = forecast.seal();
  if (seal.revealed_late()) return "revealed too late";
  if (seal.has_revealed_time()) return "revealed";
  return absl::StrCat("to be revealed before ", FormatInstant(seal.reveal_time()));
}

Table ForecastTable(const google::protobuf::RepeatedPtrField<v1::Forecast>& forecasts) {
  Table table({{"POSITION", Table::Align::kRight},
               {"COUNTS FROM"},
               {"FORECASTER"},
               {"PROBABILITY"},
               {"FORECAST"},
               {"SEAL"},
               {"WHY"}});
  for (const v1::Forecast& forecast : forecasts) {
    table.AddRow({absl::StrCat(forecast.position()), FormatInstant(forecast.effective_time()),
                  IdOf(forecast.forecaster()), ProbabilityCell(forecast), IdOf(forecast.name()),
                  SealText(forecast), forecast.rationale()});
  }
  return table;
}

struct AddFlags {
  std::string question, forecaster, id, rationale;
  std::vector<std::string> probabilities, quantiles;
  std::string distribution;
  WriteFlags write;
};

// "0.3" is the probability of the first of two states, "yes=0.3" that of a state by name.
absl::Status FillProbabilities(const std::vector<std::string>& texts, v1::Forecast* forecast) {
  double probability = 0;
  if (texts.size() == 1 && absl::SimpleAtod(texts.front(), &probability)) {
    forecast->set_probability(probability);
    return absl::OkStatus();
  }
  for (const std::string& text : texts) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || !absl::SimpleAtod(text.substr(equals + 1), &probability)) {
      return UsageError(absl::StrCat("'", text, "' is no probability such as 0.3 or yes=0.3"));
    }
    v1::StateProbability* state = forecast->add_probabilities();
    state->set_state(text.substr(0, equals));
    state->set_probability(probability);
  }
  return absl::OkStatus();
}

// What the flags say: whose forecast it is, and what.
absl::Status FillForecast(const AddFlags& flags, v1::Forecast& forecast) {
  forecast.set_forecaster(NameIn("forecasters", flags.forecaster));
  const int forms =
      !flags.probabilities.empty() + !flags.quantiles.empty() + !flags.distribution.empty();
  if (forms != 1) {
    return UsageError("give PROBABILITY, or of a number one of --quantiles and --distribution");
  }
  if (!flags.quantiles.empty()) {
    CREDENCE_RETURN_IF_ERROR(
        FillQuantiles("--quantiles", flags.quantiles, forecast.mutable_distribution()));
  } else if (!flags.distribution.empty()) {
    CREDENCE_RETURN_IF_ERROR(FillDistribution(flags.distribution, forecast.mutable_distribution()));
  } else {
    CREDENCE_RETURN_IF_ERROR(FillProbabilities(flags.probabilities, &forecast));
  }
  return absl::OkStatus();
}

void AddForecastFlags(CLI::App* verb, AddFlags* flags) {
  verb->add_option("QUESTION", flags->question, "Question")->required();
  verb->add_option("PROBABILITY", flags->probabilities,
                   "Probability of the first of two states, or STATE=PROBABILITY for each state");
  verb->add_option("--quantiles", flags->quantiles,
                   "PROBABILITY=VALUE for each quantile of a number, such as 0.1=20,0.5=40,0.9=90")
      ->delimiter(',');
  verb->add_option("--distribution", flags->distribution, DistributionHelp());
  verb->add_option("--forecaster", flags->forecaster, "Whose forecast it is")->required();
  verb->add_option("--id", flags->id, "Id of the forecast; one is made if absent");
}

absl::Status Add(CliContext& context, const AddFlags& flags) {
  v1::CreateForecastRequest request;
  request.set_parent(NameIn("questions", flags.question));
  request.set_forecast_id(flags.id);
  CREDENCE_RETURN_IF_ERROR(FillForecast(flags, *request.mutable_forecast()));
  request.mutable_forecast()->set_rationale(flags.rationale);
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags.write));
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::CreateForecastResponse>(context, std::move(request)));
  return EmitWrite(context, response);
}

void AddAdd(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<AddFlags>();
  CLI::App* verb = AddVerb(noun, context, "add", "Record a forecast",
                           [&context, flags] { return Add(context, *flags); });
  AddForecastFlags(verb, flags.get());
  verb->add_option("--rationale", flags->rationale, "Why");
  AddWriteFlags(verb, &flags->write);
}

struct SealFlags : AddFlags {
  std::string file, reveal_before;
};

absl::Status Seal(CliContext& context, const SealFlags& flags) {
  v1::Forecast forecast;
  CREDENCE_RETURN_IF_ERROR(FillForecast(flags, forecast));
  CREDENCE_ASSIGN_OR_RETURN(const auto reveal_time,
                            TimeFlag(context, "--reveal-before", flags.reveal_before));
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  CREDENCE_ASSIGN_OR_RETURN(
      client::MadeSeal made,
      client::MakeSeal(*client, NameIn("questions", flags.question), flags.id, forecast));
  if (reveal_time) *made.request.mutable_reveal_time() = *reveal_time;
  CREDENCE_ASSIGN_OR_RETURN(*made.request.mutable_options(), MakeOptions(context, flags.write));
  // First, so that no seal is on record whose secret is lost.
  if (!context.flags().dry_run) {
    CREDENCE_RETURN_IF_ERROR(client::WriteSecret(made.secret, flags.file));
  }
  const auto response = CallRpc<v1::SealForecastResponse>(context, std::move(made.request));
  if (!response.ok()) {
    context.err() << "the secret is in " << flags.file
                  << "; whether it was sealed, `forecast list` shows\n";
    return response.status();
  }
  return EmitWrite(context, *response);
}

void AddSeal(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<SealFlags>();
  CLI::App* verb = AddVerb(noun, context, "seal", "Fix a forecast by its hash, and tell it later",
                           [&context, flags] { return Seal(context, *flags); });
  AddForecastFlags(verb, flags.get());
  verb->add_option("--file", flags->file,
                   "New file of what reveals it; keep it, and to yourself until then")
      ->required();
  verb->add_option("--reveal-before", flags->reveal_before,
                   "When it must be revealed by to count; the question's close if absent");
  verb->add_option("--expected-revision", flags->write.expected_revision,
                   "Refuse where the stream has another revision");
}

void AddReveal(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string file, rationale;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "reveal", "Tell what a sealed forecast is",
      [&context, flags]() -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(const v1::SealSecret secret, client::ReadSecret(flags->file));
        v1::RevealForecastRequest request = client::RevealRequest(secret);
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::RevealForecastResponse>(context, std::move(request)));
        if (response.forecast().seal().revealed_late()) {
          context.err() << "revealed too late to count\n";
        }
        return EmitWrite(context, response);
      });
  verb->add_option("FILE", flags->file, "File that `forecast seal` wrote")->required();
  verb->add_option("--rationale", flags->rationale, "Why");
  verb->add_option("--expected-revision", flags->write.expected_revision,
                   "Refuse where the stream has another revision");
}

void AddList(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string question, forecaster, effective_time;
    bool standing = false;
    ListFlags list;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "list", "List the forecasts on a question",
      [&context, flags]() -> absl::Status {
        v1::ListForecastsRequest request;
        request.set_parent(NameIn("questions", flags->question));
        request.set_forecaster(NameIn("forecasters", flags->forecaster));
        request.set_standing_only(flags->standing);
        CREDENCE_ASSIGN_OR_RETURN(const auto time,
                                  TimeFlag(context, "--effective-time", flags->effective_time));
        if (time) *request.mutable_effective_time() = *time;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListForecastsResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "forecasts", request, response));
        Presentation presentation{"forecasts", [&] { return ForecastTable(response.forecasts()); },
                                  nullptr};
        return Emit(context, response, presentation);
      });
  verb->add_option("QUESTION", flags->question, "Question")->required();
  verb->add_option("--forecaster", flags->forecaster, "Only of this forecaster");
  verb->add_flag("--standing", flags->standing, "Only the standing forecast of each forecaster");
  verb->add_option("--effective-time", flags->effective_time,
                   "What counted at or before this time; with --standing what stood then");
  AddListFlags(verb, &flags->list);
}

void AddWithdraw(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string question, forecaster, rationale;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "withdraw", "End a forecaster's standing forecast",
      [&context, flags]() -> absl::Status {
        v1::WithdrawForecastRequest request;
        request.set_parent(NameIn("questions", flags->question));
        request.set_forecaster(NameIn("forecasters", flags->forecaster));
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::WithdrawForecastResponse>(
                                                           context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("QUESTION", flags->question, "Question")->required();
  verb->add_option("--forecaster", flags->forecaster, "Whose forecast ends")->required();
  verb->add_option("--rationale", flags->rationale, "Why");
  AddWriteFlags(verb, &flags->write);
}

Table PoolTable(const v1::GetPoolResponse& response) {
  if (response.has_numeric()) {
    Table table({{"SERIES"}, {"POINT"}, {"VALUE", Table::Align::kRight}});
    AddNumericRows("pool", response.numeric(), &table);
    return table;
  }
  Table table({{"SERIES"}, {"STATE"}, {"PROBABILITY", Table::Align::kRight}});
  const auto add = [&table](const char* series, const auto& states) {
    for (const v1::StateProbability& state : states) {
      table.AddRow(
          {series, state.state(), {Percent(state.probability()), Exact(state.probability())}});
    }
  };
  add("pool", response.probabilities());
  add("model", response.model_probabilities());
  add("combined", response.combined_probabilities());
  return table;
}

void WritePool(const v1::GetPoolResponse& response, std::ostream& out) {
  PoolTable(response).WriteText(out);
  if (response.weighting() > event::v1::POOL_WEIGHTING_EQUAL) {
    Table members({{"FORECASTER"}, {"WEIGHT", Table::Align::kRight}, {"SINCE"}});
    for (const v1::PoolMember& member : response.members()) {
      members.AddRow({IdOf(member.forecaster()),
                      {Percent(member.weight()), Exact(member.weight())},
                      FormatInstant(member.effective_time())});
    }
    members.WriteText(out);
  }
  out << EnumText(event::v1::PoolMethod_descriptor(), response.method()) << " pool of "
      << response.forecast_count() << " forecasts, weights "
      << EnumText(event::v1::PoolWeighting_descriptor(), response.weighting());
  if (response.has_extremizing_factor()) {
    out << ", log-odds times " << Rounded(response.extremizing_factor());
  }
  out << "\n";
}

absl::StatusOr<v1::GetPoolRequest> PoolRequest(CliContext& context, const std::string& question,
                                               const std::string& effective_time,
                                               const PoolFlags& flags) {
  v1::GetPoolRequest request;
  request.set_parent(NameIn("questions", question));
  CREDENCE_ASSIGN_OR_RETURN(event::v1::PoolPolicy policy, MakePolicy(flags));
  request.set_method(policy.method());
  // With any flag but the method, the flags stand in place of what the question states.
  if (flags.beyond_method()) *request.mutable_policy() = std::move(policy);
  CREDENCE_ASSIGN_OR_RETURN(const auto time, TimeFlag(context, "--effective-time", effective_time));
  if (time) *request.mutable_effective_time() = *time;
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
  return request;
}

void AddPool(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string question, effective_time;
    PoolFlags policy;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "pool", "Pool the standing forecasts", [&context, flags]() -> absl::Status {
        CREDENCE_ASSIGN_OR_RETURN(
            v1::GetPoolRequest request,
            PoolRequest(context, flags->question, flags->effective_time, flags->policy));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetPoolResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return PoolTable(response); };
        presentation.text = [&](std::ostream& out) { WritePool(response, out); };
        return Emit(context, response, presentation);
      });
  verb->add_option("QUESTION", flags->question, "Question")->required();
  AddPolicyFlags(verb, &flags->policy);
  verb->add_option("--effective-time", flags->effective_time,
                   "Instant whose standing forecasts are pooled");
}

}  // namespace

void AddForecastCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "forecast", "Forecasts and pools of them");
  AddAdd(noun, context);
  AddList(noun, context);
  AddSeal(noun, context);
  AddReveal(noun, context);
  AddWithdraw(noun, context);
  AddPool(noun, context);
}

}  // namespace credence::cli
