#include "query/convert.h"

#include <algorithm>

#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/strings.h"
#include "credence/forecaster/evidence.h"
#include "decide/learning.h"

namespace credence::server {
namespace {

// The prior of a question that stands alone: the row of the only node of its own network.
void FillPrior(const State& state, v1::Question& resource, const QuestionState& question) {
  if (question.network != question.id || question.without_model) return;
  const NetworkState* network = state.networks.Find(question.network);
  if (network == nullptr || network->revisions.empty()) return;
  const auto& nodes = network->latest().model.nodes();
  if (nodes.size() != 1 || nodes[0].rows().rows_size() != 1) return;
  *resource.mutable_prior() = nodes[0].rows().rows(0);
}

// What the question asks, and the distribution published last.
void FillNumeric(const State& state, const QuestionState& question, v1::Question& resource) {
  const NetworkState* network = state.networks.Find(question.network);
  if (network != nullptr) *resource.mutable_numeric() = network->latest().model.numeric();
  // Where forecasters alone speak the network's prior only holds the place of one.
  if (question.without_model) resource.mutable_numeric()->clear_prior();
  if (!question.published.has_value() || !question.published->distribution.has_value()) return;
  v1::NumericPosterior& published = *resource.mutable_published_distribution();
  published = Describe(*question.published->distribution, DefaultLevels());
  published.set_unit(resource.numeric().unit());
}

void FillResolution(const QuestionState& question, absl::Time at, v1::Question& resource) {
  const ResolutionState* resolution = question.EndAt(at);
  if (resolution == nullptr || resolution->annulled) return;
  v1::Resolution& filled = *resource.mutable_resolution();
  filled.set_outcome(resolution->outcome);
  if (resolution->fraction.has_value()) filled.set_fraction(*resolution->fraction);
  if (resolution->value.has_value()) filled.set_value(*resolution->value);
  filled.set_unscored(resolution->unscored);
  if (resolution->occur_time.has_value()) {
    SetTime(*resolution->occur_time, *filled.mutable_occur_time());
  }
  filled.set_rationale(resolution->rationale);
  SetTime(resolution->effective_time, *filled.mutable_resolve_time());
  filled.set_position(resolution->position);
  filled.set_resolution_version(resolution->version);
}

}  // namespace

void SetTime(absl::Time time, google::protobuf::Timestamp& timestamp) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) {
    timestamp.Clear();
    return;
  }
  timestamp = ToTimestamp(time);
}

v1::StateInterval ToStateInterval(const std::string& state,
                                  const event::v1::ProbabilitySpread& spread) {
  v1::StateInterval interval;
  interval.set_state(state);
  interval.set_median(spread.median());
  *interval.mutable_intervals() = spread.intervals();
  return interval;
}

void AddProbabilities(std::span<const std::string> states, std::span<const double> probabilities,
                      google::protobuf::RepeatedPtrField<v1::StateProbability>& out) {
  const size_t count = std::min(states.size(), probabilities.size());
  for (size_t i = 0; i < count; ++i) {
    v1::StateProbability& added = *out.Add();
    added.set_state(states[i]);
    added.set_probability(probabilities[i]);
  }
}

void FillInclusionProof(ledger::Position leaf, ledger::TreeSize size,
                        const std::vector<ledger::Hash>& path, v1::InclusionProof& proof) {
  proof.set_leaf_index(leaf.value);
  proof.set_tree_size(size.value);
  for (const ledger::Hash& hash : path) proof.add_hashes(hash.data(), hash.size());
}

v1::Receipt ToReceipt(const ledger::Receipt& receipt) {
  v1::Receipt resource;
  resource.set_position(receipt.position.value);
  resource.set_event_count(receipt.event_count);
  resource.set_leaf_hash(receipt.leaf_hash.data(), receipt.leaf_hash.size());
  *resource.mutable_record_time() = ToTimestamp(receipt.record_time);
  resource.set_duplicate(receipt.duplicate);
  resource.set_request_id(receipt.request_id);
  resource.set_revision(receipt.revision);
  if (receipt.proof != nullptr) {
    v1::ReceiptProof& proof = *resource.mutable_proof();
    FillInclusionProof(receipt.position, receipt.proof->checkpoint.head.size, receipt.proof->path,
                       *proof.mutable_inclusion_proof());
    proof.set_checkpoint(receipt.proof->checkpoint.note);
  }
  return resource;
}

