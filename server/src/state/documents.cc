#include "state/documents.h"

#include <algorithm>
#include <utility>

#include "convert/model.h"
#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

using internal::v1::LedgerDocument;
using internal::v1::NetworkDocument;
using internal::v1::QuestionDocument;
using internal::v1::RegistryDocument;
using internal::v1::SeriesDocument;

// Infinite times have no timestamp: they are left out.
template <typename Setter>
void SetTime(absl::Time time, const Setter& mutable_field) {
  if (time != absl::InfinitePast() && time != absl::InfiniteFuture()) {
    *mutable_field() = ToTimestamp(time);
  }
}

std::vector<double> ToVector(const google::protobuf::RepeatedField<double>& values) {
  return {values.begin(), values.end()};
}

absl::Status Damaged(std::string_view what, const absl::Status& why) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss,
                   Cat("stored projection of ", what, ": ", FromAbsl(why.message())), detail);
}

void AddRevision(const RevisionState& revision, NetworkDocument::Revision& document) {
  document.set_number(revision.number);
  document.set_title(revision.title);
  document.set_rationale(revision.rationale);
  *document.mutable_model() = revision.model;
  document.set_position(revision.position);
  *document.mutable_record_time() = ToTimestamp(revision.record_time);
  *document.mutable_effective_time() = ToTimestamp(revision.effective_time);
}

void AddEvidence(const EvidenceState& evidence, NetworkDocument::Evidence& document) {
  document.set_id(evidence.id);
  *document.mutable_model() = evidence.model;
  document.set_position(evidence.position);
  *document.mutable_record_time() = ToTimestamp(evidence.record_time);
  *document.mutable_effective_time() = ToTimestamp(evidence.item.effective_time);
  document.set_backfilled(evidence.backfilled);
  document.set_actor(evidence.actor);
  document.set_supersedes(evidence.supersedes);
  for (const EvidenceState::ClusterChange& change : evidence.cluster_changes) {
    NetworkDocument::ClusterChange& entry = *document.add_cluster_changes();
    *entry.mutable_effective_time() = ToTimestamp(change.effective_time);
    entry.set_cluster(change.cluster);
    if (change.correlation.has_value()) entry.set_correlation(*change.correlation);
  }
  if (evidence.end_time.has_value()) *document.mutable_end_time() = ToTimestamp(*evidence.end_time);
  document.set_superseded_by(evidence.superseded_by);
}

absl::StatusOr<std::shared_ptr<const RevisionState>> ReadRevision(
    const std::string& network, const NetworkDocument::Revision& document) {
  auto revision = std::make_shared<RevisionState>();
  revision->number = document.number();
  revision->title = document.title();
  revision->rationale = document.rationale();
  revision->model = document.model();
  revision->position = document.position();
  revision->record_time = ToTime(document.record_time());
  revision->effective_time = ToTime(document.effective_time());
  CREDENCE_ASSIGN_OR_RETURN(forecaster::Network converted, ToNetwork(network, document.model()));
  CREDENCE_ASSIGN_OR_RETURN(revision->compiled,
                            forecaster::CompiledNetwork::Compile(std::move(converted)));
  if (document.model().has_numeric()) {
    CREDENCE_ASSIGN_OR_RETURN(revision->numeric, ToPrior(document.model().numeric()));
  }
  return std::shared_ptr<const RevisionState>(std::move(revision));
}

absl::StatusOr<std::shared_ptr<const EvidenceState>> ReadEvidence(
    const NetworkDocument::Evidence& document) {
  auto evidence = std::make_shared<EvidenceState>();
  evidence->id = document.id();
  evidence->model = document.model();
  CREDENCE_ASSIGN_OR_RETURN(evidence->item, ToEvidenceItem(document.id(), document.model(),
                                                           ToTime(document.effective_time())));
  evidence->position = document.position();
  evidence->record_time = ToTime(document.record_time());
  evidence->backfilled = document.backfilled();
  evidence->actor = document.actor();
  evidence->supersedes = document.supersedes();
  for (const NetworkDocument::ClusterChange& entry : document.cluster_changes()) {
    EvidenceState::ClusterChange change;
    change.effective_time = ToTime(entry.effective_time());
    change.cluster = entry.cluster();
    if (entry.has_correlation()) change.correlation = entry.correlation();
    evidence->cluster_changes.push_back(std::move(change));
  }
  if (document.has_end_time()) evidence->end_time = ToTime(document.end_time());
  evidence->superseded_by = document.superseded_by();
  return std::shared_ptr<const EvidenceState>(std::move(evidence));
}

