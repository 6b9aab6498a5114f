#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/time.h"
#include "format.h"
#include "numeric_flags.h"
#include "output.h"
#include "pool_flags.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

std::string StateText(const v1::Question& question) {
  return EnumText(v1::Question::State_descriptor(), question.state());
}

Table::Cell PosteriorCell(const v1::Question& question) {
  if (!question.has_published_distribution()) {
    return {StatesText(question.published_posterior()),
            StatesCell(question.published_posterior()).raw};
  }
  return NumericText(question.published_distribution());
}

Table QuestionTable(const v1::ListQuestionsResponse& response) {
  Table table({{"QUESTION"}, {"STATE"}, {"CLOSES"}, {"POSTERIOR"}, {"OUTCOME"}, {"TITLE"}});
  for (const v1::Question& question : response.questions()) {
    table.AddRow({IdOf(question.name()), StateText(question),
                  question.has_close_time() ? FormatInstant(question.close_time()) : "",
                  PosteriorCell(question), question.resolution().outcome(), question.title()});
  }
  return table;
}

std::string IdsText(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return absl::StrJoin(names, ", ",
                       [](std::string* out, const std::string& name) { out->append(IdOf(name)); });
}

// Which version of its texts stands, and since which one its meaning may be another.
std::string VersionText(const v1::Question& question) {
  if (question.material_version() <= 1) return absl::StrCat(question.question_version());
  return absl::StrCat(question.question_version(), ", materially changed by version ",
                      question.material_version());
}

Table QuestionFields(const v1::Question& question) {
  const v1::Resolution& resolution = question.resolution();
  return FieldTable(
      {{"name", question.name()},
       {"title", question.title()},
       {"criteria", question.resolution_criteria()},
       {"state", StateText(question)},
       {"network", question.network()},
       {"node", question.node()},
       {"opens", question.has_open_time() ? FormatInstant(question.open_time()) : ""},
       {"closes", question.has_close_time() ? FormatInstant(question.close_time()) : ""},
       {"tags", absl::StrJoin(question.tags(), ", ")},
       {"implies", IdsText(question.implied_questions())},
       {"conjunction of", IdsText(question.conjuncts())},
       {"version", VersionText(question)},
       {"posterior", PosteriorCell(question).text},
       {"standing forecasts", absl::StrCat(question.standing_forecast_count())},
       {"outcome", resolution.outcome()},
       {"resolved", resolution.has_resolve_time() ? FormatInstant(resolution.resolve_time()) : ""},
       {"why", resolution.rationale()},
       {"revision", absl::StrCat(question.revision())},
       {"recorded", FormatInstant(question.record_time())}});
}

// What is declared of how questions hang together.
void AddRelationFlags(CLI::App* verb, std::vector<std::string>* implied,
                      std::vector<std::string>* conjuncts) {
  verb->add_option("--implies", *implied,
                   "Questions that are yes whenever this one is, such as a later deadline")
      ->delimiter(',');
  verb->add_option("--conjunction-of", *conjuncts,
                   "Questions that are all yes exactly when this one is")
      ->delimiter(',');
}

struct CreateFlags {
  std::string id;
  std::string file;
  std::string title, criteria, network, node, open_time, close_time;
  std::vector<std::string> tags, states, implied, conjuncts;
  std::vector<double> prior;
  std::string numeric, unit;
  std::string auto_resolve, grace;
  PoolFlags pool;
  bool without_model = false;
  bool ordered = false;
  bool hides_pool = false;
  bool draft = false;
  WriteFlags write;
};

// Ids of questions as full names; an empty one stands for none.
void AddNames(const std::vector<std::string>& ids,
              google::protobuf::RepeatedPtrField<std::string>* names) {
  for (const std::string& id : ids) {
    if (!id.empty()) *names->Add() = NameIn("questions", id);
  }
}