v1::Question::State QuestionStateAt(const QuestionState& question, absl::Time at) {
  if (question.phase == QuestionPhase::kDraft) return v1::Question::STATE_DRAFT;
  if (const ResolutionState* end = question.EndAt(at); end != nullptr) {
    return end->annulled ? v1::Question::STATE_ANNULLED : v1::Question::STATE_RESOLVED;
  }
  const absl::Time closed =
      std::min(question.close_time, question.closed_time.value_or(absl::InfiniteFuture()));
  return closed <= at ? v1::Question::STATE_CLOSED : v1::Question::STATE_ACTIVE;
}

void FillRelations(const QuestionState& question, v1::Question& resource) {
  if (question.relations == nullptr) return;
  for (const std::string& id : question.relations->implied) {
    resource.add_implied_questions(Cat("questions/", id));
  }
  for (const std::string& id : question.relations->conjuncts) {
    resource.add_conjuncts(Cat("questions/", id));
  }
}

v1::Question ToQuestion(const State& state, const QuestionState& question, absl::Time at) {
  v1::Question resource;
  resource.set_name(Cat("questions/", question.id));
  resource.set_title(question.title);
  resource.set_resolution_criteria(question.resolution_criteria);
  resource.set_network(Cat("networks/", question.network));
  resource.set_node(question.node);
  SetTime(question.open_time, *resource.mutable_open_time());
  SetTime(question.close_time, *resource.mutable_close_time());
  for (const std::string& tag : question.tags) resource.add_tags(tag);
  if (question.numeric) {
    FillNumeric(state, question, resource);
  } else {
    for (const std::string& name : question.states) resource.add_states(name);
  }
  FillPrior(state, resource, question);
  resource.set_state(QuestionStateAt(question, at));
  FillResolution(question, at, resource);
  if (question.attributes != nullptr) {
    resource.mutable_attributes()->Add(question.attributes->begin(), question.attributes->end());
  }
  resource.set_without_model(question.without_model);
  resource.set_ordered(question.ordered);
  resource.set_hides_pool(question.hides_pool);
  resource.set_question_version(question.VersionAt(at));
  resource.set_material_version(question.MaterialVersionAt(at));
  if (question.pool.has_value()) *resource.mutable_pool() = *question.pool;
  if (question.auto_resolution.has_value()) {
    resource.mutable_auto_resolution()->set_outcome(question.auto_resolution->outcome);
    *resource.mutable_auto_resolution()->mutable_grace_duration() =
        ToProtoDuration(question.auto_resolution->grace);
  }
  FillRelations(question, resource);
  if (question.published.has_value()) {
    if (!question.numeric) {
      AddProbabilities(question.states, question.published->probabilities,
                       *resource.mutable_published_posterior());
    }
    resource.set_published_position(question.published->position);
  }
  resource.set_revision(question.revision);
  SetTime(question.record_time, *resource.mutable_record_time());
  resource.set_standing_forecast_count(static_cast<int64_t>(question.standing.size()));
  return resource;
}

v1::Network ToNetworkResource(const State& state, const NetworkState& network, bool with_model) {
  const RevisionState& latest = network.latest();
  v1::Network resource;
  resource.set_name(Cat("networks/", network.id));
  resource.set_title(latest.title);
  if (with_model) *resource.mutable_model() = latest.model;
  resource.set_model_revision(latest.number);
  resource.set_revision(network.revision);
  SetTime(network.revisions.front()->record_time, *resource.mutable_record_time());
  SetTime(network.clock, *resource.mutable_clock_time());
  resource.set_evidence_count(
      std::count_if(network.evidence.begin(), network.evidence.end(),
                    [](const auto& item) { return !item->end_time.has_value(); }));
  for (event::v1::CaseCount& count :
       LearnedCounts(state, network, latest, absl::InfiniteFuture())) {
    *resource.add_learned_counts() = std::move(count);
  }
  return resource;
}