void AddResolutions(const QuestionState& question, QuestionDocument& document) {
  for (const ResolutionState& resolution : question.resolutions) {
    QuestionDocument::Resolution& entry = *document.add_resolutions();
    entry.set_outcome(resolution.outcome);
    if (resolution.occur_time.has_value()) {
      *entry.mutable_occur_time() = ToTimestamp(*resolution.occur_time);
    }
    entry.set_rationale(resolution.rationale);
    *entry.mutable_effective_time() = ToTimestamp(resolution.effective_time);
    entry.set_position(resolution.position);
    entry.set_version(resolution.version);
    if (resolution.fraction.has_value()) entry.set_fraction(*resolution.fraction);
    entry.set_unscored(resolution.unscored);
    entry.set_annulled(resolution.annulled);
    if (resolution.value.has_value()) entry.set_value(*resolution.value);
  }
}

void AddSubject(const SubjectScoreState& subject, QuestionDocument::Subject& document) {
  document.set_kind(subject.kind);
  document.set_subject(subject.subject);
  document.mutable_values()->Add(subject.values.begin(), subject.values.end());
  document.set_coverage(subject.coverage);
  document.set_forecast_count(subject.forecast_count);
  document.set_backfilled(subject.backfilled);
  if (subject.final_probability.has_value()) {
    document.set_final_probability(*subject.final_probability);
  }
  document.set_across_versions(subject.across_versions);
}

SubjectScoreState ReadSubject(const QuestionDocument::Subject& document) {
  SubjectScoreState subject;
  subject.kind = document.kind();
  subject.subject = document.subject();
  subject.values = ToVector(document.values());
  subject.coverage = document.coverage();
  subject.forecast_count = document.forecast_count();
  subject.backfilled = document.backfilled();
  if (document.has_final_probability()) subject.final_probability = document.final_probability();
  subject.across_versions = document.across_versions();
  return subject;
}

void AddScores(const QuestionState& question, QuestionDocument& document) {
  for (const auto& scores : question.scores) {
    QuestionDocument::ScoreVersion& entry = *document.add_scores();
    entry.set_version(scores->version);
    entry.set_outcome(scores->outcome);
    entry.mutable_rules()->Add(scores->rules.begin(), scores->rules.end());
    for (const SubjectScoreState& subject : scores->subjects) {
      AddSubject(subject, *entry.add_subjects());
    }
    entry.mutable_claims()->Add(scores->claims.begin(), scores->claims.end());
    entry.set_position(scores->position);
    entry.set_cause_position(scores->cause_position);
    *entry.mutable_record_time() = ToTimestamp(scores->record_time);
    *entry.mutable_effective_time() = ToTimestamp(scores->effective_time);
  }
}

void AddVersions(const QuestionState& question, QuestionDocument& document) {
  for (const QuestionVersionState& version : question.versions) {
    QuestionDocument::Version& entry = *document.add_versions();
    *entry.mutable_effective_time() = ToTimestamp(version.effective_time);
    entry.set_position(version.position);
    entry.set_wording_only(version.wording_only);
  }
}

void AddStanding(const QuestionState& question, QuestionDocument& document) {
  for (const std::string& forecaster : question.standing.SortedIds()) {
    const StandingForecast& standing = *question.standing.Find(forecaster);
    QuestionDocument::Standing& entry = *document.add_standing();
    entry.set_forecaster(forecaster);
    entry.mutable_probabilities()->Add(standing.probabilities.begin(),
                                       standing.probabilities.end());
    entry.set_forecast(standing.forecast);
    entry.set_rationale(standing.rationale);
    entry.set_position(standing.position);
    *entry.mutable_record_time() = ToTimestamp(standing.record_time);
    *entry.mutable_effective_time() = ToTimestamp(standing.effective_time);
    entry.set_backfilled(standing.backfilled);
    if (standing.distribution.has_value()) *entry.mutable_distribution() = *standing.distribution;
  }
  for (const std::string& id : question.chosen_forecast_ids.SortedIds()) {
    document.add_chosen_forecast_ids(id);
  }
}

