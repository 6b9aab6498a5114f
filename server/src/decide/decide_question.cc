#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/network_events.pb.h"
#include "decide/batch.h"
#include "decide/checks.h"
#include "decide/decide.h"
#include "decide/network_check.h"
#include "decide/pool_policy.h"
#include "decide/relations.h"
#include "decide/trial.h"
#include "query/convert.h"
#include "query/find.h"

// The beginning and the middle of a question's life.
namespace credence::server {
namespace {

absl::Status CheckTags(const google::protobuf::RepeatedPtrField<std::string>& tags) {
  if (tags.size() > kTagCountMax) {
    return InvalidField("FIELD_INVALID", "question.tags",
                        Cat("has ", tags.size(), " tags; at most ", kTagCountMax, " are taken"));
  }
  absl::flat_hash_set<std::string_view> seen;
  for (int i = 0; i < tags.size(); ++i) {
    const std::string path = Cat("question.tags[", i, "]");
    CREDENCE_RETURN_IF_ERROR(CheckRequiredText(tags.Get(i), path));
    CREDENCE_RETURN_IF_ERROR(CheckText(tags.Get(i), path, kLabelBytesMax));
    if (!seen.insert(tags.Get(i)).second) {
      return InvalidField("FIELD_INVALID", path, "is given twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTexts(const v1::Question& question) {
  CREDENCE_RETURN_IF_ERROR(CheckRequiredText(question.title(), "question.title"));
  CREDENCE_RETURN_IF_ERROR(
      CheckText(question.resolution_criteria(), "question.resolution_criteria"));
  CREDENCE_RETURN_IF_ERROR(CheckAttributes(question.attributes(), "question.attributes"));
  return CheckTags(question.tags());
}

// The row of the node of a question without a model: nothing is known and nothing is published.
void SetFlatRow(event::v1::Node& node) {
  auto& row = *node.mutable_rows()->add_rows()->mutable_fixed();
  for (int i = 0; i < node.states_size(); ++i) row.add_probabilities(1.0 / node.states_size());
}

// The network of one node that a question which stands alone lives in.
absl::StatusOr<event::v1::NetworkModel> OwnNetwork(const std::string& id,
                                                   const v1::Question& question,
                                                   absl::Time open_time) {
  if (question.has_numeric() && (question.has_prior() || !question.states().empty())) {
    return InvalidField("FIELD_INVALID",
                        question.has_prior() ? "question.prior" : "question.states",
                        "goes with states; the question asks for a number");
  }
  const bool has_numeric_prior =
      question.numeric().prior_case() != event::v1::NumericModel::PRIOR_NOT_SET;
  if (question.has_numeric() && question.without_model() && has_numeric_prior) {
    return InvalidField("FIELD_INVALID", "question.numeric",
                        "must state no prior for a question without a model");
  }
  if (!question.has_numeric() && question.has_prior() == question.without_model()) {
    return question.has_prior() ? InvalidField("FIELD_INVALID", "question.prior",
                                               "must be absent for a question without a model")
                                : InvalidField("FIELD_REQUIRED", "question.prior",
                                               "must be given for a question without a network");
  }
  if (!question.has_close_time()) {
    return InvalidField("FIELD_REQUIRED", "question.close_time",
                        "must be given for a question without a network");
  }
  if (!question.node().empty()) {
    return InvalidField("FIELD_INVALID", "question.node", "goes with question.network only");
  }
  event::v1::NetworkModel model;
  *model.mutable_open_time() = ToTimestamp(open_time);
  *model.mutable_deadline_time() = question.close_time();
  if (question.has_numeric()) {
    *model.mutable_numeric() = question.numeric();
    if (model.numeric().node().empty()) model.mutable_numeric()->set_node(id);
    // A network must have some prior; nothing is published from this one.
    if (question.without_model()) model.mutable_numeric()->mutable_normal()->set_deviation(1.0);
    return model;
  }
  event::v1::Node& node = *model.add_nodes();
  node.set_node(id);
  node.set_role(event::v1::NODE_ROLE_QUESTION);
  if (question.states().empty()) {
    node.add_states("yes");
    node.add_states("no");
  } else {
    *node.mutable_states() = question.states();
  }
  if (question.without_model()) {
    SetFlatRow(node);
  } else {
    *node.mutable_rows()->add_rows() = question.prior();
  }
  return model;
}

// The question's node in a network that exists, free for a question.
absl::StatusOr<int> FindFreeNode(const State& state, const NetworkState& network,
                                 const std::string& node) {
  const auto& compiled = *network.latest().compiled;
  const absl::StatusOr<int> index = compiled.FindNode(node);
  if (!index.ok())
    return InvalidField("UNKNOWN_NODE", "question.node", FromAbsl(index.status().message()));
  if (compiled.network().nodes[static_cast<size_t>(*index)].role !=
      forecaster::NodeRole::kQuestion) {
    return InvalidField("FIELD_INVALID", "question.node",
                        Cat(node, " does not have the role of a question"));
  }
  for (const std::string& other : network.questions) {
    const QuestionState* question = state.questions.Find(other);
    if (question != nullptr && question->node == node) {
      return WrongState(Cat("questions/", other), Cat("asks about node ", node, " already"));
    }
  }
  return *index;
}

struct Times {
  absl::Time open;
  absl::Time close;
};

absl::StatusOr<Times> QuestionTimes(const v1::Question& question, Times defaults) {
  Times times = defaults;
  if (question.has_open_time()) {
    CREDENCE_ASSIGN_OR_RETURN(times.open, ParseTime(question.open_time(), "question.open_time"));
  }
  if (question.has_close_time()) {
    CREDENCE_ASSIGN_OR_RETURN(times.close, ParseTime(question.close_time(), "question.close_time"));
  }
  if (times.close <= times.open) {
    return InvalidField(
        "TIME_INVALID", "question.close_time",
        Cat(TimeText(times.close), " does not lie after open_time ", TimeText(times.open)));
  }
  if (times.close > defaults.close) {
    return InvalidField("TIME_INVALID", "question.close_time",
                        Cat(TimeText(times.close), " lies after the deadline ",
                            TimeText(defaults.close), " of its node"));
  }
  return times;
}

std::shared_ptr<event::v1::QuestionCreated> MakeCreated(const v1::CreateQuestionRequest& request,
                                                        const std::string& network,
                                                        const std::string& node, Times times,
                                                        const std::string& last_state) {
  auto payload = std::make_shared<event::v1::QuestionCreated>();
  payload->set_question(request.question_id());
  payload->set_network(network);
  payload->set_node(node);
  payload->set_title(request.question().title());
  payload->set_resolution_criteria(request.question().resolution_criteria());
  *payload->mutable_open_time() = ToTimestamp(times.open);
  *payload->mutable_close_time() = ToTimestamp(times.close);
  *payload->mutable_tags() = request.question().tags();
  payload->set_draft(request.draft());
  *payload->mutable_attributes() = request.question().attributes();
  payload->set_without_model(request.question().without_model());
  payload->set_ordered(request.question().ordered());
  payload->set_hides_pool(request.question().hides_pool());
  if (request.question().has_pool()) *payload->mutable_pool() = request.question().pool();
  if (request.question().has_auto_resolution()) {
    *payload->mutable_auto_resolution() = request.question().auto_resolution();
    if (payload->auto_resolution().outcome().empty()) {
      payload->mutable_auto_resolution()->set_outcome(last_state);
    }
  }
  return payload;
}

absl::Status CheckAutoResolution(const v1::Question& question, bool numeric,
                                 const std::vector<std::string>& states) {
  if (!question.has_auto_resolution()) return absl::OkStatus();
  const event::v1::AutoResolution& resolution = question.auto_resolution();
  if (numeric) {
    return InvalidField("FIELD_INVALID", "question.auto_resolution",
                        "must be left out: the question asks for a number");
  }
  if (!resolution.outcome().empty() &&
      std::find(states.begin(), states.end(), resolution.outcome()) == states.end()) {
    return InvalidField("UNKNOWN_STATE", "question.auto_resolution.outcome",
                        Cat("\"", resolution.outcome().substr(0, 80), "\" is not one of ",
                            absl::StrJoin(states, ", ")));
  }
  const absl::Duration grace = ToAbslDuration(resolution.grace_duration());
  constexpr absl::Duration kGraceMax = absl::Hours(24 * 366 * 10);
  if (grace >= absl::ZeroDuration() && grace <= kGraceMax) return absl::OkStatus();
  return InvalidField("TIME_INVALID", "question.auto_resolution.grace_duration",
                      "must not be negative nor longer than ten years");
}

absl::Status CreateAndPublish(Trial& trial, const v1::CreateQuestionRequest& request,
                              const std::string& network_id, const std::string& node, Times times,
                              std::optional<absl::Time> stated) {
  const NetworkState& network = *trial.state().networks.Find(network_id);
  CREDENCE_ASSIGN_OR_RETURN(const int index, network.latest().compiled->FindNode(node));
  const std::vector<std::string> states =
      network.latest().compiled->network().nodes[static_cast<size_t>(index)].states;
  if (request.question().has_pool()) {
    CREDENCE_RETURN_IF_ERROR(CheckPoolPolicy(request.question().pool(), network.numeric(),
                                             states.size(), "question.pool"));
  }
  CREDENCE_RETURN_IF_ERROR(CheckAutoResolution(request.question(), network.numeric(), states));
  CREDENCE_ASSIGN_OR_RETURN(
      const QuestionRelations relations,
      ReadRelations(trial.state(), request.question_id(), network.numeric(), request.question()));
  if (request.question().ordered() && (network.numeric() || states.size() < 3)) {
    return InvalidField("FIELD_INVALID", "question.ordered",
                        "is for questions of three states or more");
  }
  const absl::Time time = trial.EffectiveTime(network, stated);
  CREDENCE_RETURN_IF_ERROR(trial.AdvanceClock(network_id, time));
  auto created = MakeCreated(request, network_id, node, times, states.back());
  SetRelations(relations, *created);
  const int64_t cause =
      trial.Add(Cat("questions/", request.question_id()), std::move(created), time);
  return trial.Publish(network_id, time, event::v1::POSTERIOR_CAUSE_CREATION, cause);
}

absl::Status CreateAlone(Trial& trial, absl::Time record_time, std::optional<absl::Time> stated,
                         const v1::CreateQuestionRequest& request) {
  const std::string& id = request.question_id();
  const v1::Question& question = request.question();
  const absl::Time now = stated.value_or(record_time);
  absl::Time open_time = now;
  if (question.has_open_time()) {
    CREDENCE_ASSIGN_OR_RETURN(open_time, ParseTime(question.open_time(), "question.open_time"));
  }
  CREDENCE_ASSIGN_OR_RETURN(const event::v1::NetworkModel model,
                            OwnNetwork(id, question, open_time));
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time close_time,
                            ParseTime(question.close_time(), "question.close_time"));
  CREDENCE_ASSIGN_OR_RETURN(const Times times, QuestionTimes(question, {open_time, close_time}));
  CREDENCE_RETURN_IF_ERROR(CheckModel(id, model, "question").status());
  const std::string network_name = Cat("networks/", id);
  if (trial.state().networks.Find(id) != nullptr) return AlreadyExists(network_name);
  auto payload = std::make_shared<event::v1::NetworkCreated>();
  payload->set_network(id);
  payload->set_title(question.title());
  *payload->mutable_model() = model;
  trial.Add(network_name, std::move(payload), now);
  const std::string& node = model.has_numeric() ? model.numeric().node() : id;
  return CreateAndPublish(trial, request, id, node, times, stated);
}

absl::Status CreateInNetwork(Trial& trial, std::optional<absl::Time> stated,
                             const v1::CreateQuestionRequest& request) {
  const State& state = trial.state();
  const v1::Question& question = request.question();
  CREDENCE_ASSIGN_OR_RETURN(const std::string network_id,
                            ParseName(question.network(), "networks", "question.network"));
  const NetworkState* network = state.networks.Find(network_id);
  if (network == nullptr) return NotFound(question.network());
  if (question.has_prior() || !question.states().empty() || question.has_numeric()) {
    return InvalidField("FIELD_INVALID",
                        question.has_prior()     ? "question.prior"
                        : question.has_numeric() ? "question.numeric"
                                                 : "question.states",
                        "belongs to the node of the network; leave it out");
  }
  if (question.without_model()) {
    return InvalidField("FIELD_INVALID", "question.without_model",
                        "is for questions that stand alone");
  }
  const std::string node = question.node().empty() ? request.question_id() : question.node();
  CREDENCE_ASSIGN_OR_RETURN(const int index, FindFreeNode(state, *network, node));
  const auto& compiled = *network->latest().compiled;
  CREDENCE_ASSIGN_OR_RETURN(const Times times, QuestionTimes(question, {compiled.StartTime(index),
                                                                        compiled.Deadline(index)}));
  return CreateAndPublish(trial, request, network_id, node, times, stated);
}

absl::Status CheckNew(const State& state, const v1::CreateQuestionRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckId(request.question_id(), "question_id"));
  CREDENCE_RETURN_IF_ERROR(CheckTexts(request.question()));
  if (state.questions.Find(request.question_id()) == nullptr) return absl::OkStatus();
  return AlreadyExists(Cat("questions/", request.question_id()));
}

absl::Status CreateItem(Trial& trial, const DecideFacts& facts, const v1::BatchQuestionItem& item) {
  v1::CreateQuestionRequest single;
  single.set_question_id(item.question_id());
  *single.mutable_question() = item.question();
  CREDENCE_ASSIGN_OR_RETURN(const auto stated, StatedItemTime(facts, item));
  CREDENCE_RETURN_IF_ERROR(CheckNew(trial.state(), single));
  if (!item.question().network().empty()) {
    return InvalidField("FIELD_INVALID", "question.network",
                        "must be absent: the questions of a batch stand alone");
  }
  return CreateAlone(trial, facts.record_time, stated, single);
}

// An event of the question alone, in effect at the stated time.
DecisionOr OneEvent(const State& state, const DecideFacts& facts, const std::string& stream,
                    std::shared_ptr<const google::protobuf::Message> payload) {
  Trial trial(state, facts);
  trial.Add(stream, std::move(payload), facts.effective_time.value_or(facts.record_time));
  return std::move(trial).Finish();
}

}  // namespace

DecisionOr DecideCreateQuestion(const State& state, const DecideFacts& facts,
                                const v1::CreateQuestionRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckNew(state, request));
  Trial trial(state, facts);
  CREDENCE_RETURN_IF_ERROR(
      request.question().network().empty()
          ? CreateAlone(trial, facts.record_time, facts.effective_time, request)
          : CreateInNetwork(trial, facts.effective_time, request));
  return std::move(trial).Finish();
}

DecisionOr DecideBatchCreateQuestions(const State& state, const DecideFacts& facts,
                                      const v1::BatchCreateQuestionsRequest& request) {
  CREDENCE_RETURN_IF_ERROR(CheckBatchSize(request.items_size(), kBatchQuestionsMax, "questions"));
  Trial trial(state, facts);
  for (int i = 0; i < request.items_size(); ++i) {
    const absl::Status created = CreateItem(trial, facts, request.items(i));
    if (!created.ok()) return WithFieldPrefix(created, Cat("items[", i, "]"));
  }
  return std::move(trial).Finish();
}

namespace {

// What an update can change, as it stands.
v1::Question ChangeableParts(const QuestionState& question) {
  v1::Question parts;
  parts.set_title(question.title);
  parts.set_resolution_criteria(question.resolution_criteria);
  parts.mutable_tags()->Add(question.tags.begin(), question.tags.end());
  FillRelations(question, parts);
  return parts;
}

// Takes the parts that the mask names.
absl::Status MergeParts(const v1::UpdateQuestionRequest& request, v1::Question& merged) {
  if (request.update_mask().paths().empty()) {
    return InvalidField(
        "FIELD_REQUIRED", "update_mask",
        "must name title, resolution_criteria, tags, implied_questions or conjuncts");
  }
  const v1::Question& given = request.question();
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "title") {
      merged.set_title(given.title());
    } else if (path == "resolution_criteria") {
      merged.set_resolution_criteria(given.resolution_criteria());
    } else if (path == "tags") {
      *merged.mutable_tags() = given.tags();
    } else if (path == "implied_questions") {
      *merged.mutable_implied_questions() = given.implied_questions();
    } else if (path == "conjuncts") {
      *merged.mutable_conjuncts() = given.conjuncts();
    } else {
      return InvalidField("FIELD_INVALID", "update_mask",
                          Cat("\"", path.substr(0, 80),
                              "\" cannot be changed; title, resolution_criteria, tags, "
                              "implied_questions and conjuncts can"));
    }
  }
  return CheckTexts(merged);
}

}  // namespace