v1::NetworkRevision ToRevisionResource(const NetworkState& network, const RevisionState& revision) {
  v1::NetworkRevision resource;
  resource.set_name(Cat("networks/", network.id, "/revisions/", revision.number));
  resource.set_title(revision.title);
  *resource.mutable_model() = revision.model;
  resource.set_rationale(revision.rationale);
  resource.set_position(revision.position);
  SetTime(revision.record_time, *resource.mutable_record_time());
  return resource;
}

v1::Evidence::State EvidenceStateOf(const EvidenceState& evidence) {
  if (!evidence.end_time.has_value()) return v1::Evidence::STATE_ACTIVE;
  return evidence.superseded_by.empty() ? v1::Evidence::STATE_RETRACTED
                                        : v1::Evidence::STATE_SUPERSEDED;
}

v1::Evidence ToEvidenceResource(const State& state, const NetworkState& network,
                                const EvidenceState& evidence) {
  const std::string parent = Cat("networks/", network.id, "/evidence/");
  v1::Evidence resource;
  resource.set_name(Cat(parent, evidence.id));
  *resource.mutable_model() = evidence.model;
  if (!evidence.cluster_changes.empty()) {
    const EvidenceState::ClusterChange& last = evidence.cluster_changes.back();
    resource.mutable_model()->set_cluster(last.cluster);
    resource.mutable_model()->clear_cluster_correlation();
    if (last.correlation.has_value()) {
      resource.mutable_model()->set_cluster_correlation(*last.correlation);
    }
  }
  resource.set_state(EvidenceStateOf(evidence));
  resource.set_position(evidence.position);
  SetTime(evidence.record_time, *resource.mutable_record_time());
  SetTime(evidence.item.effective_time, *resource.mutable_effective_time());
  if (evidence.end_time.has_value()) SetTime(*evidence.end_time, *resource.mutable_end_time());
  if (!evidence.superseded_by.empty()) {
    resource.set_superseded_by(Cat(parent, evidence.superseded_by));
  }
  const absl::StatusOr<double> reliability =
      forecaster::ResolveReliability(evidence.item, state.ledger.grade_tables.back().grades);
  resource.set_effective_reliability(LearnedReliability(state, evidence, absl::InfiniteFuture())
                                         .value_or(reliability.ok() ? *reliability : 1.0));
  resource.set_actor(evidence.actor);
  return resource;
}

v1::Source ToSourceResource(const SourceState& source) {
  v1::Source resource;
  resource.set_name(Cat("sources/", source.id));
  resource.set_display_name(source.display_name);
  resource.set_description(source.description);
  resource.set_url(source.url);
  resource.set_evidence_count(source.evidence_count);
  const SourceState::Tally tally = source.TallyAt(absl::InfiniteFuture());
  resource.set_success_count(tally.success_count);
  resource.set_failure_count(tally.failure_count);
  const std::optional<double> learned = source.ReliabilityAt(absl::InfiniteFuture());
  if (learned.has_value()) resource.set_learned_reliability(*learned);
  return resource;
}

std::optional<v1::SealCounts> ToSealCounts(const State& state, const ForecasterState& forecaster,
                                           absl::Time at) {
  const SealTally& seals = forecaster.seals;
  if (seals.sealed_count == 0) return std::nullopt;
  v1::SealCounts counts;
  counts.set_sealed_count(seals.sealed_count);
  counts.set_revealed_count(seals.revealed_count);
  counts.set_revealed_late_count(seals.revealed_late_count);
  int64_t overdue = 0;
  for (const OpenSeal& open : seals.open) {
    const QuestionState* question = state.questions.Find(open.question);
    const bool ended = question != nullptr && (question->phase == QuestionPhase::kResolved ||
                                               question->phase == QuestionPhase::kAnnulled);
    if (ended || open.reveal_time <= at) ++overdue;
  }
  counts.set_unrevealed_count(overdue);
  return counts;
}

