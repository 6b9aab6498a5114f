#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "credence/event/v1/learning_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/numeric_model.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/forecaster/evidence.h"
#include "credence/forecaster/network.h"
#include "credence/forecaster/numeric.h"
#include "state/cow_map.h"
#include "state/learned_cache.h"

// What the ledger's events add up to: the projections. A State is made by folding events, and by
// nothing else. Copies are cheap (see cow_map.h), so that every reader has one of its own.
//
// Everything that has an effective time keeps its history, so that one state answers for every
// effective time; what the ledger knew at an earlier position needs another state.
//
// Thread safety: a const State may be read from any thread.
namespace credence::server {

// One evidence item and what became of it.
struct EvidenceState {
  struct ClusterChange {
    absl::Time effective_time;
    std::string cluster;
    std::optional<double> correlation;
  };

  std::string id;
  // As recorded; `item.cluster` and its correlation hold what was stated first.
  event::v1::EvidenceModel model;
  forecaster::EvidenceItem item;
  int64_t position = 0;
  absl::Time record_time;
  bool backfilled = false;
  std::string actor;
  std::string supersedes;
  // Later cluster changes, in the order of their positions.
  std::vector<ClusterChange> cluster_changes;
  // When it ceased to count, and why.
  std::optional<absl::Time> end_time;
  std::string superseded_by;

  // Whether it counts at `time`.
  [[nodiscard]] bool InForce(absl::Time time) const {
    return item.effective_time <= time && (!end_time.has_value() || *end_time > time);
  }
  // The item as it stands at `time`, with the cluster of that time.
  [[nodiscard]] forecaster::EvidenceItem ItemAt(absl::Time time) const;
};

// One revision of a network's model.
struct RevisionState {
  int64_t number = 1;
  std::string title;
  std::string rationale;
  event::v1::NetworkModel model;
  // Of a numeric question's network a single node that stands in for the value.
  std::shared_ptr<const forecaster::CompiledNetwork> compiled;
  // Set where the network is that of a question that asks for a number.
  std::optional<forecaster::NumericPrior> numeric;
  // Compiled forms with what the network's series learned; a memory that no answer depends on.
  std::shared_ptr<LearnedCache> learned = std::make_shared<LearnedCache>();
  int64_t position = 0;
  absl::Time record_time;
  absl::Time effective_time;
};

// A network with its evidence.
struct NetworkState {
  std::string id;
  int64_t revision = 0;  // Events in its stream.
  std::vector<std::shared_ptr<const RevisionState>> revisions;
  // By position.
  std::vector<std::shared_ptr<const EvidenceState>> evidence;
  absl::flat_hash_map<std::string, size_t> evidence_index;
  // Ids of the questions put to it, in the order of their positions.
  std::vector<std::string> questions;
  // Effective time that it has reached; it never goes back.
  absl::Time clock = absl::InfinitePast();

  [[nodiscard]] const EvidenceState* FindEvidence(std::string_view evidence) const;
  // The revision in force at `time`; the first one where `time` is before it.
  [[nodiscard]] const RevisionState& RevisionAt(absl::Time time) const;
  [[nodiscard]] const RevisionState& latest() const { return *revisions.back(); }
  // Whether it is the network of a question that asks for a number; no revision changes that.
  [[nodiscard]] bool numeric() const { return latest().numeric.has_value(); }
};

// One resolution, amendment or annulment.
struct ResolutionState {
  // The state that came true; empty where `fraction`, `unscored` or `annulled` stands.
  std::string outcome;
  // Share of the first of two states, where the question was settled between them.
  std::optional<double> fraction;
  // Why it is not scored, where it is not.
  event::v1::Unscored unscored = event::v1::UNSCORED_UNSPECIFIED;
  bool annulled = false;
  std::optional<absl::Time> occur_time;
  std::string rationale;
  absl::Time effective_time;
  int64_t position = 0;
  // 1 for the first, more after each amendment or annulment.
  int64_t version = 1;
  // Where the question asks for a number; `outcome` is then its text.
  std::optional<double> value;

  // True where it is scored: a state came true or it was settled at a fraction.
  [[nodiscard]] bool scored() const { return !outcome.empty() || fraction.has_value(); }
};

// Scores of one subject, as small as reports over many of them want it.
struct SubjectScoreState {
  event::v1::ScoreSubjectKind kind = event::v1::SCORE_SUBJECT_KIND_UNSPECIFIED;
  std::string subject;
  // By rule of the version; NaN where the rule gave none, infinite where the score is.
  std::vector<double> values;
  double coverage = 0.0;
  int64_t forecast_count = 0;
  bool backfilled = false;
  std::optional<double> final_probability;
  // Whether the question changed materially after forecasts that counted.
  bool across_versions = false;
};

// Scores of one version, all parts together.
struct ScoreVersionState {
  int64_t version = 0;
  // Empty where it ended the scores before it.
  std::string outcome;
  // Rules that gave a score to some subject.
  std::vector<std::string> rules;
  std::vector<SubjectScoreState> subjects;
  // What the sources' items claimed.
  std::vector<event::v1::EvidenceClaim> claims;
  int64_t position = 0;
  int64_t cause_position = 0;
  absl::Time record_time;
  absl::Time effective_time;

