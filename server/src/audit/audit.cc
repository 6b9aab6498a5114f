#include "audit/audit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "convert/numeric.h"
#include "convert/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/forecaster/posterior.h"
#include "decide/forecast_history.h"
#include "decide/intervals.h"
#include "decide/learning.h"
#include "decide/posterior.h"
#include "decide/scores.h"
#include "fold/fold.h"
#include "state/documents.h"
#include "state/persist.h"
#include "state/state.h"

namespace credence::server {
namespace {

using event::v1::PosteriorPublished;
using event::v1::QuestionScored;

absl::Status Wrong(std::string_view what) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss, std::string(what), detail);
}

absl::Status WrongAt(int64_t position, std::string_view what) {
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  detail.metadata["position"] = Cat(position);
  return MakeError(absl::StatusCode::kDataLoss, Cat("position ", position, ": ", what), detail);
}

bool Near(double left, double right) { return std::abs(left - right) <= kAuditTolerance; }

}  // namespace

class Auditor {
 public:
  // `decoded` is the entry, with or without its texts: no number depends on them.
  absl::Status Take(std::string_view entry, const ledger::DecodedEvent& decoded) {
    tree_.Append(ledger::LeafHash(entry));
    CREDENCE_RETURN_IF_ERROR(CheckEnvelope(decoded.envelope));
    const ledger::SequencedEvent event = decoded.AsEvent();
    if (const auto* published = dynamic_cast<const PosteriorPublished*>(event.payload)) {
      CREDENCE_RETURN_IF_ERROR(CheckPosterior(event, *published));
    } else if (const auto* scored = dynamic_cast<const QuestionScored*>(event.payload)) {
      CREDENCE_RETURN_IF_ERROR(CheckScores(event, *scored));
    }
    CREDENCE_RETURN_IF_ERROR(CheckStates(event));
    CREDENCE_RETURN_IF_ERROR(CheckLearned(event));
    Remember(event);
    Fold(state_, event);
    ++size_;
    return absl::OkStatus();
  }

  [[nodiscard]] int64_t size() const { return size_; }
  [[nodiscard]] ledger::Hash root() const { return tree_.root(); }
  [[nodiscard]] const State& state() const { return state_; }

  [[nodiscard]] AuditReport Report() const {
    AuditReport report = report_;
    report.stream_count = static_cast<int64_t>(streams_.size());
    report.unknown_event_count = state_.ledger.unknown_event_count;
    return report;
  }

 private:
  struct StreamEnd {
    int64_t count = 0;
    int64_t position = 0;
  };
  struct History {
    ForecastHistory forecasts;
    std::vector<RecordedForecast> posteriors;
    // What the parts of one version must hold, and how much of it was seen.
    QuestionScores expected;
    size_t seen = 0;
    size_t claims_seen = 0;
  };

  absl::Status CheckEnvelope(const event::v1::EventEnvelope& envelope) {
    if (envelope.position() != size_) {
      return WrongAt(size_, Cat("the entry says that it stands at ", envelope.position()));
    }
    StreamEnd& end = streams_[envelope.stream()];
    if (envelope.stream_version() != end.count) {
      return WrongAt(size_, Cat("has version ", envelope.stream_version(), " in stream ",
                                envelope.stream(), ", which has ", end.count, " events"));
    }
    const bool linked = end.count == 0 ? !envelope.has_previous_position()
                                       : envelope.has_previous_position() &&
                                             envelope.previous_position() == end.position;
    if (!linked) return WrongAt(size_, Cat("is not linked to its predecessor in its stream"));
    const absl::Time record_time = ToTime(envelope.record_time());
    if (record_time < record_time_) return WrongAt(size_, "is recorded before its predecessor");
    record_time_ = record_time;
    ++end.count;
    end.position = size_;
    return absl::OkStatus();
  }

