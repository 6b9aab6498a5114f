#include "decide/source_scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "convert/time.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/scoring/diagnosis.h"

namespace credence::server {
namespace {

// Whether the item, or the last of those that superseded it, was retracted before `time`.
bool RetractedBefore(const NetworkState& network, const EvidenceState& item, absl::Time time) {
  const EvidenceState* last = &item;
  while (!last->superseded_by.empty()) {
    const EvidenceState* next = network.FindEvidence(last->superseded_by);
    if (next == nullptr) break;
    last = next;
  }
  return last->superseded_by.empty() && last->end_time.has_value() && *last->end_time < time;
}

// The items that a posterior took in: those recorded one after the other up to its cause that came
// into force with it.
std::vector<const EvidenceState*> ItemsOf(const NetworkState& network,
                                          const RecordedForecast& posterior) {
  std::vector<const EvidenceState*> items;
  if (posterior.cause != event::v1::POSTERIOR_CAUSE_EVIDENCE || !posterior.cause_position) {
    return items;
  }
  int64_t position = *posterior.cause_position;
  auto next = std::upper_bound(
      network.evidence.begin(), network.evidence.end(), position,
      [](int64_t wanted, const auto& evidence) { return wanted < evidence->position; });
  while (next != network.evidence.begin()) {
    const EvidenceState& evidence = **--next;
    const bool taken_in =
        evidence.position == position && evidence.item.effective_time == posterior.effective_time;
    if (!taken_in) break;
    items.push_back(&evidence);
    --position;
  }
  std::reverse(items.begin(), items.end());
  return items;
}

// The source of all of them; empty where they have none or several.
std::string_view OnlySource(const std::vector<const EvidenceState*>& items) {
  if (items.empty()) return "";
  const std::string& source = items.front()->model.source();
  for (const EvidenceState* item : items) {
    if (item->model.source() != source) return "";
  }
  return std::string_view(source).substr(source.find('/') + 1);
}

// What one source claimed on the question.
struct SourceClaims {
  double gain_decibans = 0.0;
  std::vector<const EvidenceState*> items;
};

event::v1::EvidenceClaim MakeClaim(std::string_view source,
                                   const std::vector<const EvidenceState*>& items,
                                   const RecordedForecast& before, const RecordedForecast& after) {
  event::v1::EvidenceClaim claim;
  claim.set_source(std::string(source));
  for (const EvidenceState* item : items) claim.add_evidence(item->id);
  claim.mutable_prior_probabilities()->Add(before.probabilities.begin(),
                                           before.probabilities.end());
  claim.mutable_posterior_probabilities()->Add(after.probabilities.begin(),
                                               after.probabilities.end());
  *claim.mutable_effective_time() = ToTimestamp(after.effective_time);
  return claim;
}

// Share of the window in which one of the items was in force.
double CoverageOf(const std::vector<const EvidenceState*>& items,
                  const scoring::TimeWindow& window) {
  std::vector<std::pair<absl::Time, absl::Time>> spans;
  for (const EvidenceState* item : items) {
    spans.emplace_back(std::max(item->item.effective_time, window.start),
                       std::min(item->end_time.value_or(window.end), window.end));
  }
  std::sort(spans.begin(), spans.end());
  absl::Duration covered;
  absl::Time reached = window.start;
  for (const auto& [start, end] : spans) {
    const absl::Time from = std::max(start, reached);
    if (end <= from) continue;
    covered += end - from;
    reached = end;
  }
  return window.empty() ? 0.0 : absl::FDivDuration(covered, window.length());
}

event::v1::SubjectScores ToScores(const std::string& source, const SourceClaims& claims,
                                  const scoring::TimeWindow& window) {
  event::v1::SubjectScores scores;
  scores.set_kind(event::v1::SCORE_SUBJECT_KIND_SOURCE);
  scores.set_subject(Cat("sources/", source));
  event::v1::RuleScore& gain = *scores.add_scores();
  gain.set_rule(kEvidenceRule);
  if (std::isfinite(claims.gain_decibans)) gain.set_value(claims.gain_decibans);
  scores.set_coverage(CoverageOf(claims.items, window));
  scores.set_forecast_count(static_cast<int64_t>(claims.items.size()));
  scores.set_backfilled(std::any_of(claims.items.begin(), claims.items.end(),
                                    [](const EvidenceState* item) { return item->backfilled; }));
  return scores;
}

}  // namespace

absl::StatusOr<QuestionScores> ScoreSources(const NetworkState& network,
                                            const QuestionState& question,
                                            const ResolutionState& resolution,
                                            const std::vector<RecordedForecast>& posteriors) {
  CREDENCE_CHECK(!question.numeric);
  CREDENCE_ASSIGN_OR_RETURN(const scoring::Outcome outcome, ToOutcome(question, resolution));
  const scoring::TimeWindow window = ScoringWindow(question, resolution);
  QuestionScores result;
  std::map<std::string, SourceClaims> by_source;
  for (size_t i = 1; i < posteriors.size(); ++i) {
    const RecordedForecast& before = posteriors[i - 1];
    const RecordedForecast& after = posteriors[i];
    if (after.effective_time >= window.end ||
        before.probabilities.size() != after.probabilities.size()) {
      continue;
    }
    const std::vector<const EvidenceState*> items = ItemsOf(network, after);
    const std::string source(OnlySource(items));
    const bool retracted = std::any_of(items.begin(), items.end(), [&](const EvidenceState* item) {
      return RetractedBefore(network, *item, window.end);
    });
    if (source.empty() || retracted) continue;
    result.claims.push_back(MakeClaim(source, items, before, after));
    SourceClaims& claims = by_source[source];
    claims.gain_decibans +=
        scoring::EvidenceGain(outcome, before.probabilities, after.probabilities);
    claims.items.insert(claims.items.end(), items.begin(), items.end());
  }
  for (const auto& [source, claims] : by_source) {
    result.subjects.push_back(ToScores(source, claims, window));
  }
  return result;
}

}  // namespace credence::server
