#include "evidence/session.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/error_reasons.h"
#include "evidence/hazard_tables.h"
#include "evidence/likelihood.h"
#include "inference/model.h"
#include "model/violations.h"
#include "numeric/log_space.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

// Node and state of an observation or intervention, or what is wrong with them.
struct NodeState {
  int node = -1;
  int state = -1;
};

std::optional<NodeState> FindNodeState(const CompiledNetwork& network, const std::string& node,
                                       const std::string& state, const std::string& path,
                                       Violations& violations) {
  const auto node_index = network.FindNode(node);
  if (!node_index.ok()) {
    violations.Add(reasons::kUnknownNode, path + ".node",
                   std::string(node_index.status().message()));
    return std::nullopt;
  }
  const auto state_index = network.FindState(*node_index, state);
  if (!state_index.ok()) {
    violations.Add(reasons::kUnknownState, path + ".state",
                   std::string(state_index.status().message()));
    return std::nullopt;
  }
  return NodeState{*node_index, *state_index};
}

void CheckEventTime(const CompiledNetwork& network, NodeState found, absl::Time event_time,
                    const std::string& path, Violations& violations) {
  if (!network.IsHazard(found.node) || found.state != 0) {
    violations.Add(reasons::kTimeInvalid, path + ".event_time",
                   "only a hazard node in its first state has an event time");
  } else if (event_time <= network.StartTime(found.node) ||
             event_time > network.Deadline(found.node)) {
    violations.Add(reasons::kTimeInvalid, path + ".event_time",
                   "lies outside (start, deadline] of the node");
  }
}

void Accumulate(std::vector<double>& sum, std::span<const double> values) {
  if (sum.empty()) sum.assign(values.size(), 0.0);
  for (int i = 0; i < Size(values); ++i) sum[i] += values[i];
}

void AccumulateScaled(std::vector<double>& sum, std::span<const double> values, double weight) {
  if (sum.empty()) sum.assign(values.size(), 0.0);
  for (int i = 0; i < Size(values); ++i) sum[i] += values[i] * weight;
}

bool RulesOutAState(std::span<const double> log_likelihood) {
  return std::any_of(log_likelihood.begin(), log_likelihood.end(), IsLogZero);
}

std::vector<int> UpTo(int count) {
  std::vector<int> indices(count);
  for (int i = 0; i < count; ++i) indices[i] = i;
  return indices;
}

// What of a list is needed for a conflict (Junker 2004): where there is a choice, later elements go
// first. `conflicts` says whether a subset does; the whole list does. For c elements found of n it
// is asked about 2 c log2(n / c) times, not n times.
class ConflictSearch {
 public:
  using Conflicts = std::function<bool(std::span<const int>)>;

  explicit ConflictSearch(Conflicts conflicts) : conflicts_(std::move(conflicts)) {}

  // `may_be_none`: whether nothing of it may be needed.
  std::vector<int> Run(std::span<const int> all, bool may_be_none) {
    Find(may_be_none, all);
    return std::move(kept_);
  }

 private:
  // Appends to what is kept the elements of the list that are needed beside it.
  void Find(bool grown, std::span<const int> list) {
    if (list.empty() || (grown && conflicts_(kept_))) return;
    if (list.size() == 1) {
      kept_.push_back(list[0]);
      return;
    }
    const std::span<const int> first = list.first(list.size() / 2);
    const std::span<const int> second = list.subspan(first.size());
    // What of the second half is needed beside the first; then the first beside that.
    const size_t before = kept_.size();
    kept_.insert(kept_.end(), first.begin(), first.end());
    Find(true, second);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(before),
                kept_.begin() + static_cast<std::ptrdiff_t>(before + first.size()));
    Find(kept_.size() > before, first);
  }

  Conflicts conflicts_;
  std::vector<int> kept_;
};

}  // namespace

std::vector<double> DependenceWeights(const std::vector<PreparedItem>& items,
                                      std::span<const int> chosen, double default_correlation) {
  struct Cluster {
    int count = 0;
    std::optional<double> correlation;
  };
  std::vector<Cluster> clusters;
  for (const int index : chosen) {
    const int number = items[index].cluster;
    if (number < 0) continue;
    if (number >= Size(clusters)) clusters.resize(number + 1);
    Cluster& cluster = clusters[number];
    ++cluster.count;
    const std::optional<double>& stated = items[index].item->cluster_correlation;
    if (stated) cluster.correlation = std::max(cluster.correlation.value_or(0.0), *stated);
  }
  std::vector<double> weights;
  weights.reserve(chosen.size());
  for (const int index : chosen) {
    const int number = items[index].cluster;
    if (number < 0) {
      weights.push_back(1.0);
      continue;
    }
    const double correlation = clusters[number].correlation.value_or(default_correlation);
    weights.push_back(1.0 / (1.0 + (clusters[number].count - 1) * correlation));
  }
  return weights;
}

