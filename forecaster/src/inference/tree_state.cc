#include "inference/tree_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "inference/budget.h"
#include "numeric/log_space.h"
#include "numeric/sum.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

template <typename Real>
std::vector<double> NormalisedLogs(std::span<const Real> weights) {
  std::vector<double> logs;
  logs.reserve(weights.size());
  for (const Real& weight : weights) logs.push_back(LogOf(weight));
  NormalizeLog(logs);
  return logs;
}

void PutNormalised(std::span<const double> weights, std::span<double> result) {
  double sum = 0.0;
  for (const double weight : weights) sum += weight;
  for (size_t s = 0; s < weights.size(); ++s) result[s] = weights[s] / sum;
}

// ln of each value over the sum of values * table.
template <typename Real>
std::vector<double> LogsOverSum(const std::vector<Real>& without, const Factor& table) {
  Real sum = As<Real>(0.0);
  for (int i = 0; i < Size(without); ++i) {
    if constexpr (std::is_same_v<Real, double>) {
      sum += without[i] * table.values[i];
    } else {
      sum += without[i] * (table.log_values.empty() ? As<Real>(table.values[i])
                                                    : Wide::FromLog(table.log_values[i]));
    }
  }
  std::vector<double> result;
  const double log_sum = LogOf(sum);
  for (const Real& value : without) result.push_back(LogOf(value) - log_sum);
  return result;
}

}  // namespace

TreeState::TreeState(const CompiledModel& model, EvidenceState& evidence,
                     const EngineOptions& options)
    : model_(model), evidence_(evidence), options_(options) {}

// A tree found anew is walked once or few times, and pages never touched before are dearer than
// another multiplication.
int64_t TreeState::MostCellsKept(bool kept) const {
  constexpr int64_t kMostForOnce = int64_t{1} << 14;
  return kept ? options_.most_cells_kept : std::min(options_.most_cells_kept, kMostForOnce);
}

PropagationInput TreeState::Input() const {
  return {.factors = &model_.factors,
          .cardinality = model_.cardinality,
          .findings = &evidence_.findings(),
          .layout = layout_.get(),
          .clique_tables = kept_ ? &model_.clique_tables : nullptr,
          .marginal_count = Size(model_.network.nodes),
          .room_for_all_states = kept_};
}

absl::Status TreeState::Refresh() {
  const EvidenceState::Changes& changes = evidence_.changes();
  const bool any = !changes.observed.empty() || !changes.states.empty() ||
                   !changes.likelihoods.empty() || !changes.factors.empty();
  if (chosen_ && !any) return status_;
  wide_.reset();
  if (!chosen_ || !changes.observed.empty() || (!kept_ && !changes.factors.empty())) {
    status_ = Choose();
    chosen_ = true;
  }
  if (status_.ok()) UpdateKept();
  evidence_.Taken();
  return status_;
}

// Keeps the network's tree where a search would take longer than it could save; else finds another
// and takes the one that, with its search, is done first.
absl::Status TreeState::Choose() {
  const Findings& findings = evidence_.findings();
  const auto budget = static_cast<double>(options_.memory_budget_bytes);
  const bool may_keep = model_.tree.has_value() && options_.tree != TreeChoice::kRebuild &&
                        static_cast<double>(model_.cost.working_bytes) <= budget;
  const auto unobserved = static_cast<int>(std::count_if(
      findings.observed.begin(), findings.observed.end(), [](int s) { return s < 0; }));
  double kept_work = 0.0;
  if (may_keep) {
    kept_work = CostOfTree(*model_.tree, model_.cardinality, findings, MostCellsKept(true)).work;
    const bool search = options_.tree == TreeChoice::kAutomatic &&
                        unobserved < Size(model_.cardinality) &&
                        kept_work > 4.0 * WorkOfSearch(unobserved);
    if (!search) return Use(true, {}, {});
  }
  const bool known_too_large = !model_.tree && unobserved == Size(model_.cardinality) &&
                               options_.memory_budget_bytes == model_.budget_bytes;
  if (known_too_large) return model_.tree_status;
  TreeScopes scopes = ScopesOf(model_.factors, model_.cardinality, findings);
  TreeOrTooLarge found = FindTree(model_, scopes.scopes, findings,
                                  {.budget_bytes = options_.memory_budget_bytes,
                                   .most_cells_kept = MostCellsKept(false),
                                   .effort = 0.25});
  if (const auto* large = std::get_if<TreeTooLarge>(&found)) {
    if (may_keep) return Use(true, {}, {});
    return BudgetExceeded(
        model_, {.variables = large->variables, .cells = large->cells, .bytes = large->bytes},
        options_.memory_budget_bytes);
  }
  JunctionTree& tree = std::get<JunctionTree>(found);
  if (may_keep) {
    const double new_work =
        CostOfTree(tree, model_.cardinality, findings, MostCellsKept(false)).work;
    if (kept_work <= new_work + WorkOfSearch(unobserved)) return Use(true, {}, {});
  }
  return Use(false, std::move(tree), std::move(scopes));
}