void AddSeals(const QuestionState& question, QuestionDocument& document) {
  for (const std::string& forecast : question.seals.SortedIds()) {
    const SealState& seal = *question.seals.Find(forecast);
    QuestionDocument::Seal& entry = *document.add_seals();
    entry.set_forecast(forecast);
    entry.set_forecaster(seal.forecaster);
    entry.set_digest(seal.digest);
    *entry.mutable_reveal_time() = ToTimestamp(seal.reveal_time);
    entry.set_position(seal.position);
    *entry.mutable_record_time() = ToTimestamp(seal.record_time);
    if (seal.revealed_time.has_value()) {
      *entry.mutable_revealed_time() = ToTimestamp(*seal.revealed_time);
    }
    entry.set_late(seal.late);
    entry.set_overtaken(seal.overtaken);
  }
}

void ReadSeals(const QuestionDocument& document, uint64_t edition, QuestionState& question) {
  for (const QuestionDocument::Seal& entry : document.seals()) {
    SealState& seal = question.seals.EditOrInsert(entry.forecast(), edition);
    seal.forecaster = entry.forecaster();
    seal.digest = entry.digest();
    seal.reveal_time = ToTime(entry.reveal_time());
    seal.position = entry.position();
    seal.record_time = ToTime(entry.record_time());
    if (entry.has_revealed_time()) seal.revealed_time = ToTime(entry.revealed_time());
    seal.late = entry.late();
    seal.overtaken = entry.overtaken();
  }
}

void ReadResolutions(const QuestionDocument& document, QuestionState& question) {
  for (const QuestionDocument::Resolution& entry : document.resolutions()) {
    ResolutionState& resolution = question.resolutions.emplace_back();
    resolution.outcome = entry.outcome();
    if (entry.has_occur_time()) resolution.occur_time = ToTime(entry.occur_time());
    resolution.rationale = entry.rationale();
    resolution.effective_time = ToTime(entry.effective_time());
    resolution.position = entry.position();
    resolution.version = entry.version();
    if (entry.has_fraction()) resolution.fraction = entry.fraction();
    resolution.unscored = entry.unscored();
    resolution.annulled = entry.annulled();
    if (entry.has_value()) resolution.value = entry.value();
  }
}

void ReadScores(const QuestionDocument& document, QuestionState& question) {
  for (const QuestionDocument::ScoreVersion& entry : document.scores()) {
    auto scores = std::make_shared<ScoreVersionState>();
    scores->version = entry.version();
    scores->outcome = entry.outcome();
    scores->rules.assign(entry.rules().begin(), entry.rules().end());
    for (const QuestionDocument::Subject& subject : entry.subjects()) {
      scores->subjects.push_back(ReadSubject(subject));
    }
    scores->claims.assign(entry.claims().begin(), entry.claims().end());
    scores->position = entry.position();
    scores->cause_position = entry.cause_position();
    scores->record_time = ToTime(entry.record_time());
    scores->effective_time = ToTime(entry.effective_time());
    question.scores.push_back(std::move(scores));
  }
}

void ReadStanding(const QuestionDocument& document, uint64_t edition, QuestionState& question) {
  for (const QuestionDocument::Standing& entry : document.standing()) {
    StandingForecast& standing = question.standing.EditOrInsert(entry.forecaster(), edition);
    standing.probabilities = ToVector(entry.probabilities());
    standing.forecast = entry.forecast();
    standing.rationale = entry.rationale();
    standing.position = entry.position();
    standing.record_time = ToTime(entry.record_time());
    standing.effective_time = ToTime(entry.effective_time());
    standing.backfilled = entry.backfilled();
    if (entry.has_distribution()) standing.distribution = entry.distribution();
  }
  for (const std::string& id : document.chosen_forecast_ids()) {
    question.chosen_forecast_ids.EditOrInsert(id, edition) = true;
  }
}

}  // namespace