DecisionOr DecideUpdateQuestion(const State& state, const DecideFacts& facts,
                                const v1::UpdateQuestionRequest& request) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(state, request.name(), "name"));
  const v1::Question before = ChangeableParts(*question);
  v1::Question merged = before;
  CREDENCE_RETURN_IF_ERROR(MergeParts(request, merged));
  CREDENCE_ASSIGN_OR_RETURN(const QuestionRelations relations,
                            ReadRelations(state, question->id, question->numeric, merged));
  if (merged.SerializeAsString() == before.SerializeAsString()) {
    return WrongState(request.name(), "has these values already");
  }
  auto payload = std::make_shared<event::v1::QuestionUpdated>();
  payload->set_question(question->id);
  payload->set_title(merged.title());
  payload->set_resolution_criteria(merged.resolution_criteria());
  *payload->mutable_tags() = merged.tags();
  SetRelations(relations, *payload);
  payload->set_wording_only(request.wording_only());
  return OneEvent(state, facts, request.name(), std::move(payload));
}

DecisionOr DecideOpenQuestion(const State& state, const DecideFacts& facts,
                              const v1::OpenQuestionRequest& request) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(state, request.name(), "name"));
  if (question->phase != QuestionPhase::kDraft) return WrongState(request.name(), "is no draft");
  auto payload = std::make_shared<event::v1::QuestionOpened>();
  payload->set_question(question->id);
  return OneEvent(state, facts, request.name(), std::move(payload));
}

DecisionOr DecideCloseQuestion(const State& state, const DecideFacts& facts,
                               const v1::CloseQuestionRequest& request) {
  CREDENCE_ASSIGN_OR_RETURN(const QuestionState* question,
                            FindQuestion(state, request.name(), "name"));
  if (question->phase != QuestionPhase::kActive) {
    return WrongState(request.name(), "is not open for forecasts");
  }
  auto payload = std::make_shared<event::v1::QuestionClosed>();
  payload->set_question(question->id);
  return OneEvent(state, facts, request.name(), std::move(payload));
}

}  // namespace credence::server