  absl::Status CheckPosterior(const ledger::SequencedEvent& event,
                              const PosteriorPublished& published) {
    const NetworkState* network = state_.networks.Find(published.network());
    if (network == nullptr) return WrongAt(size_, "publishes for a network that does not exist");
    if (network->numeric()) return CheckNumericPosterior(*network, event, published);
    const InferenceInput input = MakeInferenceInput(state_, *network, event.effective_time);
    const auto posterior = forecaster::ComputePosterior(*input.network, input.items, input.options);
    if (!posterior.ok()) return WrongAt(size_, FromAbsl(posterior.status().message()));
    for (const event::v1::QuestionPosterior& entry : published.posteriors()) {
      const auto node = posterior->Find(entry.node());
      if (!node.ok()) return WrongAt(size_, FromAbsl(node.status().message()));
      const auto& probabilities = node->probabilities;
      bool same = static_cast<int>(probabilities.size()) == entry.probabilities_size();
      for (size_t i = 0; same && i < probabilities.size(); ++i) {
        same = Near(probabilities[i], entry.probabilities(static_cast<int>(i)));
      }
      if (!same) {
        return WrongAt(size_, Cat("the posterior of questions/", entry.question(),
                                  " is not what the events before it give"));
      }
      ++report_.posterior_count;
    }
    return CheckSpreads(input, published);
  }

  // The credible intervals that were published; ledgers of earlier versions have none.
  absl::Status CheckSpreads(const InferenceInput& input, const PosteriorPublished& published) {
    PosteriorPublished expected = published;
    for (auto& posterior : *expected.mutable_posteriors()) posterior.clear_spreads();
    AddSpreads(input, published.network(), published.evidence_position(),
               published.interval_draw_count(), expected);
    for (int i = 0; i < published.posteriors_size(); ++i) {
      if (SameSpreads(expected.posteriors(i), published.posteriors(i))) continue;
      return WrongAt(size_,
                     Cat("the credible intervals of questions/", published.posteriors(i).question(),
                         " are not what the events before them give"));
    }
    return absl::OkStatus();
  }

  [[nodiscard]] static bool SameSpreads(const event::v1::QuestionPosterior& expected,
                                        const event::v1::QuestionPosterior& recorded) {
    bool same = expected.spreads_size() == recorded.spreads_size();
    for (int s = 0; same && s < recorded.spreads_size(); ++s) {
      const event::v1::ProbabilitySpread& left = expected.spreads(s);
      const event::v1::ProbabilitySpread& right = recorded.spreads(s);
      same = left.intervals_size() == right.intervals_size() && Near(left.median(), right.median());
      for (int i = 0; same && i < right.intervals_size(); ++i) {
        same = Near(left.intervals(i).level(), right.intervals(i).level()) &&
               Near(left.intervals(i).low(), right.intervals(i).low()) &&
               Near(left.intervals(i).high(), right.intervals(i).high());
      }
    }
    return same;
  }

  absl::Status CheckNumericPosterior(const NetworkState& network,
                                     const ledger::SequencedEvent& event,
                                     const PosteriorPublished& published) {
    const NumericInput input = MakeNumericInput(state_, network, event.effective_time);
    const auto posterior =
        forecaster::ComputeNumericPosterior(input.prior, input.items, input.options);
    if (!posterior.ok()) return WrongAt(size_, FromAbsl(posterior.status().message()));
    const event::v1::NumericDistribution expected = ToMessage(posterior->value);
    for (const event::v1::QuestionPosterior& entry : published.posteriors()) {
      if (!SameDistribution(entry.distribution(), expected, kAuditTolerance)) {
        return WrongAt(size_, Cat("the distribution of questions/", entry.question(),
                                  " is not what the events before it give"));
      }
      ++report_.posterior_count;
    }
    return absl::OkStatus();
  }

  // The states that a signed forecast names are those that its probabilities are counted for.
  [[nodiscard]] absl::Status CheckStates(const ledger::SequencedEvent& event) const {
    const auto* forecast = dynamic_cast<const event::v1::ForecastRecorded*>(event.payload);
    if (forecast == nullptr || forecast->states().empty()) return absl::OkStatus();
    const QuestionState* question = state_.questions.Find(forecast->question());
    if (question != nullptr && std::equal(forecast->states().begin(), forecast->states().end(),
                                          question->states.begin(), question->states.end())) {
      return absl::OkStatus();
    }
    return WrongAt(size_, Cat("names other states than questions/", forecast->question(), " has"));
  }