// What the flags say stands above what the file says.
absl::Status FillQuestion(CliContext& context, const CreateFlags& flags, v1::Question* question) {
  if (!flags.file.empty()) {
    CREDENCE_RETURN_IF_ERROR(ReadMessage(flags.file, context.in(), question));
  }
  if (!flags.title.empty()) question->set_title(flags.title);
  if (!flags.criteria.empty()) question->set_resolution_criteria(flags.criteria);
  if (!flags.network.empty()) question->set_network(NameIn("networks", flags.network));
  if (!flags.node.empty()) question->set_node(flags.node);
  for (const std::string& tag : flags.tags) question->add_tags(tag);
  for (const std::string& state : flags.states) question->add_states(state);
  AddNames(flags.implied, question->mutable_implied_questions());
  AddNames(flags.conjuncts, question->mutable_conjuncts());
  if (!flags.prior.empty()) {
    auto* fixed = question->mutable_prior()->mutable_fixed();
    fixed->mutable_probabilities()->Assign(flags.prior.begin(), flags.prior.end());
    if (flags.prior.size() == 1) fixed->add_probabilities(1 - flags.prior.front());
  }
  if (!flags.numeric.empty()) {
    CREDENCE_RETURN_IF_ERROR(FillNumericModel(flags.numeric, question->mutable_numeric()));
  }
  if (!flags.unit.empty()) question->mutable_numeric()->set_unit(flags.unit);
  if (flags.pool.any()) {
    CREDENCE_ASSIGN_OR_RETURN(*question->mutable_pool(), MakePolicy(flags.pool));
  }
  if (!flags.auto_resolve.empty()) {
    question->mutable_auto_resolution()->set_outcome(flags.auto_resolve);
  }
  if (!flags.grace.empty()) {
    if (!question->has_auto_resolution()) return UsageError("--grace goes with --auto-resolve");
    CREDENCE_ASSIGN_OR_RETURN(const absl::Duration grace, ParseDuration(flags.grace));
    *question->mutable_auto_resolution()->mutable_grace_duration() = ToProto(grace);
  }
  if (flags.without_model) question->set_without_model(true);
  if (flags.ordered) question->set_ordered(true);
  if (flags.hides_pool) question->set_hides_pool(true);
  CREDENCE_ASSIGN_OR_RETURN(const auto open_time,
                            TimeFlag(context, "--open-time", flags.open_time));
  if (open_time) *question->mutable_open_time() = *open_time;
  CREDENCE_ASSIGN_OR_RETURN(const auto close_time,
                            TimeFlag(context, "--close-time", flags.close_time));
  if (close_time) *question->mutable_close_time() = *close_time;
  return absl::OkStatus();
}

absl::Status Create(CliContext& context, const CreateFlags& flags) {
  v1::CreateQuestionRequest request;
  request.set_question_id(flags.id);
  CREDENCE_RETURN_IF_ERROR(FillQuestion(context, flags, request.mutable_question()));
  request.set_draft(flags.draft);
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags.write));
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::CreateQuestionResponse>(context, std::move(request)));
  return EmitWrite(context, response);
}

void AddCreate(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<CreateFlags>();
  CLI::App* verb = AddVerb(noun, context, "create", "Create a question",
                           [&context, flags] { return Create(context, *flags); });
  verb->add_option("QUESTION", flags->id, "Id of the question")->required();
  verb->add_option("-f,--file", flags->file, "Question in YAML or JSON; - for standard input");
  verb->add_option("--title", flags->title, "The question in one sentence");
  verb->add_option("--criteria", flags->criteria, "What exactly decides it");
  verb->add_option("--network", flags->network, "Network that holds its node");
  verb->add_option("--node", flags->node, "Its node; the question's id where absent");
  verb->add_option("--open-time", flags->open_time, "When forecasts begin to count");
  verb->add_option("--close-time", flags->close_time, "When forecasts cease to count");
  verb->add_option("--tag", flags->tags, "Label; may be repeated")->delimiter(',');
  verb->add_option("--states", flags->states, "States of a question that stands alone")
      ->delimiter(',');
  verb->add_option(
          "--prior", flags->prior,
          "Prior of a question that stands alone: one probability for each state, or of the "
          "first of two")
      ->delimiter(',');
  verb->add_option("--numeric", flags->numeric, NumericModelHelp());
  verb->add_option("--unit", flags->unit, "Unit of the number, for people");
  verb->add_option(
      "--auto-resolve", flags->auto_resolve,
      "State that the system resolves it to where nobody did by its close and --grace");
  verb->add_option("--grace", flags->grace, "Time after the close, such as 30d");
  AddPolicyFlags(verb, &flags->pool);
  AddRelationFlags(verb, &flags->implied, &flags->conjuncts);
  verb->add_flag("--without-model", flags->without_model,
                 "Forecasters alone speak on it: no prior, no posterior, no score of a model");
  verb->add_flag("--ordered", flags->ordered,
                 "Its states have an order, which scores use: a near miss costs less");
  verb->add_flag("--hide-pool", flags->hides_pool,
                 "Who has not forecast it is not shown the pool while it is open");
  verb->add_flag("--draft", flags->draft, "Create it as a draft, to be opened later");
  AddWriteFlags(verb, &flags->write);
}

