#include "engine/ticker.h"

#include <cstdio>
#include <utility>

#include "credence/base/strings.h"
#include "decide/decide.h"

namespace credence::server {
namespace {

absl::Time MidnightBefore(absl::Time time) {
  const absl::CivilDay day = absl::ToCivilDay(time, absl::UTCTimeZone());
  return absl::FromCivil(day, absl::UTCTimeZone());
}

bool HasUnresolvedQuestion(const State& state, const NetworkState& network) {
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question != nullptr && question->phase != QuestionPhase::kResolved &&
        question->phase != QuestionPhase::kAnnulled) {
      return true;
    }
  }
  return false;
}

}  // namespace

Ticker::Ticker(Engine* engine, const TickerOptions& options) : engine_(engine), options_(options) {}

Ticker::~Ticker() { Stop(); }

void Ticker::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Ticker::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Ticker::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), options_.interval)) return;
    }
    Look();
  }
}

int64_t Ticker::Look() {
  const std::shared_ptr<const State> state = engine_->Published();
  const absl::Time now = engine_->clock().Now();
  const absl::Time midnight = MidnightBefore(now);
  int64_t submitted = 0;
  state->networks.ForEach([&](const std::string& id, const NetworkState& network) {
    if (!Due(*state, network, midnight, now)) return;
    if (Submit(*state, id, midnight, now)) ++submitted;
    seen_[id].settled = midnight;
  });
  return submitted;
}

bool Ticker::Due(const State& state, const NetworkState& network, absl::Time midnight,
                 absl::Time now) {
  if (network.clock >= midnight || !HasUnresolvedQuestion(state, network)) return false;
  Seen& seen = seen_[network.id];
  if (seen.revision != network.revision) {
    seen = {network.revision, now, absl::InfinitePast()};
  }
  return seen.settled < midnight && now - seen.since >= options_.quiet_time;
}

bool Ticker::Submit(const State& state, const std::string& network, absl::Time midnight,
                    absl::Time now) {
  // Decided here first, so that a day on which nothing moves leaves no trace in the log.
  DecideFacts facts;
  facts.next_position = state.size;
  facts.record_time = now;
  facts.actor = "system";
  const DecisionOr preview = DecideTick(state, facts, network);
  if (!preview.ok() || preview->events.empty()) return false;

  WriteCommand command;
  command.method = "tick";
  command.body = network;
  command.options.set_actor("system");
  command.options.set_request_id(
      Cat("tick/", network, "/", absl::FormatTime("%Y-%m-%d", midnight, absl::UTCTimeZone())));
  command.decide = [network](const State& head, const DecideFacts& head_facts) {
    return DecideTick(head, head_facts, network);
  };
  engine_->Write(std::move(command), [network](const absl::StatusOr<WriteResult>& result) {
    // Where somebody else's write came first there may be nothing left to publish.
    if (result.ok() || absl::IsFailedPrecondition(result.status())) return;
    std::fprintf(stderr, "credence: the daily posterior of networks/%s was not published: %s\n",
                 network.c_str(), std::string(FromAbsl(result.status().message())).c_str());
  });
  return true;
}

}  // namespace credence::server