  // What a resolution is said to have taught, from the resolution.
  absl::Status CheckLearned(const ledger::SequencedEvent& event) {
    if (const auto* record = dynamic_cast<const event::v1::SourceRecordChanged*>(event.payload)) {
      const QuestionState* question = state_.questions.Find(record->question());
      if (question == nullptr) return WrongAt(size_, "records a question that does not exist");
      for (const auto& expected : SourceRecordsOf(state_, *question, event.effective_time)) {
        if (expected.SerializeAsString() == record->SerializeAsString()) return absl::OkStatus();
      }
      return WrongAt(size_, Cat("the record of sources/", record->source(),
                                " is not what the events before it give"));
    }
    const auto* learned = dynamic_cast<const event::v1::SeriesCaseRecorded*>(event.payload);
    if (learned == nullptr) return absl::OkStatus();
    const NetworkState* network = state_.networks.Find(learned->network());
    if (network == nullptr) return WrongAt(size_, "records a network that does not exist");
    const auto expected = CaseOf(state_, *network, event.effective_time);
    if (expected.SerializeAsString() == learned->SerializeAsString()) return absl::OkStatus();
    return WrongAt(size_, Cat("the case of networks/", learned->network(),
                              " is not what the events before it give"));
  }

  absl::Status CheckScores(const ledger::SequencedEvent&, const QuestionScored& scored) {
    const QuestionState* question = state_.questions.Find(scored.question());
    if (question == nullptr || question->resolutions.empty()) {
      return WrongAt(size_, "scores a question that is not resolved");
    }
    History& history = histories_[scored.question()];
    if (scored.part_index() == 0) {
      history.seen = 0;
      history.claims_seen = 0;
      history.expected = QuestionScores();
      if (!scored.outcome().empty()) {
        const ResolutionState& resolution = question->resolutions.back();
        if (OutcomeText(resolution) != scored.outcome()) {
          return WrongAt(size_, "scores another outcome than the question's");
        }
        CREDENCE_ASSIGN_OR_RETURN(
            history.expected, ScoreAll(state_, *question, resolution, history.forecasts.Forecasts(),
                                       history.posteriors, scored.scoring_version()));
      }
    }
    for (const event::v1::SubjectScores& subject : scored.subjects()) {
      if (history.seen >= history.expected.subjects.size() ||
          !SameScores(history.expected.subjects[history.seen++], subject)) {
        return WrongAt(size_, Cat("the scores of ", subject.subject(),
                                  " are not what the events before them give"));
      }
      report_.score_count += subject.scores_size();
    }
    for (const event::v1::EvidenceClaim& claim : scored.claims()) {
      if (history.claims_seen >= history.expected.claims.size() ||
          !SameClaim(history.expected.claims[history.claims_seen++], claim)) {
        return WrongAt(size_, Cat("the claims of sources/", claim.source(),
                                  " are not what the events before them give"));
      }
    }
    const bool complete = history.seen == history.expected.subjects.size() &&
                          history.claims_seen == history.expected.claims.size();
    if (scored.part_index() + 1 == scored.part_count() && !complete) {
      return WrongAt(size_, "leaves out a subject's scores");
    }
    return absl::OkStatus();
  }

  [[nodiscard]] static bool SameClaim(const event::v1::EvidenceClaim& expected,
                                      const event::v1::EvidenceClaim& recorded) {
    const auto near = [](const auto& left, const auto& right) {
      return std::equal(left.begin(), left.end(), right.begin(), right.end(), &Near);
    };
    const auto& items = expected.evidence();
    return expected.source() == recorded.source() &&
           std::equal(items.begin(), items.end(), recorded.evidence().begin(),
                      recorded.evidence().end()) &&
           near(expected.prior_probabilities(), recorded.prior_probabilities()) &&
           near(expected.posterior_probabilities(), recorded.posterior_probabilities());
  }

  [[nodiscard]] static bool SameScores(const event::v1::SubjectScores& expected,
                                       const event::v1::SubjectScores& recorded) {
    if (expected.subject() != recorded.subject() ||
        expected.scores_size() != recorded.scores_size() ||
        expected.forecast_count() != recorded.forecast_count() ||
        expected.backfilled() != recorded.backfilled() ||
        expected.across_versions() != recorded.across_versions() ||
        expected.has_final_probability() != recorded.has_final_probability() ||
        !Near(expected.final_probability(), recorded.final_probability()) ||
        !Near(expected.coverage(), recorded.coverage())) {
      return false;
    }
    for (int i = 0; i < expected.scores_size(); ++i) {
      if (expected.scores(i).rule() != recorded.scores(i).rule() ||
          expected.scores(i).has_value() != recorded.scores(i).has_value() ||
          !Near(expected.scores(i).value(), recorded.scores(i).value())) {
        return false;
      }
    }
    return true;
  }