LedgerDocument ToDocument(const LedgerState& ledger) {
  LedgerDocument document;
  document.set_revision(ledger.revision);
  for (const GradeTableState& table : ledger.grade_tables) {
    LedgerDocument::GradeTable& entry = *document.add_grade_tables();
    SetTime(table.effective_time, [&entry] { return entry.mutable_effective_time(); });
    entry.mutable_probabilities()->Add(table.grades.source.begin(), table.grades.source.end());
    entry.mutable_probabilities()->Add(table.grades.information.begin(),
                                       table.grades.information.end());
    entry.set_default_cluster_correlation(table.default_cluster_correlation);
  }
  document.set_unknown_event_count(ledger.unknown_event_count);
  document.set_keyed_author_count(ledger.keyed_author_count);
  return document;
}

namespace {

void AddAuthor(const AuthorState& author, RegistryDocument& document) {
  for (const AuthorKeyState& key : author.keys) {
    internal::v1::AuthorKey& entry = *document.add_author_keys();
    entry.set_public_key(key.public_key);
    entry.set_registered_position(key.registered_position);
    if (key.revoked_position.has_value()) entry.set_revoked_position(*key.revoked_position);
  }
  document.set_signature_required(author.signature_required);
}

AuthorState AuthorFromDocument(const RegistryDocument& document) {
  AuthorState author;
  for (const internal::v1::AuthorKey& entry : document.author_keys()) {
    AuthorKeyState& key = author.keys.emplace_back();
    key.public_key = entry.public_key();
    key.registered_position = entry.registered_position();
    if (entry.has_revoked_position()) key.revoked_position = entry.revoked_position();
  }
  author.signature_required = document.signature_required();
  return author;
}

void AddTally(const SealTally& seals, RegistryDocument& document) {
  document.set_sealed_count(seals.sealed_count);
  document.set_revealed_count(seals.revealed_count);
  document.set_revealed_late_count(seals.revealed_late_count);
  for (const OpenSeal& open : seals.open) {
    internal::v1::OpenSeal& entry = *document.add_open_seals();
    entry.set_question(open.question);
    entry.set_forecast(open.forecast);
    *entry.mutable_reveal_time() = ToTimestamp(open.reveal_time);
  }
}

SealTally TallyFromDocument(const RegistryDocument& document) {
  SealTally seals;
  seals.sealed_count = document.sealed_count();
  seals.revealed_count = document.revealed_count();
  seals.revealed_late_count = document.revealed_late_count();
  for (const internal::v1::OpenSeal& entry : document.open_seals()) {
    seals.open.push_back({entry.question(), entry.forecast(), ToTime(entry.reveal_time())});
  }
  return seals;
}

}  // namespace

RegistryDocument ToDocument(const ForecasterState& forecaster) {
  RegistryDocument document;
  document.set_id(forecaster.id);
  document.set_revision(forecaster.revision);
  document.set_display_name(forecaster.display_name);
  document.set_description(forecaster.description);
  document.set_count(forecaster.forecast_count);
  AddAuthor(forecaster.author, document);
  AddTally(forecaster.seals, document);
  return document;
}

RegistryDocument ToDocument(const SourceState& source) {
  RegistryDocument document;
  document.set_id(source.id);
  document.set_revision(source.revision);
  document.set_display_name(source.display_name);
  document.set_description(source.description);
  document.set_url(source.url);
  document.set_count(source.evidence_count);
  AddAuthor(source.author, document);
  for (const SourceRecord& record : source.records) {
    RegistryDocument::SourceRecord& entry = *document.add_source_records();
    entry.set_question(record.question);
    *entry.mutable_effective_time() = ToTimestamp(record.effective_time);
    entry.set_success_count(record.success_count);
    entry.set_failure_count(record.failure_count);
  }
  document.mutable_networks()->Add(source.networks.begin(), source.networks.end());
  return document;
}

SeriesDocument ToDocument(const SeriesState& series) {
  SeriesDocument document;
  document.set_id(series.id);
  document.set_revision(series.revision);
  document.mutable_networks()->Add(series.networks.begin(), series.networks.end());
  for (const SeriesCase& entry : series.cases) {
    SeriesDocument::Case& added = *document.add_cases();
    added.set_network(entry.network);
    *added.mutable_effective_time() = ToTimestamp(entry.effective_time);
    added.set_position(entry.position);
    added.mutable_counts()->Add(entry.counts.begin(), entry.counts.end());
  }
  return document;
}