Session::Session(const CompiledNetwork& network, const InferenceOptions& options)
    : network_(&network), options_(&options), engine_(network, engine_options()) {}

EngineOptions Session::engine_options() const {
  return {.memory_budget_bytes = options_->memory_budget_bytes, .may_go_on = options_->may_go_on};
}

absl::StatusOr<Session> Session::Open(const CompiledNetwork& network,
                                      std::span<const EvidenceItem> items,
                                      const InferenceOptions& options) {
  Session session(network, options);
  CREDENCE_RETURN_IF_ERROR(session.TakeOptions());
  CREDENCE_RETURN_IF_ERROR(session.TakeItems(items));
  for (int i = 0; i < Size(session.items_); ++i) {
    CREDENCE_RETURN_IF_ERROR(session.PrepareItem(i));
  }
  return session;
}

bool Session::HasNewMarginals() const {
  return std::any_of(items_.begin(), items_.end(), [](const PreparedItem& item) {
    return std::holds_alternative<NewMarginal>(item.item->statement);
  });
}

absl::Status Session::TakeOptions() {
  Violations violations;
  violations.AddStatus(ValidateGradeTable(options_->grades), "options.grades");
  const double correlation = options_->default_cluster_correlation;
  if (!(correlation >= 0.0 && correlation <= 1.0)) {
    violations.Add(reasons::kNumberInvalid, "options.default_cluster_correlation",
                   "must be in [0, 1]");
  }
  CREDENCE_RETURN_IF_ERROR(violations.ToStatus());
  CREDENCE_RETURN_IF_ERROR(TakeResolved());
  return TakeInterventions();
}

absl::Status Session::TakeResolved() {
  Violations violations;
  std::set<int> seen;
  for (int i = 0; i < Size(options_->resolved); ++i) {
    const Observation& observation = options_->resolved[i];
    const std::string path = Cat("options.resolved[", i, "]");
    const auto found =
        FindNodeState(*network_, observation.node, observation.state, path, violations);
    if (!found) continue;
    if (!seen.insert(found->node).second) {
      violations.Add(reasons::kNameDuplicate, path + ".node", "the node is resolved twice");
    }
    if (observation.event_time) {
      CheckEventTime(*network_, *found, *observation.event_time, path, violations);
    }
    const bool counts = observation.effective_time <= options_->at &&
                        observation.event_time.value_or(options_->at) <= options_->at;
    if (!counts) continue;
    resolved_.push_back(
        {found->node, found->state, observation.event_time, observation.effective_time});
  }
  std::sort(resolved_.begin(), resolved_.end(),
            [](const auto& left, const auto& right) { return left.node < right.node; });
  return violations.ToStatus();
}

absl::Status Session::TakeInterventions() {
  Violations violations;
  intervened_state_.assign(network_->network().nodes.size(), -1);
  for (int i = 0; i < Size(options_->interventions); ++i) {
    const Intervention& intervention = options_->interventions[i];
    const std::string path = Cat("options.interventions[", i, "]");
    const auto found =
        FindNodeState(*network_, intervention.node, intervention.state, path, violations);
    if (!found) continue;
    if (intervened_state_[found->node] >= 0) {
      violations.Add(reasons::kNameDuplicate, path + ".node", "the node is set twice");
    }
    intervened_state_[found->node] = found->state;
  }
  return violations.ToStatus();
}

bool Session::InForce(const EvidenceItem& item) const {
  return item.effective_time <= options_->at && item.occur_time < options_->occur_time_limit;
}