absl::Status TreeState::Use(bool kept, JunctionTree tree, TreeScopes scopes) {
  const bool stays = kept && kept_ && narrow_ != nullptr;
  if (stays) return absl::OkStatus();
  narrow_.reset();
  layout_.reset();
  kept_ = kept;
  own_tree_ = std::move(tree);
  own_scopes_ = std::move(scopes);
  tree_ = kept ? &*model_.tree : &own_tree_;
  scopes_ = kept ? &model_.tree_scopes : &own_scopes_;
  layout_ = std::make_unique<Layout>(*tree_, *scopes_, model_.cardinality, evidence_.findings(),
                                     MostCellsKept(kept_));
  narrow_ = std::make_unique<Propagation<double>>(Input());
  return absl::OkStatus();
}

// Passes the changes on. In a tree or layout just made nothing is valid yet, and nothing is lost.
void TreeState::UpdateKept() {
  const EvidenceState::Changes& changes = evidence_.changes();
  const auto invalidate = [&](int clique) {
    if (clique >= 0) narrow_->Invalidate(clique);
  };
  if (kept_) {
    for (const int v : changes.observed) {
      for (const int clique : model_.cliques_of[v]) {
        layout_->Update(clique);
        invalidate(clique);
      }
    }
  }
  for (const int v : changes.states) {
    for (const int f : model_.factors_of[v]) invalidate(tree_->factor_clique[f]);
  }
  for (const int v : changes.likelihoods) invalidate(tree_->likelihood_clique[v]);
  for (const int f : changes.factors) invalidate(tree_->factor_clique[f]);
}

absl::Status TreeState::NeedWide() {
  if (wide_ != nullptr) return absl::OkStatus();
  const double bytes = Cost().bytes * sizeof(Wide) / sizeof(double);
  if (bytes > static_cast<double>(options_.memory_budget_bytes)) {
    const TreeCost cost = Cost();
    const std::span<const int> clique = tree_->cliques[cost.largest_clique];
    return BudgetExceeded(model_,
                          {.variables = clique, .cells = cost.largest_cells, .bytes = bytes},
                          options_.memory_budget_bytes);
  }
  wide_ = std::make_unique<Propagation<Wide>>(Input());
  wide_->Collect();
  return absl::OkStatus();
}

// Values of factors that evidence leaves without variables.
double TreeState::LogOfConstants() const {
  if (kept_) return 0.0;
  CompensatedSum sum;
  const Findings& findings = evidence_.findings();
  for (int f = 0; f < Size(model_.factors); ++f) {
    if (tree_->factor_clique[f] >= 0 || findings.use[f] == FactorUse::kNeutral) continue;
    const Factor& values = findings.Values(model_.factors, f);
    const int64_t cell = FirstCell(model_.factors[f], model_.cardinality, findings.observed);
    const double log_value =
        values.log_values.empty() ? SafeLog(values.values[cell]) : values.log_values[cell];
    if (IsLogZero(log_value)) return kLogZero;
    sum.Add(log_value);
  }
  return sum.Total();
}

absl::StatusOr<double> TreeState::LogWeight() {
  if (evidence_.Impossible()) return kLogZero;
  const double constants = LogOfConstants();
  if (IsLogZero(constants)) return kLogZero;
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWide());
  const double total = is_wide ? wide_->LogTotal() : narrow_->LogTotal();
  if (IsLogZero(total)) return kLogZero;
  CompensatedSum sum;
  sum.Add(total);
  sum.Add(constants);
  sum.Add(evidence_.LogScale());
  return sum.Total();
}

absl::StatusOr<bool> TreeState::IsPossible() {
  if (evidence_.Impossible()) return false;
  if (!kept_ && IsLogZero(LogOfConstants())) return false;
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWide());
  return is_wide ? wide_->IsPossible() : narrow_->IsPossible();
}