NetworkDocument ToDocument(const NetworkState& network) {
  NetworkDocument document;
  document.set_id(network.id);
  document.set_revision(network.revision);
  for (const auto& revision : network.revisions) AddRevision(*revision, *document.add_revisions());
  for (const auto& evidence : network.evidence) AddEvidence(*evidence, *document.add_evidence());
  document.mutable_questions()->Add(network.questions.begin(), network.questions.end());
  SetTime(network.clock, [&document] { return document.mutable_clock_time(); });
  return document;
}

QuestionDocument ToDocument(const QuestionState& question) {
  QuestionDocument document;
  document.set_id(question.id);
  document.set_revision(question.revision);
  document.set_title(question.title);
  document.set_resolution_criteria(question.resolution_criteria);
  document.set_network(question.network);
  document.set_node(question.node);
  document.mutable_states()->Add(question.states.begin(), question.states.end());
  document.set_numeric(question.numeric);
  document.set_ordered(question.ordered);
  document.set_hides_pool(question.hides_pool);
  AddVersions(question, document);
  if (question.pool.has_value()) *document.mutable_pool() = *question.pool;
  if (question.auto_resolution.has_value()) {
    document.mutable_auto_resolution()->set_outcome(question.auto_resolution->outcome);
    *document.mutable_auto_resolution()->mutable_grace_duration() =
        ToProtoDuration(question.auto_resolution->grace);
  }
  *document.mutable_open_time() = ToTimestamp(question.open_time);
  *document.mutable_close_time() = ToTimestamp(question.close_time);
  document.mutable_tags()->Add(question.tags.begin(), question.tags.end());
  *document.mutable_record_time() = ToTimestamp(question.record_time);
  document.set_position(question.position);
  document.set_phase(static_cast<int64_t>(question.phase));
  AddResolutions(question, document);
  AddScores(question, document);
  if (question.published.has_value()) {
    QuestionDocument::Published& published = *document.mutable_published();
    published.mutable_probabilities()->Add(question.published->probabilities.begin(),
                                           question.published->probabilities.end());
    published.set_position(question.published->position);
    *published.mutable_effective_time() = ToTimestamp(question.published->effective_time);
    if (question.published->distribution.has_value()) {
      *published.mutable_distribution() = *question.published->distribution;
    }
  }
  AddStanding(question, document);
  if (question.relations != nullptr) {
    const auto& [implied, conjuncts] = *question.relations;
    document.mutable_implied_questions()->Add(implied.begin(), implied.end());
    document.mutable_conjuncts()->Add(conjuncts.begin(), conjuncts.end());
  }
  AddSeals(question, document);
  if (question.attributes != nullptr) {
    document.mutable_attributes()->Add(question.attributes->begin(), question.attributes->end());
  }
  document.set_without_model(question.without_model);
  if (question.closed_time.has_value()) {
    *document.mutable_closed_time() = ToTimestamp(*question.closed_time);
  }
  return document;
}

LedgerState FromDocument(const LedgerDocument& document) {
  LedgerState ledger;
  ledger.revision = document.revision();
  ledger.grade_tables.clear();
  for (const LedgerDocument::GradeTable& entry : document.grade_tables()) {
    GradeTableState& table = ledger.grade_tables.emplace_back();
    if (entry.has_effective_time()) table.effective_time = ToTime(entry.effective_time());
    const int letters = static_cast<int>(table.grades.source.size());
    for (int i = 0; i < entry.probabilities_size(); ++i) {
      (i < letters ? table.grades.source : table.grades.information)
          .at(static_cast<size_t>(i % letters)) = entry.probabilities(i);
    }
    table.default_cluster_correlation = entry.default_cluster_correlation();
  }
  if (ledger.grade_tables.empty()) ledger.grade_tables.emplace_back();
  ledger.unknown_event_count = document.unknown_event_count();
  ledger.keyed_author_count = document.keyed_author_count();
  return ledger;
}

ForecasterState ForecasterFromDocument(const RegistryDocument& document) {
  return {document.id(),
          document.revision(),
          document.display_name(),
          document.description(),
          document.count(),
          AuthorFromDocument(document),
          TallyFromDocument(document)};
}