void AddGet(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string id, effective_time;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerb(noun, context, "get", "Show a question", [&context, flags]() -> absl::Status {
        v1::GetQuestionRequest request;
        request.set_name(NameIn("questions", flags->id));
        CREDENCE_ASSIGN_OR_RETURN(const auto time,
                                  TimeFlag(context, "--effective-time", flags->effective_time));
        if (time) *request.mutable_effective_time() = *time;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetQuestionResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.table = [&] { return QuestionFields(response.question()); };
        return Emit(context, response, presentation);
      });
  verb->add_option("QUESTION", flags->id, "Question")->required();
  verb->add_option("--effective-time", flags->effective_time,
                   "State and resolution as they stood at this time");
}

void AddList(CLI::App* noun, CliContext& context) {
  struct Flags {
    ListFlags list;
    std::string state, tag, network;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      AddVerb(noun, context, "list", "List questions", [&context, flags]() -> absl::Status {
        v1::ListQuestionsRequest request;
        CREDENCE_ASSIGN_OR_RETURN(
            const int state, ParseEnum(v1::Question::State_descriptor(), "--state", flags->state));
        request.set_state(static_cast<v1::Question::State>(state));
        request.set_tag(flags->tag);
        request.set_network(NameIn("networks", flags->network));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListQuestionsResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "questions", request, response));
        Presentation presentation{"questions", [&] { return QuestionTable(response); }, nullptr};
        return Emit(context, response, presentation);
      });
  verb->add_option("--state", flags->state, "draft, active, closed, resolved or annulled");
  verb->add_option("--tag", flags->tag, "Only with this tag");
  verb->add_option("--network", flags->network, "Only of this network");
  AddListFlags(verb, &flags->list);
}

// What an update changes. A list that is given, even an empty one, takes the place of the old.
struct UpdateFlags {
  std::string id;
  std::optional<std::string> title, criteria;
  std::vector<std::string> tags, implied, conjuncts;
  bool wording_only = false;
  WriteFlags write;
};

absl::Status Update(CliContext& context, const UpdateFlags& flags, const CLI::App& verb) {
  v1::UpdateQuestionRequest request;
  request.set_name(NameIn("questions", flags.id));
  v1::Question& question = *request.mutable_question();
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  if (flags.title) {
    question.set_title(*flags.title);
    mask.add_paths("title");
  }
  if (flags.criteria) {
    question.set_resolution_criteria(*flags.criteria);
    mask.add_paths("resolution_criteria");
  }
  if (verb.count("--tags") > 0) {
    for (const std::string& tag : flags.tags) {
      if (!tag.empty()) question.add_tags(tag);
    }
    mask.add_paths("tags");
  }
  if (verb.count("--implies") > 0) {
    AddNames(flags.implied, question.mutable_implied_questions());
    mask.add_paths("implied_questions");
  }
  if (verb.count("--conjunction-of") > 0) {
    AddNames(flags.conjuncts, question.mutable_conjuncts());
    mask.add_paths("conjuncts");
  }
  if (mask.paths().empty()) {
    return UsageError(
        "nothing to change: give --title, --criteria, --tags, --implies or --conjunction-of");
  }
  request.set_wording_only(flags.wording_only);
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags.write));
  CREDENCE_ASSIGN_OR_RETURN(const auto response,
                            CallRpc<v1::UpdateQuestionResponse>(context, std::move(request)));
  return EmitWrite(context, response);
}

void AddUpdate(CLI::App* noun, CliContext& context) {
  struct State {
    UpdateFlags flags;
    CLI::App* verb = nullptr;
  };
  auto state = std::make_shared<State>();
  state->verb = AddVerb(noun, context, "update", "Change title, criteria, tags or relations",
                        [&context, state] { return Update(context, state->flags, *state->verb); });
  UpdateFlags& flags = state->flags;
  state->verb->add_option("QUESTION", flags.id, "Question")->required();
  state->verb->add_option("--title", flags.title, "New title");
  state->verb->add_option("--criteria", flags.criteria, "New resolution criteria");
  state->verb->add_option("--tags", flags.tags, "New tags, in place of the old; '' for none")
      ->delimiter(',');
  AddRelationFlags(state->verb, &flags.implied, &flags.conjuncts);
  state->verb->add_flag("--wording-only", flags.wording_only,
                        "The texts say the same in other words; else scores of forecasts made "
                        "before the change are flagged");
  AddWriteFlags(state->verb, &flags.write);
}

// A change of state that takes only the question's name.
template <typename Request, typename Response>
void AddTransition(CLI::App* noun, CliContext& context, const std::string& name,
                   const std::string& description) {
  struct Flags {
    std::string id;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(noun, context, name, description, [&context, flags]() -> absl::Status {
    Request request;
    request.set_name(NameIn("questions", flags->id));
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
    CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<Response>(context, std::move(request)));
    return EmitWrite(context, response);
  });
  verb->add_option("QUESTION", flags->id, "Question")->required();
  AddWriteFlags(verb, &flags->write);
}

