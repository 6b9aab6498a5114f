#include "engine/ticker.h"

#include <cstdio>
#include <utility>

#include "convert/time.h"
#include "credence/base/strings.h"
#include "decide/decide.h"

namespace credence::server {
namespace {

constexpr const char* kActor = "system";

absl::Time MidnightBefore(absl::Time time) {
  const absl::CivilDay day = absl::ToCivilDay(time, absl::UTCTimeZone());
  return absl::FromCivil(day, absl::UTCTimeZone());
}

bool IsUnresolved(const QuestionState& question) {
  return question.phase != QuestionPhase::kResolved && question.phase != QuestionPhase::kAnnulled;
}

bool HasUnresolvedQuestion(const State& state, const NetworkState& network) {
  for (const std::string& id : network.questions) {
    const QuestionState* question = state.questions.Find(id);
    if (question != nullptr && IsUnresolved(*question)) return true;
  }
  return false;
}

// A write by the system. What it is about goes into messages to the operator.
void Submit(Engine& engine, const TickerOptions& options, WriteCommand command,
            const std::string& about) {
  command.body = about;
  command.options.set_actor(kActor);
  engine.Write(std::move(command),
               [about, report = options.report](const absl::StatusOr<WriteResult>& result) {
                 // Where somebody else's write came first there may be nothing left to do.
                 if (result.ok() || absl::IsFailedPrecondition(result.status())) return;
                 if (report == nullptr) return;
                 report(Cat("what was due by time was not recorded, ", about, ": ",
                            FromAbsl(result.status().message())));
               });
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
  state->networks.ForEach([&](const std::string&, const NetworkState& network) {
    if (LookAtNetwork(*state, network, midnight, now)) ++submitted;
  });
  state->questions.ForEach([&](const std::string&, const QuestionState& question) {
    if (LookAtQuestion(*state, question, now)) ++submitted;
  });
  return submitted;
}

Ticker::Seen& Ticker::SeenAt(const std::string& stream, int64_t revision, absl::Time now) {
  Seen& seen = seen_[stream];
  if (seen.revision != revision) {
    seen.revision = revision;
    seen.since = now;
    seen.settled = absl::InfinitePast();
  }
  return seen;
}

bool Ticker::QuietFor(const Seen& seen, absl::Time now) const {
  return now - seen.since >= options_.quiet_time;
}

bool Ticker::LookAtNetwork(const State& state, const NetworkState& network, absl::Time midnight,
                           absl::Time now) {
  if (network.clock >= midnight || !HasUnresolvedQuestion(state, network)) return false;
  Seen& seen = SeenAt(Cat("networks/", network.id), network.revision, now);
  if (seen.settled >= midnight || !QuietFor(seen, now)) return false;
  seen.settled = midnight;
  return SubmitTick(state, network.id, midnight, now);
}

bool Ticker::LookAtQuestion(const State& state, const QuestionState& question, absl::Time now) {
  if (!IsUnresolved(question) || question.phase == QuestionPhase::kDraft) {
    seen_.erase(Cat("questions/", question.id));
    return false;
  }
  const bool closes = question.phase == QuestionPhase::kActive && question.close_time <= now;
  const bool resolves = question.auto_resolution.has_value() &&
                        question.close_time + question.auto_resolution->grace <= now;
  if (!closes && !resolves) return false;
  Seen& seen = SeenAt(Cat("questions/", question.id), question.revision, now);
  if (seen.submitted_revision == question.revision || !QuietFor(seen, now)) return false;
  // A history that is being loaded may write to the network alone.
  const NetworkState* network = state.networks.Find(question.network);
  if (network != nullptr &&
      !QuietFor(SeenAt(Cat("networks/", network->id), network->revision, now), now)) {
    return false;
  }
  seen.submitted_revision = question.revision;
  if (closes) {
    SubmitClose(question);
  } else {
    SubmitResolution(question);
  }
  return true;
}

bool Ticker::SubmitTick(const State& state, const std::string& network, absl::Time midnight,
                        absl::Time now) {
  // Decided here first, so that a day on which nothing moves leaves no trace in the log.
  DecideFacts facts;
  facts.next_position = state.size;
  facts.record_time = now;
  facts.actor = kActor;
  const DecisionOr preview = DecideTick(state, facts, network);
  if (!preview.ok() || preview->events.empty()) return false;
  WriteCommand command;
  command.method = "tick";
  command.options.set_request_id(
      Cat("tick/", network, "/", absl::FormatTime("%Y-%m-%d", midnight, absl::UTCTimeZone())));
  command.decide = [network](const State& head, const DecideFacts& head_facts) {
    return DecideTick(head, head_facts, network);
  };
  Submit(*engine_, options_, std::move(command), Cat("daily posterior of networks/", network));
  return true;
}

void Ticker::SubmitClose(const QuestionState& question) {
  v1::CloseQuestionRequest request;
  request.set_name(Cat("questions/", question.id));
  WriteCommand command;
  command.method = "close";
  command.options.set_request_id(Cat("close/", question.id));
  *command.options.mutable_effective_time() = ToTimestamp(question.close_time);
  command.decide = [request](const State& head, const DecideFacts& facts) {
    return DecideCloseQuestion(head, facts, request);
  };
  Submit(*engine_, options_, std::move(command), Cat("close of ", request.name()));
}

void Ticker::SubmitResolution(const QuestionState& question) {
  const absl::Time time = question.close_time + question.auto_resolution->grace;
  v1::ResolveQuestionRequest request;
  request.set_name(Cat("questions/", question.id));
  request.mutable_resolution()->set_outcome(question.auto_resolution->outcome);
  request.mutable_resolution()->set_rationale(
      Cat("Nothing else was recorded by ", TimeText(time), ", as the question says."));
  WriteCommand command;
  command.method = "resolve";
  command.options.set_request_id(Cat("resolve/", question.id));
  *command.options.mutable_effective_time() = ToTimestamp(time);
  command.needs_history = true;
  command.decide = [request](const State& head, const DecideFacts& facts) {
    return DecideResolveQuestion(head, facts, request);
  };
  Submit(*engine_, options_, std::move(command), Cat("resolution of ", request.name()));
}

}  // namespace credence::server
