#include "convert/model.h"

#include <string>
#include <utility>
#include <vector>

#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

using event::v1::EvidenceModel;

std::vector<double> ToVector(const google::protobuf::RepeatedField<double>& values) {
  return {values.begin(), values.end()};
}

absl::StatusOr<forecaster::Row> ToRow(const event::v1::Row& row, std::string_view path) {
  switch (row.row_case()) {
    case event::v1::Row::kFixed:
      return forecaster::FixedRow{ToVector(row.fixed().probabilities())};
    case event::v1::Row::kDirichlet:
      return forecaster::DirichletRow{ToVector(row.dirichlet().counts())};
    case event::v1::Row::kHazard: {
      forecaster::HazardRow hazard{row.hazard().shape(), row.hazard().rate_days(), 1.0};
      if (row.hazard().has_weibull_shape()) hazard.weibull_shape = row.hazard().weibull_shape();
      return hazard;
    }
    case event::v1::Row::ROW_NOT_SET:
      break;
  }
  return InvalidField("FIELD_REQUIRED", path, "must be one of fixed, dirichlet, hazard");
}

absl::StatusOr<forecaster::RowTable> ToRowTable(const event::v1::RowTable& rows,
                                                std::string_view path) {
  forecaster::RowTable table;
  table.rows.reserve(static_cast<size_t>(rows.rows_size()));
  for (int i = 0; i < rows.rows_size(); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(forecaster::Row row,
                              ToRow(rows.rows(i), Cat(path, ".rows.rows[", i, "]")));
    table.rows.push_back(std::move(row));
  }
  return table;
}

forecaster::NoisyOr ToNoisyOr(const event::v1::NoisyOrTable& table) {
  forecaster::NoisyOr noisy_or;
  noisy_or.leak = table.leak();
  for (const auto& parent : table.parents()) {
    noisy_or.strengths.push_back(ToVector(parent.strengths()));
  }
  return noisy_or;
}

forecaster::NoisyMax ToNoisyMax(const event::v1::NoisyMaxTable& table) {
  forecaster::NoisyMax noisy_max;
  noisy_max.leak = ToVector(table.leak().probabilities());
  for (const auto& parent : table.parents()) {
    auto& states = noisy_max.strengths.emplace_back();
    for (const auto& state : parent.states()) states.push_back(ToVector(state.probabilities()));
  }
  return noisy_max;
}

forecaster::Logit ToLogit(const event::v1::LogitTable& table) {
  forecaster::Logit logit;
  logit.bias = table.bias();
  for (const auto& parent : table.parents()) logit.weights.push_back(ToVector(parent.weights()));
  return logit;
}

absl::StatusOr<forecaster::Table> ToTable(const event::v1::Node& node, std::string_view path) {
  switch (node.table_case()) {
    case event::v1::Node::kRows: {
      CREDENCE_ASSIGN_OR_RETURN(forecaster::RowTable table, ToRowTable(node.rows(), path));
      return table;
    }
    case event::v1::Node::kNoisyOr:
      return ToNoisyOr(node.noisy_or());
    case event::v1::Node::kNoisyMax:
      return ToNoisyMax(node.noisy_max());
    case event::v1::Node::kDeterministic:
      return forecaster::Deterministic{node.deterministic().expression()};
    case event::v1::Node::kLogit:
      return ToLogit(node.logit());
    case event::v1::Node::TABLE_NOT_SET:
      break;
  }
  return InvalidField("FIELD_REQUIRED", path,
                      "must have one of rows, noisy_or, noisy_max, deterministic, logit");
}

absl::StatusOr<forecaster::Node> ToNode(const event::v1::Node& node, std::string_view path) {
  forecaster::Node result;
  result.name = node.node();
  switch (node.role()) {
    case event::v1::NODE_ROLE_QUESTION:
      result.role = forecaster::NodeRole::kQuestion;
      break;
    case event::v1::NODE_ROLE_INDICATOR:
      result.role = forecaster::NodeRole::kIndicator;
      break;
    case event::v1::NODE_ROLE_DRIVER:
      result.role = forecaster::NodeRole::kDriver;
      break;
    default:
      return InvalidField("FIELD_REQUIRED", Cat(path, ".role"),
                          "must be NODE_ROLE_QUESTION, NODE_ROLE_INDICATOR or NODE_ROLE_DRIVER");
  }
  result.states.assign(node.states().begin(), node.states().end());
  result.parents.assign(node.parents().begin(), node.parents().end());
  if (node.has_start_time()) result.start_time = ToTime(node.start_time());
  if (node.has_deadline_time()) result.deadline = ToTime(node.deadline_time());
  CREDENCE_ASSIGN_OR_RETURN(result.table, ToTable(node, path));
  return result;
}

// The node of a number: one state that is certain, so that names and times are found as elsewhere.
forecaster::Node StandIn(const event::v1::NumericModel& model) {
  forecaster::Node node;
  node.name = model.node();
  node.role = forecaster::NodeRole::kQuestion;
  node.states = {kValueState};
  node.table = forecaster::RowTable{{forecaster::FixedRow{{1.0}}}};
  return node;
}