  void Remember(const ledger::SequencedEvent& event) {
    constexpr std::string_view kQuestions = "questions/";
    if (event.stream.substr(0, kQuestions.size()) == kQuestions) {
      histories_[std::string(event.stream.substr(kQuestions.size()))].forecasts.Take(event);
    }
    RecordedForecast said;
    said.effective_time = event.effective_time;
    said.backfilled = event.backfilled;
    if (const auto* published = dynamic_cast<const PosteriorPublished*>(event.payload)) {
      said.cause = published->cause();
      if (event.cause.has_value()) said.cause_position = event.cause->value;
      for (const event::v1::QuestionPosterior& entry : published->posteriors()) {
        said.Take(entry);
        histories_[entry.question()].posteriors.push_back(said);
      }
    }
  }

  int64_t size_ = 0;
  ledger::TreeFrontier tree_;
  absl::Time record_time_ = absl::InfinitePast();
  State state_;
  absl::flat_hash_map<std::string, StreamEnd> streams_;
  absl::flat_hash_map<std::string, History> histories_;
  AuditReport report_;
};

namespace {

// Every aggregate as it is stored, by name.
std::map<std::string, std::string> Documents(const State& state) {
  std::map<std::string, std::string> documents;
  const auto add = [&documents](std::string_view collection, const auto& map) {
    map.ForEach([&](const std::string& id, const auto& aggregate) {
      documents[Cat(collection, "/", id)] = ToDocument(aggregate).SerializeAsString();
    });
  };
  documents["ledger"] = ToDocument(state.ledger).SerializeAsString();
  add("questions", state.questions);
  add("networks", state.networks);
  add("forecasters", state.forecasters);
  add("sources", state.sources);
  add("series", state.series);
  return documents;
}

class FoldInto final : public ledger::Projection {
 public:
  explicit FoldInto(State& state) : state_(state) {}
  void Fold(const ledger::SequencedEvent& event) override { server::Fold(state_, event); }
  BatchSteps Seal(ledger::StateWriter&, ledger::TreeSize) override { return {}; }

 private:
  State& state_;
};

// The stored projections, brought up to the head, against those derived anew.
absl::StatusOr<int64_t> CompareProjections(const ledger::Log& log, const State& derived) {
  CREDENCE_ASSIGN_OR_RETURN(State stored, LoadState(log));
  FoldInto projection(stored);
  CREDENCE_RETURN_IF_ERROR(log.Replay(ledger::Position{stored.size}, projection));
  const std::map<std::string, std::string> expected = Documents(derived);
  const std::map<std::string, std::string> found = Documents(stored);
  for (const auto& [name, document] : expected) {
    const auto other = found.find(name);
    if (other == found.end()) return Wrong(Cat("stored projection of ", name, " is missing"));
    if (other->second != document) {
      return Wrong(Cat("stored projection of ", name, " is not what the log gives"));
    }
  }
  for (const auto& [name, document] : found) {
    if (!expected.contains(name)) {
      return Wrong(Cat("stored projection of ", name, " has no events in the log"));
    }
  }
  return static_cast<int64_t>(expected.size());
}

}  // namespace

EntryAuditor::EntryAuditor() : auditor_(std::make_unique<Auditor>()) {}

EntryAuditor::~EntryAuditor() = default;

absl::Status EntryAuditor::Take(std::string_view entry) {
  CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent decoded, ledger::DecodeEntry(entry));
  return auditor_->Take(entry, decoded);
}

AuditReport EntryAuditor::Report() const { return auditor_->Report(); }

absl::StatusOr<AuditReport> AuditLog(const ledger::Log& log,
                                     const std::function<void(int64_t)>& progress) {
  const ledger::TreeHead head = log.tree_head();
  Auditor auditor;
  while (auditor.size() < head.size.value) {
    CREDENCE_ASSIGN_OR_RETURN(const auto entries,
                              log.Read(ledger::Position{auditor.size()}, ledger::ReadLimits{}));
    if (entries.empty()) return WrongAt(auditor.size(), "the entry is missing");
    for (const ledger::StoredEntry& entry : entries) {
      CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent decoded, log.Decode(entry));
      CREDENCE_RETURN_IF_ERROR(auditor.Take(*entry.bytes, decoded));
    }
    progress(auditor.size());
  }
  if (auditor.size() != head.size.value || auditor.root() != head.root) {
    return Wrong(
        Cat("the root of the stored entries is not the recorded root at size ", head.size.value));
  }
  AuditReport report = auditor.Report();
  report.tree_head = head;
  CREDENCE_ASSIGN_OR_RETURN(report.document_count, CompareProjections(log, auditor.state()));
  return report;
}

}  // namespace credence::server