v1::ForecastSeal ToSealResource(const SealState& seal) {
  v1::ForecastSeal resource;
  resource.set_digest(seal.digest);
  SetTime(seal.reveal_time, *resource.mutable_reveal_time());
  resource.set_sealed_position(seal.position);
  SetTime(seal.record_time, *resource.mutable_sealed_time());
  if (seal.revealed_time.has_value()) {
    SetTime(*seal.revealed_time, *resource.mutable_revealed_time());
  }
  resource.set_revealed_late(seal.late);
  return resource;
}

v1::Forecaster ToForecasterResource(const State& state, const ForecasterState& forecaster,
                                    absl::Time at) {
  v1::Forecaster resource;
  resource.set_name(Cat("forecasters/", forecaster.id));
  resource.set_display_name(forecaster.display_name);
  resource.set_description(forecaster.description);
  resource.set_forecast_count(forecaster.forecast_count);
  if (auto seals = ToSealCounts(state, forecaster, at); seals.has_value()) {
    *resource.mutable_seals() = *std::move(seals);
  }
  return resource;
}

v1::GradeTable ToGradeTableResource(const GradeTableState& grades) {
  v1::GradeTable resource;
  const auto add = [&resource](char symbol, double probability) {
    auto* entry = resource.add_grades();
    entry->set_grade(std::string(1, symbol));
    entry->set_probability(probability);
  };
  char symbol = 'A';
  for (const double probability : grades.grades.source) add(symbol++, probability);
  symbol = '1';
  for (const double probability : grades.grades.information) add(symbol++, probability);
  resource.set_default_cluster_correlation(grades.default_cluster_correlation);
  return resource;
}

v1::Forecast ToForecastResource(const QuestionState& question, std::string_view forecaster,
                                const StandingForecast& standing) {
  v1::Forecast resource;
  resource.set_name(Cat("questions/", question.id, "/forecasts/", standing.forecast));
  resource.set_forecaster(Cat("forecasters/", forecaster));
  if (standing.probabilities.size() == 2) resource.set_probability(standing.probabilities.front());
  AddProbabilities(question.states, standing.probabilities, *resource.mutable_probabilities());
  if (standing.distribution.has_value()) *resource.mutable_distribution() = *standing.distribution;
  resource.set_rationale(standing.rationale);
  resource.set_position(standing.position);
  SetTime(standing.record_time, *resource.mutable_record_time());
  SetTime(standing.effective_time, *resource.mutable_effective_time());
  resource.set_backfilled(standing.backfilled);
  if (const SealState* seal = question.seals.Find(standing.forecast)) {
    *resource.mutable_seal() = ToSealResource(*seal);
  }
  resource.set_question_version(question.VersionAt(standing.effective_time));
  return resource;
}

v1::Score ToScoreResource(const QuestionState& question, const ScoreVersionState& version,
                          const SubjectScoreState& subject) {
  event::v1::SubjectScores scores = version.ToEvent(subject);
  v1::Score score;
  score.set_question(Cat("questions/", question.id));
  score.set_kind(subject.kind);
  score.set_subject(subject.subject);
  score.mutable_scores()->Swap(scores.mutable_scores());
  score.set_coverage(subject.coverage);
  score.set_forecast_count(subject.forecast_count);
  score.set_backfilled(subject.backfilled);
  score.set_score_version(version.version);
  score.set_outcome(version.outcome);
  score.set_position(version.position);
  score.set_cause_position(version.cause_position);
  SetTime(version.record_time, *score.mutable_record_time());
  SetTime(version.effective_time, *score.mutable_effective_time());
  score.set_across_versions(subject.across_versions);
  return score;
}

}  // namespace credence::server