absl::StatusOr<forecaster::Statement> ToStatement(const EvidenceModel& model) {
  switch (model.statement_case()) {
    case EvidenceModel::kLikelihoodRatio:
      return forecaster::LikelihoodRatio{model.likelihood_ratio()};
    case EvidenceModel::kWeightDecibans:
      return forecaster::Weight{model.weight_decibans()};
    case EvidenceModel::kLikelihoodPair:
      return forecaster::LikelihoodPair{model.likelihood_pair().given_true(),
                                        model.likelihood_pair().given_false()};
    case EvidenceModel::kLikelihoods:
      return forecaster::LikelihoodVector{ToVector(model.likelihoods().values())};
    case EvidenceModel::kObservedState:
      return forecaster::ObservedState{model.observed_state()};
    case EvidenceModel::kNewMarginal:
      return forecaster::NewMarginal{ToVector(model.new_marginal().values())};
    case EvidenceModel::kCount:
      return forecaster::Count{model.count().success_count(), model.count().trial_count(),
                               ToVector(model.count().success_probabilities())};
    case EvidenceModel::kExposureCount:
      return forecaster::ExposureCount{model.exposure_count().event_count(),
                                       model.exposure_count().exposure_days(),
                                       ToVector(model.exposure_count().daily_rates())};
    case EvidenceModel::kStatedProbability: {
      forecaster::StatedProbability stated{ToVector(model.stated_probability().probabilities()),
                                           std::nullopt};
      if (model.stated_probability().baseline_probabilities_size() > 0) {
        stated.baseline = ToVector(model.stated_probability().baseline_probabilities());
      }
      return stated;
    }
    case EvidenceModel::kHazardRatio:
      return forecaster::HazardRatio{model.hazard_ratio()};
    case EvidenceModel::kMeasurement:
      // No node has states of this many likelihoods: where states are meant it is refused.
      return forecaster::LikelihoodVector{};
    case EvidenceModel::STATEMENT_NOT_SET:
      break;
  }
  return InvalidField("FIELD_REQUIRED", "statement",
                      "one of likelihood_ratio, weight_decibans, likelihood_pair, likelihoods, "
                      "observed_state, new_marginal, count, exposure_count, stated_probability, "
                      "hazard_ratio, measurement must be given");
}

}  // namespace

absl::StatusOr<forecaster::Network> ToNetwork(std::string_view id,
                                              const event::v1::NetworkModel& model) {
  forecaster::Network network;
  network.name = std::string(id);
  if (!model.has_open_time()) {
    return InvalidField("FIELD_REQUIRED", "open_time", "must be given");
  }
  network.open_time = ToTime(model.open_time());
  network.deadline =
      model.has_deadline_time() ? ToTime(model.deadline_time()) : absl::InfiniteFuture();
  if (model.has_numeric()) network.nodes.push_back(StandIn(model.numeric()));
  network.nodes.reserve(static_cast<size_t>(model.nodes_size()));
  for (int i = 0; i < model.nodes_size(); ++i) {
    CREDENCE_ASSIGN_OR_RETURN(forecaster::Node node, ToNode(model.nodes(i), Cat("nodes[", i, "]")));
    network.nodes.push_back(std::move(node));
  }
  return network;
}

absl::StatusOr<forecaster::AdmiraltyGrade> ParseGrade(std::string_view grade) {
  if (grade.size() != 2 || grade[0] < 'A' || grade[0] > 'F' || grade[1] < '1' || grade[1] > '6') {
    return InvalidField("GRADE_INVALID", "grade",
                        Cat("\"", grade,
                            "\" is not an Admiralty grade: a letter A-F and a digit 1-6, "
                            "such as B2"));
  }
  return forecaster::AdmiraltyGrade{grade[0], grade[1]};
}

absl::StatusOr<forecaster::EvidenceItem> ToEvidenceItem(std::string_view id,
                                                        const EvidenceModel& model,
                                                        absl::Time effective_time) {
  forecaster::EvidenceItem item;
  item.id = std::string(id);
  item.node = model.node();
  CREDENCE_ASSIGN_OR_RETURN(item.statement, ToStatement(model));
  if (model.has_reliability()) item.reliability = model.reliability();
  if (model.has_noise_likelihood()) item.noise_likelihood = model.noise_likelihood();
  if (!model.grade().empty()) {
    CREDENCE_ASSIGN_OR_RETURN(item.grade, ParseGrade(model.grade()));
  }
  item.occur_time = model.has_occur_time() ? ToTime(model.occur_time()) : effective_time;
  item.effective_time = effective_time;
  if (model.has_half_life_duration()) item.half_life_days = ToDays(model.half_life_duration());
  item.cluster = model.cluster();
  if (model.has_cluster_correlation()) item.cluster_correlation = model.cluster_correlation();
  if (model.has_spread_decibans()) item.spread_decibans = model.spread_decibans();
  return item;
}

absl::Status ApplyGrades(
    const google::protobuf::RepeatedPtrField<event::v1::GradeProbability>& grades,
    forecaster::GradeTable& table) {
  for (int i = 0; i < grades.size(); ++i) {
    const event::v1::GradeProbability& entry = grades.Get(i);
    const std::string path = Cat("grades[", i, "]");
    const char symbol = entry.grade().size() == 1 ? entry.grade()[0] : '\0';
    if (!(entry.probability() >= 0.0 && entry.probability() <= 1.0)) {
      return InvalidField("GRADE_INVALID", path + ".probability", "must lie between 0 and 1");
    }
    if (symbol >= 'A' && symbol <= 'F') {
      table.source[static_cast<size_t>(symbol - 'A')] = entry.probability();
    } else if (symbol >= '1' && symbol <= '6') {
      table.information[static_cast<size_t>(symbol - '1')] = entry.probability();
    } else {
      return InvalidField("GRADE_INVALID", path + ".grade", "must be A to F or 1 to 6");
    }
  }
  return absl::OkStatus();
}

}  // namespace credence::server