SourceState SourceFromDocument(const RegistryDocument& document) {
  SourceState source;
  source.id = document.id();
  source.revision = document.revision();
  source.display_name = document.display_name();
  source.description = document.description();
  source.url = document.url();
  source.evidence_count = document.count();
  source.author = AuthorFromDocument(document);
  for (const RegistryDocument::SourceRecord& entry : document.source_records()) {
    source.records.push_back({entry.question(), ToTime(entry.effective_time()),
                              entry.success_count(), entry.failure_count()});
  }
  source.networks.assign(document.networks().begin(), document.networks().end());
  return source;
}

SeriesState FromDocument(const SeriesDocument& document) {
  SeriesState series;
  series.id = document.id();
  series.revision = document.revision();
  series.networks.assign(document.networks().begin(), document.networks().end());
  for (const SeriesDocument::Case& entry : document.cases()) {
    series.cases.push_back({entry.network(),
                            ToTime(entry.effective_time()),
                            entry.position(),
                            {entry.counts().begin(), entry.counts().end()}});
  }
  return series;
}

absl::StatusOr<NetworkState> FromDocument(const NetworkDocument& document) {
  NetworkState network;
  network.id = document.id();
  network.revision = document.revision();
  for (const NetworkDocument::Revision& entry : document.revisions()) {
    auto revision = ReadRevision(document.id(), entry);
    if (!revision.ok()) return Damaged(document.id(), revision.status());
    network.revisions.push_back(*std::move(revision));
  }
  for (const NetworkDocument::Evidence& entry : document.evidence()) {
    auto evidence = ReadEvidence(entry);
    if (!evidence.ok()) return Damaged(document.id(), evidence.status());
    network.evidence_index[entry.id()] = network.evidence.size();
    network.evidence.push_back(*std::move(evidence));
  }
  network.questions.assign(document.questions().begin(), document.questions().end());
  if (document.has_clock_time()) network.clock = ToTime(document.clock_time());
  return network;
}

QuestionState FromDocument(const QuestionDocument& document, uint64_t edition) {
  QuestionState question;
  question.id = document.id();
  question.revision = document.revision();
  question.title = document.title();
  question.resolution_criteria = document.resolution_criteria();
  question.network = document.network();
  question.node = document.node();
  question.states.assign(document.states().begin(), document.states().end());
  question.numeric = document.numeric();
  question.ordered = document.ordered();
  question.hides_pool = document.hides_pool();
  for (const QuestionDocument::Version& version : document.versions()) {
    question.versions.push_back(
        {ToTime(version.effective_time()), version.position(), version.wording_only()});
  }
  if (document.has_pool()) question.pool = document.pool();
  if (document.has_auto_resolution()) {
    question.auto_resolution =
        AutoResolutionState{document.auto_resolution().outcome(),
                            ToAbslDuration(document.auto_resolution().grace_duration())};
  }
  question.open_time = ToTime(document.open_time());
  question.close_time = ToTime(document.close_time());
  question.tags.assign(document.tags().begin(), document.tags().end());
  question.record_time = ToTime(document.record_time());
  question.position = document.position();
  question.phase = static_cast<QuestionPhase>(document.phase());
  if (!document.attributes().empty()) {
    question.attributes = std::make_shared<const std::vector<event::v1::Attribute>>(
        document.attributes().begin(), document.attributes().end());
  }
  question.without_model = document.without_model();
  if (document.has_closed_time()) question.closed_time = ToTime(document.closed_time());
  ReadResolutions(document, question);
  ReadScores(document, question);
  if (document.has_published()) {
    question.published = PublishedState{
        ToVector(document.published().probabilities()), document.published().position(),
        ToTime(document.published().effective_time()), std::nullopt};
    if (document.published().has_distribution()) {
      question.published->distribution = document.published().distribution();
    }
  }
  ReadStanding(document, edition, question);
  if (!document.implied_questions().empty() || !document.conjuncts().empty()) {
    question.relations = std::make_shared<const QuestionRelations>(QuestionRelations{
        {document.implied_questions().begin(), document.implied_questions().end()},
        {document.conjuncts().begin(), document.conjuncts().end()}});
  }
  ReadSeals(document, edition, question);
  return question;
}

}  // namespace credence::server
