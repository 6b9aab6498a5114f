#include "decide/intervals.h"

#include <algorithm>

namespace credence::server {
namespace {

// Whether one state is certain, so that nothing is left to be uncertain about.
bool IsSettled(const event::v1::QuestionPosterior& posterior) {
  return std::any_of(posterior.probabilities().begin(), posterior.probabilities().end(),
                     [](double probability) { return probability >= 1.0; });
}

}  // namespace

event::v1::ProbabilitySpread ToSpread(const forecaster::StateInterval& interval) {
  event::v1::ProbabilitySpread spread;
  spread.set_median(interval.median);
  for (const forecaster::CredibleInterval& stated : interval.intervals) {
    event::v1::CredibleInterval& added = *spread.add_intervals();
    added.set_level(stated.level);
    added.set_low(stated.low);
    added.set_high(stated.high);
  }
  return spread;
}

event::v1::ProbabilitySpread ComplementOf(const event::v1::ProbabilitySpread& spread) {
  event::v1::ProbabilitySpread complement;
  complement.set_median(1.0 - spread.median());
  for (const event::v1::CredibleInterval& interval : spread.intervals()) {
    event::v1::CredibleInterval& added = *complement.add_intervals();
    added.set_level(interval.level());
    added.set_low(1.0 - interval.high());
    added.set_high(1.0 - interval.low());
  }
  return complement;
}

std::vector<event::v1::ProbabilitySpread> SpreadsOfStates(
    const event::v1::QuestionPosterior& posterior) {
  std::vector<event::v1::ProbabilitySpread> spreads(posterior.spreads().begin(),
                                                    posterior.spreads().end());
  if (posterior.probabilities_size() == 2 && spreads.size() == 1) {
    spreads.push_back(ComplementOf(spreads.front()));
  }
  return spreads;
}

int64_t PublishedDrawCount(const InferenceInput& input) {
  constexpr int64_t kDraws = 64;
  // So few still tell where 95 % lie.
  constexpr int64_t kDrawsMin = 32;
  constexpr int64_t kNumbersMax = 4'096;
  const int64_t numbers = forecaster::CountUncertainNumbers(*input.network, input.items);
  if (numbers == 0) return 0;
  return numbers * kDraws > kNumbersMax ? kDrawsMin : kDraws;
}

void AddSpreads(const InferenceInput& input, std::string_view network, int64_t position,
                int64_t draw_count, event::v1::PosteriorPublished& payload) {
  // About two milliseconds.
  constexpr double kCellsMax = 262'144;
  if (draw_count == 0) return;
  std::vector<forecaster::TargetState> targets;
  std::vector<event::v1::QuestionPosterior*> owners;
  for (event::v1::QuestionPosterior& posterior : *payload.mutable_posteriors()) {
    const absl::StatusOr<int> node = input.network->FindNode(posterior.node());
    if (!node.ok() || IsSettled(posterior)) continue;
    const auto& states = input.network->network().nodes[static_cast<size_t>(*node)].states;
    const size_t count = states.size() == 2 ? 1 : states.size();
    for (size_t s = 0; s < count; ++s) {
      targets.push_back({posterior.node(), states[s]});
      owners.push_back(&posterior);
    }
  }
  if (targets.empty()) return;
  const auto intervals =
      forecaster::ComputeIntervals(*input.network, input.items, input.options, targets,
                                   {.seed = forecaster::IntervalSeed(network, position),
                                    .draw_count = draw_count,
                                    .cells_max = kCellsMax});
  if (!intervals.ok() || intervals->uncertain_count == 0 || intervals->states.empty()) return;
  for (size_t i = 0; i < owners.size(); ++i) {
    *owners[i]->add_spreads() = ToSpread(intervals->states[i]);
  }
  payload.set_interval_draw_count(draw_count);
}

}  // namespace credence::server