  // Index of a rule in `rules`; absent where it gave no score.
  [[nodiscard]] std::optional<size_t> FindRule(std::string_view rule) const;
  // Takes what an event says of one subject.
  void Add(const event::v1::SubjectScores& scores);
  // The other way round.
  [[nodiscard]] event::v1::SubjectScores ToEvent(const SubjectScoreState& subject) const;
};

// A forecaster's standing forecast on a question.
struct StandingForecast {
  std::vector<double> probabilities;
  std::string forecast;
  std::string rationale;
  int64_t position = 0;
  absl::Time record_time;
  absl::Time effective_time;
  bool backfilled = false;
  // In place of probabilities, where the question asks for a number.
  std::optional<event::v1::NumericDistribution> distribution;
};

// A forecast that was sealed, and what became of it.
struct SealState {
  std::string forecaster;
  std::string digest;
  int64_t position = 0;
  absl::Time record_time;
  // Before this time it must be revealed to count.
  absl::Time reveal_time;
  std::optional<absl::Time> revealed_time;
  // True where it was revealed at its reveal time or later, or after the question's end.
  bool late = false;
  // True where its forecaster said something later before it was revealed: then it does not stand.
  bool overtaken = false;
};

// The posterior of a question that was published last.
struct PublishedState {
  std::vector<double> probabilities;
  int64_t position = 0;
  absl::Time effective_time;
  // In place of probabilities, where the question asks for a number.
  std::optional<event::v1::NumericDistribution> distribution;
};

// How a question resolves by itself.
struct AutoResolutionState {
  std::string outcome;
  absl::Duration grace;
};

// What was declared of a question's first state. Ids of questions, each once.
struct QuestionRelations {
  // Their first states are true whenever its own is.
  std::vector<std::string> implied;
  // Their first states are all true exactly when its own is.
  std::vector<std::string> conjuncts;

  [[nodiscard]] bool empty() const { return implied.empty() && conjuncts.empty(); }
};

// A change of a question's texts.
struct QuestionVersionState {
  absl::Time effective_time;
  int64_t position = 0;
  // What decides the question did not change.
  bool wording_only = false;
};

enum class QuestionPhase { kDraft, kActive, kClosed, kResolved, kAnnulled };

struct QuestionState {
  std::string id;
  int64_t revision = 0;  // Events in its stream.
  std::string title;
  std::string resolution_criteria;
  std::string network;
  std::string node;
  std::vector<std::string> states;
  // True where it asks for a number; `states` then holds kValueState alone.
  bool numeric = false;
  // True where its states have an order that scores use.
  bool ordered = false;
  // True where the pool is not shown to whoever has not forecast it.
  bool hides_pool = false;
  absl::Time open_time;
  absl::Time close_time;
  std::vector<std::string> tags;
  absl::Time record_time;
  int64_t position = 0;
  QuestionPhase phase = QuestionPhase::kActive;
  // What another system said of it; null for nothing.
  std::shared_ptr<const std::vector<event::v1::Attribute>> attributes;
  // True where forecasters alone speak on it: nothing is published.
  bool without_model = false;
  // When it was closed before its close time.
  std::optional<absl::Time> closed_time;
  // In the order of their positions.
  std::vector<ResolutionState> resolutions;
  std::vector<std::shared_ptr<const ScoreVersionState>> scores;
  std::optional<PublishedState> published;
  // How its forecasts are pooled where a read does not say.
  std::optional<event::v1::PoolPolicy> pool;
  std::optional<AutoResolutionState> auto_resolution;
  // Null where nothing is declared.
  std::shared_ptr<const QuestionRelations> relations;
  // Changes of its texts, in the order of their positions.
  std::vector<QuestionVersionState> versions;
  CowMap<StandingForecast, 16> standing;
  // Ids that clients chose for their forecasts; the server's own cannot clash.
  CowMap<bool, 16> chosen_forecast_ids;
  // Sealed forecasts, by their ids.
  CowMap<SealState, 4> seals;