Table ScoreTable(const google::protobuf::RepeatedPtrField<v1::Score>& scores) {
  Table table({{"SUBJECT"}, {"RULE"}, {"SCORE", Table::Align::kRight}});
  for (const v1::Score& score : scores) {
    for (const auto& rule : score.scores()) {
      table.AddRow({score.subject(),
                    rule.rule(),
                    {rule.has_value() ? Rounded(rule.value()) : "infinite",
                     rule.has_value() ? Exact(rule.value()) : ""}});
    }
  }
  return table;
}

// Resolve and amend differ in their rpc alone.
template <typename Request, typename Response>
void AddResolve(CLI::App* noun, CliContext& context, const std::string& name,
                const std::string& description) {
  struct Flags {
    std::string id, outcome, occur_time, rationale;
    std::optional<double> value;
    std::optional<double> fraction;
    bool is_void = false;
    bool ambiguous = false;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(noun, context, name, description, [&context, flags]() -> absl::Status {
    Request request;
    request.set_name(NameIn("questions", flags->id));
    v1::Resolution& resolution = *request.mutable_resolution();
    const int ends = static_cast<int>(!flags->outcome.empty()) +
                     static_cast<int>(flags->value.has_value()) +
                     static_cast<int>(flags->fraction.has_value()) +
                     static_cast<int>(flags->is_void) + static_cast<int>(flags->ambiguous);
    if (ends != 1) {
      return UsageError(
          "give one of --outcome, --value (where the question asks for a number), --fraction, "
          "--void and --ambiguous");
    }
    resolution.set_outcome(flags->outcome);
    if (flags->value) resolution.set_value(*flags->value);
    if (flags->fraction) resolution.set_fraction(*flags->fraction);
    if (flags->is_void) resolution.set_unscored(event::v1::UNSCORED_VOID);
    if (flags->ambiguous) resolution.set_unscored(event::v1::UNSCORED_AMBIGUOUS);
    resolution.set_rationale(flags->rationale);
    CREDENCE_ASSIGN_OR_RETURN(const auto time,
                              TimeFlag(context, "--occur-time", flags->occur_time));
    if (time) *resolution.mutable_occur_time() = *time;
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
    CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<Response>(context, std::move(request)));
    if (context.flags().output == OutputFormat::kTable && !response.scores().empty()) {
      ScoreTable(response.scores()).WriteText(context.out());
    }
    return EmitWrite(context, response);
  });
  verb->add_option("QUESTION", flags->id, "Question")->required();
  verb->add_option("--outcome", flags->outcome, "State that came true");
  verb->add_option("--value", flags->value, "The value, where the question asks for a number");
  verb->add_option("--fraction", flags->fraction,
                   "Share of the first of two states, for a market settled between them");
  verb->add_flag("--void", flags->is_void, "It did not come to be decided: it is not scored");
  verb->add_flag("--ambiguous", flags->ambiguous,
                 "Its criteria do not settle it: it is not scored");
  verb->add_option("--occur-time", flags->occur_time, "When it happened in the world");
  verb->add_option("--rationale", flags->rationale, "Why, with a source");
  AddWriteFlags(verb, &flags->write);
}

void AddAnnul(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string id, rationale;
    WriteFlags write;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "annul", "Annul a question: it is not scored",
      [&context, flags]() -> absl::Status {
        v1::AnnulQuestionRequest request;
        request.set_name(NameIn("questions", flags->id));
        request.set_rationale(flags->rationale);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(context, flags->write));
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::AnnulQuestionResponse>(context, std::move(request)));
        return EmitWrite(context, response);
      });
  verb->add_option("QUESTION", flags->id, "Question")->required();
  verb->add_option("--rationale", flags->rationale, "Why");
  AddWriteFlags(verb, &flags->write);
}

}  // namespace

void AddQuestionCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "question", "Questions and their lives");
  AddCreate(noun, context);
  AddGet(noun, context);
  AddList(noun, context);
  AddUpdate(noun, context);
  AddTransition<v1::OpenQuestionRequest, v1::OpenQuestionResponse>(noun, context, "open",
                                                                   "Open a draft");
  AddTransition<v1::CloseQuestionRequest, v1::CloseQuestionResponse>(
      noun, context, "close", "Close a question for forecasts before its time");
  AddResolve<v1::ResolveQuestionRequest, v1::ResolveQuestionResponse>(
      noun, context, "resolve", "Resolve a question and score it");
  AddResolve<v1::AmendResolutionRequest, v1::AmendResolutionResponse>(
      noun, context, "amend", "Correct a resolution and score again");
  AddAnnul(noun, context);
  AddHistoryVerb(noun, context);
}

}  // namespace credence::cli
