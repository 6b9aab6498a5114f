#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "credence/event/v1/network_events.pb.h"
#include "credence/forecaster/interval.h"
#include "decide/posterior.h"

// How uncertain posteriors are themselves, in the form in which they are published. Pure functions.
namespace credence::server {

[[nodiscard]] event::v1::ProbabilitySpread ToSpread(const forecaster::StateInterval& interval);

// Of 1 - p, where `spread` is that of p.
[[nodiscard]] event::v1::ProbabilitySpread ComplementOf(const event::v1::ProbabilitySpread& spread);

// Spreads of a question's states: of two states the second's is the complement of the first's.
// Empty where none were published.
[[nodiscard]] std::vector<event::v1::ProbabilitySpread> SpreadsOfStates(
    const event::v1::QuestionPosterior& posterior);

// Draws for the published posteriors of this input: 0 where nothing is uncertain, else few, since
// every writer waits for them: a third of a millisecond on a network like that of the example.
[[nodiscard]] int64_t PublishedDrawCount(const InferenceInput& input);

// Adds the spreads of the posteriors in `payload` that are not settled, from so many draws seeded
// by network and position, and notes the count. Adds nothing for 0 draws, where no draw agrees
// with the evidence, and where the network is so large that the writer would wait for long; the
// posteriors themselves stand all the same.
void AddSpreads(const InferenceInput& input, std::string_view network, int64_t position,
                int64_t draw_count, event::v1::PosteriorPublished& payload);

}  // namespace credence::server