absl::Status Session::TakeItems(std::span<const EvidenceItem> items) {
  Violations violations;
  absl::flat_hash_set<absl::string_view> ids;
  ids.reserve(items.size());
  const absl::flat_hash_set<absl::string_view> withheld(options_->withheld.begin(),
                                                        options_->withheld.end());
  std::vector<const EvidenceItem*> in_force;
  in_force.reserve(items.size());
  for (int i = 0; i < Size(items); ++i) {
    const absl::Status valid = ValidateEvidence(*network_, items[i]);
    if (!valid.ok()) violations.AddStatus(valid, Cat("items[", i, "]"));
    if (!ids.insert(items[i].id).second) {
      violations.Add(reasons::kNameDuplicate, Cat("items[", i, "].id"),
                     "another item has the same id");
    }
    if (violations.full()) break;
    if (!violations.empty() || !InForce(items[i]) || withheld.contains(items[i].id)) continue;
    in_force.push_back(&items[i]);
  }
  CREDENCE_RETURN_IF_ERROR(violations.ToStatus());
  std::sort(
      in_force.begin(), in_force.end(),
      [](const EvidenceItem* left, const EvidenceItem* right) { return ItemOrder(*left, *right); });
  std::map<std::tuple<int, bool, std::string_view>, int> clusters;
  items_.reserve(in_force.size());
  for (const EvidenceItem* item : in_force) {
    PreparedItem& prepared = items_.emplace_back();
    prepared.item = item;
    prepared.node = *network_->FindNode(item->node);
    prepared.is_hazard_ratio = std::holds_alternative<HazardRatio>(item->statement);
    if (item->cluster.empty()) continue;
    const auto number = static_cast<int>(clusters.size());
    prepared.cluster =
        clusters
            .try_emplace({prepared.node, prepared.is_hazard_ratio, std::string_view(item->cluster)},
                         number)
            .first->second;
  }
  return absl::OkStatus();
}

absl::Status Session::PrepareItem(int index) {
  PreparedItem& prepared = items_[index];
  const EvidenceItem& item = *prepared.item;
  CREDENCE_ASSIGN_OR_RETURN(const double reliability, ResolveReliability(item, options_->grades));
  std::vector<double> stated;
  if (std::holds_alternative<NewMarginal>(item.statement)) {
    CREDENCE_ASSIGN_OR_RETURN(stated, NewMarginalLogLikelihood(index));
  } else {
    stated = StatementLogLikelihood(*network_, prepared.node, item.statement);
  }
  prepared.log_likelihood = DiscountByReliability(stated, reliability, item.noise_likelihood);
  prepared.stated_log_likelihood = std::move(stated);
  prepared.reliability = reliability;
  return absl::OkStatus();
}

// What was in force just before the item, at its effective time.
Situation Session::Before(int index) const {
  Situation situation = Whole();
  situation.at = items_[index].item->effective_time;
  situation.items = UpTo(index);
  std::erase_if(situation.resolved, [&](int i) {
    const PreparedObservation& observation = resolved_[i];
    return observation.effective_time > situation.at ||
           observation.event_time.value_or(situation.at) > situation.at;
  });
  return situation;
}

absl::StatusOr<std::vector<double>> Session::NewMarginalLogLikelihood(int index) {
  const PreparedItem& prepared = items_[index];
  const auto& target = std::get<NewMarginal>(prepared.item->statement).probabilities;
  const Situation before = Before(index);
  CREDENCE_RETURN_IF_ERROR(Run(before).status());
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> current, LogMarginal(prepared.node));
  std::vector<double> result(target.size(), kLogZero);
  for (int s = 0; s < Size(target); ++s) {
    if (!(target[s] > 0.0)) continue;
    if (IsLogZero(current[s])) {
      return Contradiction(before, Supposition{prepared.node, s}, prepared.item->id);
    }
    result[s] = std::log(target[s]) - current[s];
  }
  return result;
}

Situation Session::Whole() const {
  Situation situation;
  situation.at = options_->at;
  situation.items = UpTo(Size(items_));
  situation.resolved = UpTo(Size(resolved_));
  for (int node = 0; node < Size(intervened_state_); ++node) {
    if (intervened_state_[node] >= 0) situation.set.push_back(node);
  }
  return situation;
}

void QueryFactors::LoadInto(Engine& engine) const {
  for (int node = 0; node < Size(tables); ++node) {
    engine.SetLogLikelihood(node, log_likelihoods[node]);
    engine.SetLogTable(node, tables[node]);
    engine.Intervene(node, intervened_state[node]);
  }
}