  // The state that came true as of `time`; null where there is none: not resolved, annulled, void,
  // or settled at a fraction.
  [[nodiscard]] const ResolutionState* ResolutionAt(absl::Time time) const;
  // How it had ended at `time`, in whatever way; null where it had not.
  [[nodiscard]] const ResolutionState* EndAt(absl::Time time) const;
  // The scores in force at `time`, by effective time; null where there are none or where they
  // ended.
  [[nodiscard]] const ScoreVersionState* ScoresAt(absl::Time time) const;
  // Version of the texts in force at `time`, from 1.
  [[nodiscard]] int64_t VersionAt(absl::Time time) const;
  // The last version by `time` that may decide it otherwise than the one before; 1 where none does.
  [[nodiscard]] int64_t MaterialVersionAt(absl::Time time) const;
  // When that version came; the infinite past where none did.
  [[nodiscard]] absl::Time MaterialChangeBy(absl::Time time) const;
};

// A key that an author signs with; it signs what stands after the first position and, where there
// is one, before the second.
struct AuthorKeyState {
  std::string public_key;
  int64_t registered_position = 0;
  std::optional<int64_t> revoked_position;
};

// What a forecaster or a source is known to sign with.
struct AuthorState {
  // In the order of their registration.
  std::vector<AuthorKeyState> keys;
  // Whether everything that it states must be signed.
  bool signature_required = false;

  // Null for a key that was never registered.
  [[nodiscard]] const AuthorKeyState* FindKey(std::string_view public_key) const;
};

// A sealed forecast that was not revealed yet.
struct OpenSeal {
  std::string question;
  std::string forecast;
  absl::Time reveal_time;
};

// A forecaster's sealed forecasts.
struct SealTally {
  int64_t sealed_count = 0;
  int64_t revealed_count = 0;
  int64_t revealed_late_count = 0;
  // In the order of their positions.
  std::vector<OpenSeal> open;
};

struct ForecasterState {
  std::string id;
  int64_t revision = 0;
  std::string display_name;
  std::string description;
  int64_t forecast_count = 0;
  AuthorState author;
  SealTally seals;
};

// What the resolution of a question said of a source.
struct SourceRecord {
  std::string question;
  absl::Time effective_time;
  int64_t success_count = 0;
  int64_t failure_count = 0;
};

// What a network taught the others of its series.
struct SeriesCase {
  std::string network;
  absl::Time effective_time;
  int64_t position = 0;
  std::vector<event::v1::CaseCount> counts;
};

// Networks that learn from each other.
struct SeriesState {
  std::string id;
  int64_t revision = 0;
  // In order.
  std::vector<std::string> networks;
  // In the order of their positions; of one network the last that counts stands.
  std::vector<SeriesCase> cases;
};

struct SourceState {
  std::string id;
  int64_t revision = 0;
  std::string display_name;
  std::string description;
  std::string url;
  int64_t evidence_count = 0;
  AuthorState author;
  // In the order of their positions; of one question the last that counts stands.
  std::vector<SourceRecord> records;
  // Ids of the networks that its items bear on, in order.
  std::vector<std::string> networks;

  // Its items that turned out right and wrong by `at`.
  struct Tally {
    int64_t success_count = 0;
    int64_t failure_count = 0;
  };
  [[nodiscard]] Tally TallyAt(absl::Time at) const;
  // The mean of Beta(1 + successes, 1 + failures) by `at`; absent without either.
  [[nodiscard]] std::optional<double> ReliabilityAt(absl::Time at) const;
};

// Adds `id` to ids in order, once.
void AddInOrder(std::vector<std::string>& ids, std::string_view id);

// A grade table and when it came into force.
struct GradeTableState {
  absl::Time effective_time = absl::InfinitePast();
  forecaster::GradeTable grades;
  double default_cluster_correlation = 0.6;
};

// The ledger's own facts.
struct LedgerState {
  int64_t revision = 0;
  // In the order of their positions; the first is the default table.
  std::vector<GradeTableState> grade_tables = {GradeTableState{}};
  int64_t unknown_event_count = 0;
  // Authors that registered a key: while there is none, nothing has to be looked up.
  int64_t keyed_author_count = 0;

  [[nodiscard]] const GradeTableState& GradesAt(absl::Time time) const;
};

struct State {
  // Events folded; the position of the last is one less.
  int64_t size = 0;
  // Raised with each copy that is handed out; see CowMap.
  uint64_t edition = 1;
  LedgerState ledger;
  CowMap<QuestionState, 64> questions;
  CowMap<NetworkState, 64> networks;
  CowMap<ForecasterState, 64> forecasters;
  CowMap<SourceState, 64> sources;
  CowMap<SeriesState, 16> series;
  // Ids of the questions that declare relations: an index of `questions`, stored nowhere else.
  CowMap<bool, 16> related_questions;

  // Sets what was declared of a question; keeps the index.
  void Relate(QuestionState& question, QuestionRelations relations);

  // A copy for readers. Raises the edition, so that later edits leave the copy alone.
  [[nodiscard]] State Snapshot();

  // A copy to try things on: edits of it leave this state alone.
  [[nodiscard]] State Fork() const;
};

}  // namespace credence::server