// Brings the upward messages up to date; returns whether the wide ones are to be used.
absl::StatusOr<bool> TreeState::IsWide() {
  if (!evidence_.BeyondDoubles()) {
    narrow_->Collect();
    if (!narrow_->OutOfRange()) return false;
  }
  CREDENCE_RETURN_IF_ERROR(NeedWide());
  return true;
}

// The same, and the belief of a clique.
absl::StatusOr<bool> TreeState::IsWideAt(int clique) {
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWide());
  if (!is_wide) {
    narrow_->DistributeTo(clique);
    if (!narrow_->OutOfRange(clique)) return false;
    CREDENCE_RETURN_IF_ERROR(NeedWide());
  }
  wide_->DistributeTo(clique);
  return true;
}

// The same, and the marginal of a variable.
absl::StatusOr<bool> TreeState::IsWideFor(int variable) {
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWide());
  if (!is_wide) {
    narrow_->DistributeToVariable(variable);
    if (!narrow_->VariableOutOfRange(variable)) return false;
    CREDENCE_RETURN_IF_ERROR(NeedWide());
  }
  wide_->DistributeToVariable(variable);
  return true;
}

void TreeState::DistributeAll() {
  if (evidence_.BeyondDoubles() || narrow_->OutOfRange()) return;
  narrow_->Distribute();
}

absl::StatusOr<std::vector<double>> TreeState::LogMarginal(int node) {
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWideFor(node));
  return is_wide ? NormalisedLogs(wide_->Marginal(node)) : NormalisedLogs(narrow_->Marginal(node));
}

absl::Status TreeState::PutMarginal(int node, std::span<double> result) {
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWideFor(node));
  if (is_wide) {
    const std::vector<double> logs = NormalisedLogs(wide_->Marginal(node));
    std::transform(logs.begin(), logs.end(), result.begin(),
                   [](double value) { return std::exp(value); });
  } else {
    PutNormalised(narrow_->Marginal(node), result);
  }
  return absl::OkStatus();
}

absl::Status TreeState::PutMarginals(std::span<double> result) {
  DistributeAll();
  const std::vector<int>& observed = evidence_.findings().observed;
  const bool plain =
      !evidence_.BeyondDoubles() && !narrow_->OutOfRange() && !narrow_->AnyOutOfRange();
  size_t begin = 0;
  for (int node = 0; node < Size(model_.network.nodes); ++node) {
    const std::span<double> own = result.subspan(begin, model_.cardinality[node]);
    begin += own.size();
    if (observed[node] >= 0) {
      std::fill(own.begin(), own.end(), 0.0);
      own[observed[node]] = 1.0;
    } else if (plain) {
      PutNormalised(narrow_->Marginal(node), own);
    } else {
      CREDENCE_RETURN_IF_ERROR(PutMarginal(node, own));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> TreeState::LogDerivatives(int factor) {
  const Findings& findings = evidence_.findings();
  const Factor& table = findings.Values(model_.factors, factor);
  const int clique = tree_->factor_clique[factor];
  if (clique < 0) {
    // All observed: only the cell that they choose counts.
    const int64_t cell = FirstCell(model_.factors[factor], model_.cardinality, findings.observed);
    std::vector<double> result(table.values.size(), kLogZero);
    result[cell] =
        -(table.log_values.empty() ? SafeLog(table.values[cell]) : table.log_values[cell]);
    return result;
  }
  CREDENCE_ASSIGN_OR_RETURN(const bool is_wide, IsWideAt(clique));
  if (!is_wide) {
    const std::vector<double> without = narrow_->WithoutFactor(factor);
    if (!without.empty()) return LogsOverSum(without, table);
    CREDENCE_RETURN_IF_ERROR(NeedWide());
    wide_->DistributeTo(clique);
  }
  return LogsOverSum(wide_->WithoutFactor(factor), table);
}

absl::StatusOr<JointTable> TreeState::Family(int factor) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> derivatives, LogDerivatives(factor));
  const Factor& table = evidence_.findings().Values(model_.factors, factor);
  JointTable family;
  for (int i = 0; i < Size(derivatives); ++i) {
    const double log_value =
        table.log_values.empty() ? SafeLog(table.values[i]) : table.log_values[i];
    family.probabilities.push_back(IsLogZero(log_value) ? 0.0
                                                        : std::exp(derivatives[i] + log_value));
  }
  return family;
}

TreeCost TreeState::Cost() const {
  return CostOfTree(*tree_, model_.cardinality, evidence_.findings(), MostCellsKept(kept_));
}

}  // namespace credence::forecaster