absl::StatusOr<double> Session::Weigh(const Situation& situation,
                                      std::optional<Supposition> supposition) {
  QueryFactors query = MakeQuery(situation);
  if (supposition) {
    std::vector<double> supposed(network_->model().cardinality[supposition->node], kLogZero);
    supposed[supposition->state] = 0.0;
    Accumulate(query.log_likelihoods[supposition->node], supposed);
  }
  query.LoadInto(engine_);
  return engine_.LogWeight();
}

absl::StatusOr<double> Session::Run(const Situation& situation) {
  CREDENCE_ASSIGN_OR_RETURN(const double log_weight, Weigh(situation));
  if (IsLogZero(log_weight)) return Contradiction(situation, std::nullopt, "");
  return log_weight;
}

absl::StatusOr<double> Session::RunSupposing(const Situation& situation, Supposition supposition) {
  return Weigh(situation, supposition);
}

std::vector<std::vector<double>> Session::Contributions(const Situation& situation) const {
  const std::vector<double> weights =
      DependenceWeights(items_, situation.items, options_->default_cluster_correlation);
  std::vector<std::vector<double>> result(situation.items.size());
  for (int i = 0; i < Size(situation.items); ++i) {
    const PreparedItem& prepared = items_[situation.items[i]];
    if (prepared.is_hazard_ratio) continue;
    result[i] = prepared.log_likelihood;
    const std::optional<double>& half_life = prepared.item->half_life_days;
    if (half_life)
      result[i] = DecayByAge(result[i], AgeDays(*prepared.item, situation.at), *half_life);
    for (double& value : result[i]) value *= weights[i];
  }
  return result;
}

QueryFactors Session::MakeQuery(const Situation& situation) const {
  const auto nodes = network_->network().nodes.size();
  QueryFactors query;
  query.log_likelihoods.resize(nodes);
  query.tables.resize(nodes);
  query.intervened_state.assign(nodes, -1);
  for (const int node : situation.set) query.intervened_state[node] = intervened_state_[node];
  AddLikelihoods(situation, query);
  AddHazards(situation, query);
  return query;
}

void Session::AddLikelihoods(const Situation& situation, QueryFactors& query) const {
  // Adds up what Contributions lists, without the list.
  const std::vector<double> weights =
      DependenceWeights(items_, situation.items, options_->default_cluster_correlation);
  for (int i = 0; i < Size(situation.items); ++i) {
    const PreparedItem& prepared = items_[situation.items[i]];
    if (prepared.is_hazard_ratio) continue;
    std::vector<double>& sum = query.log_likelihoods[prepared.node];
    const std::optional<double>& half_life = prepared.item->half_life_days;
    if (half_life) {
      const double age_days = AgeDays(*prepared.item, situation.at);
      AccumulateScaled(sum, DecayByAge(prepared.log_likelihood, age_days, *half_life), weights[i]);
    } else {
      AccumulateScaled(sum, prepared.log_likelihood, weights[i]);
    }
  }
  for (const int i : situation.resolved) {
    const PreparedObservation& observation = resolved_[i];
    // A hazard node's table says itself what happened, unless an intervention took it away.
    const bool in_table =
        network_->IsHazard(observation.node) && query.intervened_state[observation.node] < 0;
    if (in_table) continue;
    std::vector<double> observed(network_->model().cardinality[observation.node], kLogZero);
    observed[observation.state] = 0.0;
    Accumulate(query.log_likelihoods[observation.node], observed);
  }
}

void Session::AddHazards(const Situation& situation, QueryFactors& query) const {
  std::map<int, std::vector<HazardChange>> changes;
  const bool any_ratio = std::any_of(items_.begin(), items_.end(),
                                     [](const PreparedItem& item) { return item.is_hazard_ratio; });
  std::vector<double> weights;
  if (any_ratio) {
    weights = DependenceWeights(items_, situation.items, options_->default_cluster_correlation);
  }
  for (int i = 0; any_ratio && i < Size(situation.items); ++i) {
    const PreparedItem& prepared = items_[situation.items[i]];
    if (!prepared.is_hazard_ratio) continue;
    const double log_ratio = prepared.log_likelihood[0] - prepared.log_likelihood[1];
    changes[prepared.node].push_back({prepared.item->occur_time, weights[i] * log_ratio});
  }
  std::map<int, HazardStatus> statuses;
  for (const int i : situation.resolved) {
    statuses[resolved_[i].node] = {resolved_[i].state, resolved_[i].event_time};
  }
  for (int node = 0; node < Size(query.tables); ++node) {
    if (!network_->IsHazard(node)) continue;
    const ExposurePath path = MakeExposurePath(network_->StartTime(node), changes[node]);
    query.tables[node] = HazardTable(*network_, node, situation.at, path, statuses[node]);
  }
}

HazardInputs Session::HazardInputsOf(const Situation& situation, int node) const {
  std::vector<double> log_ratios;
  for (const PreparedItem& item : items_) {
    log_ratios.push_back(item.is_hazard_ratio ? item.log_likelihood[0] - item.log_likelihood[1]
                                              : 0.0);
  }
  return HazardInputsOf(situation, node, log_ratios);
}

HazardInputs Session::HazardInputsOf(const Situation& situation, int node,
                                     std::span<const double> log_ratios) const {
  HazardInputs inputs;
  inputs.at = situation.at;
  std::vector<HazardChange> changes;
  const std::vector<double> weights =
      DependenceWeights(items_, situation.items, options_->default_cluster_correlation);
  for (int i = 0; i < Size(situation.items); ++i) {
    const PreparedItem& prepared = items_[situation.items[i]];
    if (!prepared.is_hazard_ratio || prepared.node != node) continue;
    changes.push_back({prepared.item->occur_time, weights[i] * log_ratios[situation.items[i]]});
  }
  inputs.path = MakeExposurePath(network_->StartTime(node), changes);
  for (const int i : situation.resolved) {
    if (resolved_[i].node != node) continue;
    inputs.status = {resolved_[i].state, resolved_[i].event_time};
  }
  return inputs;
}

// Only what rules out some state can take part. Of that the earliest items go first where there is
// a choice, and items before resolutions and interventions.
absl::Status Session::Contradiction(Situation situation, std::optional<Supposition> supposition,
                                    std::string_view item_id) {
  std::erase_if(situation.items, [&](int i) { return !RulesOutAState(items_[i].log_likelihood); });
  // Elements are numbered from the interventions on, from the last to the first.
  const Situation whole = situation;
  const int sets = Size(whole.set);
  const int resolutions = Size(whole.resolved);
  const std::vector<int> all = UpTo(sets + resolutions + Size(whole.items));
  const auto part = [&](std::span<const int> elements) {
    std::vector<int> sorted(elements.begin(), elements.end());
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    Situation chosen = whole;
    chosen.set.clear();
    chosen.resolved.clear();
    chosen.items.clear();
    for (const int e : sorted) {
      const int resolution = e - sets;
      const int item = resolution - resolutions;
      if (e < sets) {
        chosen.set.push_back(whole.set[sets - 1 - e]);
      } else if (item < 0) {
        chosen.resolved.push_back(whole.resolved[resolutions - 1 - resolution]);
      } else {
        chosen.items.push_back(whole.items[Size(whole.items) - 1 - item]);
      }
    }
    return chosen;
  };
  // A part that is too costly to judge is taken for possible, so that too much is named, never too
  // little.
  bool minimal = true;
  const auto impossible = [&](std::span<const int> elements) {
    const absl::StatusOr<double> log_weight = Weigh(part(elements), supposition);
    minimal = minimal && log_weight.ok();
    return log_weight.ok() && IsLogZero(*log_weight);
  };
  CREDENCE_CHECK(impossible(all));
  situation = part(ConflictSearch(impossible).Run(all, supposition.has_value()));
  ErrorDetail detail;
  detail.reason = std::string(reasons::kContradictoryEvidence);
  for (const int i : situation.items) detail.subjects.push_back(items_[i].item->id);
  if (!item_id.empty()) detail.subjects.emplace_back(item_id);
  const std::vector<Node>& nodes = network_->network().nodes;
  for (const int i : situation.resolved) {
    detail.subjects.push_back(Cat("resolved:", nodes[resolved_[i].node].name));
  }
  for (const int node : situation.set) detail.subjects.push_back(Cat("do:", nodes[node].name));
  std::string subjects;
  for (const std::string& subject : detail.subjects) {
    subjects += Cat(subjects.empty() ? "" : ", ", subject);
  }
  if (!minimal) detail.metadata["minimal"] = "false";
  detail.metadata["at"] = absl::FormatTime(absl::RFC3339_full, situation.at, absl::UTCTimeZone());
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Cat("these cannot be true together at ", detail.metadata["at"], ": ", subjects),
                   detail);
}

}  // namespace credence::forecaster
