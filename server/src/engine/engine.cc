#include "engine/engine.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "decide/checks.h"
#include "engine/request_id.h"
#include "engine/stream_reader.h"
#include "engine/write_options.h"
#include "fold/fold.h"

namespace credence::server {
namespace {

// Threads for reads that waited and for watches. They compute, so more than cores would not help.
constexpr int kExecutorThreadCount = 2;

constexpr std::string_view kTextsErased = "credence.event.v1.TextsErased";

using Done = std::function<void(absl::StatusOr<WriteResult>)>;

absl::Status StaleRevision(std::string_view stream, int64_t expected, int64_t current) {
  ErrorDetail detail;
  detail.reason = "STALE_REVISION";
  detail.metadata["stream"] = std::string(stream);
  detail.metadata["current_revision"] = Cat(current);
  return MakeError(absl::StatusCode::kAborted,
                   Cat("stream ", stream, " has revision ", current, ", not ", expected), detail);
}

absl::Status BeyondHead(int64_t position, int64_t head) {
  ErrorDetail detail;
  detail.reason = "BEYOND_HEAD";
  detail.metadata["head"] = Cat(head);
  return MakeError(absl::StatusCode::kOutOfRange,
                   Cat("position ", position, " lies beyond the head, ", head), detail);
}

absl::Status NothingToRecord() {
  ErrorDetail detail;
  detail.reason = "WRONG_STATE";
  return MakeError(absl::StatusCode::kFailedPrecondition, "the write would change nothing", detail);
}

// Folds drafts into `state` as the log would, from `facts.next_position` on.
absl::Status FoldDrafts(const ledger::Log& log, const DecideFacts& facts,
                        const std::vector<ledger::EventDraft>& drafts, State& state) {
  absl::flat_hash_map<std::string, int64_t> versions;
  ledger::Position position{facts.next_position};
  for (const ledger::EventDraft& draft : drafts) {
    const auto [version, is_new] = versions.try_emplace(draft.stream, 0);
    if (is_new) {
      CREDENCE_ASSIGN_OR_RETURN(version->second, log.StreamLength(draft.stream));
    }
    ledger::SequencedEvent event;
    event.position = position;
    event.stream = draft.stream;
    event.stream_version = version->second++;
    event.record_time = facts.record_time;
    event.effective_time = draft.effective_time.value_or(facts.record_time);
    event.backfilled = draft.backfilled;
    event.actor = draft.actor;
    if (draft.caused_by.has_value()) {
      event.cause = ledger::Position{facts.next_position + static_cast<int64_t>(*draft.caused_by)};
    }
    event.ignorable = draft.ignorable;
    event.payload = draft.payload.get();
    event.payload_type = draft.payload->GetDescriptor()->full_name();
    Fold(state, event);
    ++position.value;
  }
  return absl::OkStatus();
}

// Ids of what an append recorded, read back from the log: what Decision::ids held at first.
absl::StatusOr<std::vector<std::string>> RecordedIds(const ledger::Log& log,
                                                     const ledger::Receipt& receipt) {
  std::vector<std::string> ids;
  ledger::Position next = receipt.position;
  const int64_t end = receipt.position.value + receipt.event_count;
  while (next.value < end) {
    ledger::ReadLimits limits;
    limits.entry_count_max = std::min(limits.entry_count_max, end - next.value);
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entries,
                              log.Read(next, limits));
    if (entries.empty()) break;
    for (const ledger::StoredEntry& entry : entries) {
      CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                                ledger::DecodeEntry(*entry.bytes));
      const google::protobuf::Message* payload = event.payload.get();
      if (const auto* item = dynamic_cast<const event::v1::EvidenceRecorded*>(payload)) {
        ids.push_back(item->evidence());
      } else if (const auto* forecast = dynamic_cast<const event::v1::ForecastRecorded*>(payload)) {
        ids.push_back(forecast->forecast());
      } else if (const auto* sealed = dynamic_cast<const event::v1::ForecastSealed*>(payload)) {
        ids.push_back(sealed->forecast());
      } else if (dynamic_cast<const event::v1::ForecastWithdrawn*>(payload) != nullptr) {
        ids.emplace_back();
      }
    }
    next.value += static_cast<int64_t>(entries.size());
  }
  return ids;
}

// The streams whose events bear on `scope`.
std::vector<std::string> StreamsOf(const State& state, std::string_view scope) {
  constexpr std::string_view kQuestions = "questions/";
  constexpr std::string_view kNetworks = "networks/";
  std::vector<std::string> streams = {"ledger"};
  std::string_view network_id;
  if (scope.substr(0, kNetworks.size()) == kNetworks) {
    network_id = scope.substr(kNetworks.size());
  } else if (scope.substr(0, kQuestions.size()) == kQuestions) {
    const QuestionState* question = state.questions.Find(scope.substr(kQuestions.size()));
    if (question != nullptr) network_id = question->network;
  }
  const NetworkState* network = state.networks.Find(network_id);
  if (network == nullptr) return streams;
  streams.push_back(Cat(kNetworks, network_id));
  for (const std::string& question : network->questions) {
    streams.push_back(Cat(kQuestions, question));
  }
  // What was learned elsewhere and counts here.
  absl::btree_set<std::string> learned;
  for (const auto& evidence : network->evidence) {
    if (!evidence->model.source().empty()) learned.insert(evidence->model.source());
  }
  for (const auto& revision : network->revisions) {
    if (!revision->model.series().empty()) learned.insert(Cat("series/", revision->model.series()));
  }
  streams.insert(streams.end(), learned.begin(), learned.end());
  return streams;
}

}  // namespace

Engine::Engine(ledger::Log* log, const ledger::Clock* clock, const EngineOptions& options)
    : log_(log),
      clock_(clock),
      options_(options),
      views_(options.cached_views_max),
      executor_(kExecutorThreadCount),
      waiter_(log, &executor_) {}

Engine::~Engine() { Stop(); }

absl::Status Engine::Start() {
  CREDENCE_ASSIGN_OR_RETURN(head_, LoadState(*log_));
  const int64_t log_size = log_->tree_head().size.value;
  CREDENCE_CHECK(head_.size <= log_size);
  CREDENCE_RETURN_IF_ERROR(log_->Replay(ledger::Position{head_.size}, *this));
  CREDENCE_CHECK(head_.size == log_size);
  if (log_size > 0 && head_record_time_ == absl::InfinitePast()) {
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> last,
                              log_->Read(ledger::Position{log_size - 1}, {}));
    CREDENCE_CHECK(!last.empty());
    CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                              ledger::DecodeEntry(*last.back().bytes));
    head_record_time_ = event.AsEvent().record_time;
  }
  Publish({std::make_shared<const State>(head_.Snapshot()), head_record_time_});
  stored_time_ = clock_->Now();
  log_->Start(this);
  return absl::OkStatus();
}

void Engine::Stop() {
  log_->Stop();
  waiter_.Stop();
  executor_.Stop();
}

Engine::Durable Engine::durable() const {
  absl::MutexLock lock(&mutex_);
  return durable_;
}

std::shared_ptr<const State> Engine::Published() const { return durable().state; }

void Engine::Publish(Durable durable) {
  absl::MutexLock lock(&mutex_);
  durable_ = std::move(durable);
}

std::shared_ptr<const State> Engine::PublishedWith(int64_t position) const {
  const auto holds_it = [this, position]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return durable_.state->size > position;
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&holds_it));
  return durable_.state;
}

void Engine::Fold(const ledger::SequencedEvent& event) {
  server::Fold(head_, event);
  persister_.Note(event);
  head_record_time_ = event.record_time;
  if (event.payload_type == kTextsErased) erased_ = true;
}

Engine::BatchSteps Engine::Seal(ledger::StateWriter& writer, ledger::TreeSize size) {
  CREDENCE_CHECK(head_.size == size.value);
  const absl::Time now = clock_->Now();
  const bool erased = std::exchange(erased_, false);
  if (erased || persister_.pending_count() >= options_.store_event_count ||
      now - stored_time_ >= options_.store_interval) {
    persister_.Write(head_, writer);
    stored_time_ = now;
  }
  Durable next{std::make_shared<const State>(head_.Snapshot()), head_record_time_};
  BatchSteps steps;
  steps.publish = [this, erased, next = std::move(next)] {
    Publish(next);
    // After what is read from now on shows it.
    if (erased) views_.Clear();
    if (options_.begin_answers) options_.begin_answers();
  };
  steps.answered = options_.end_answers;
  return steps;
}

void Engine::Write(WriteCommand command, Done done) {
  absl::StatusOr<DecideFacts> facts = FactsOf(command.options);
  if (!facts.ok()) return done(facts.status());
  facts->origin = log_->origin();
  // On the caller's thread: signatures take longer to check than anything else of a write.
  absl::StatusOr<CheckedStatements> statements = CheckStatements(facts->origin, command.options);
  if (!statements.ok()) return done(statements.status());
  std::string stream;
  if (command.stream) {
    absl::StatusOr<std::string> named = command.stream(*Published());
    if (!named.ok()) return done(named.status());
    stream = *std::move(named);
  } else if (command.options.has_expected_revision()) {
    return done(InvalidField("FIELD_INVALID", "options.expected_revision",
                             "must be absent: the write has no stream of its own"));
  }
  if (command.options.validate_only()) {
    return done(Validate(command, *statements, stream, *std::move(facts)));
  }
  std::string request_id = command.options.request_id();
  if (request_id.empty()) request_id = MakeRequestId();
  Submit(std::move(command), *std::move(statements), std::move(request_id), std::move(stream),
         *std::move(facts), std::move(done));
}

absl::StatusOr<WriteResult> Engine::Validate(const WriteCommand& command,
                                             const CheckedStatements& statements,
                                             const std::string& stream, DecideFacts facts) {
  const Durable published = durable();
  State fork = published.state->Fork();
  if (command.options.has_expected_revision()) {
    CREDENCE_ASSIGN_OR_RETURN(const int64_t current, log_->StreamLength(stream));
    if (current != command.options.expected_revision()) {
      return StaleRevision(stream, command.options.expected_revision(), current);
    }
  }
  facts.next_position = fork.size;
  facts.record_time = std::max(absl::FromUnixMicros(absl::ToUnixMicros(clock_->Now())),
                               published.record_time + absl::Microseconds(1));
  CREDENCE_RETURN_IF_ERROR(CheckNotInFuture(facts));
  const LogHistory history(*log_, ledger::Position{fork.size - 1});
  if (command.needs_history) facts.history = &history;
  WriteResult result;
  CREDENCE_ASSIGN_OR_RETURN(result.decision, command.decide(fork, facts));
  // Whoever only asks what would be does not sign it, so that the answer is no use to others.
  CREDENCE_RETURN_IF_ERROR(ApplyStatements(fork, statements, result.decision));
  CREDENCE_RETURN_IF_ERROR(FoldDrafts(*log_, facts, result.decision.events, fork));
  result.state = std::make_shared<const State>(std::move(fork));
  return result;
}

void Engine::Submit(WriteCommand command, CheckedStatements statements, std::string request_id,
                    std::string stream, DecideFacts facts, Done done) {
  // What the decision leaves for the answer; the sequencer fills it before the completer reads it.
  auto decision = std::make_shared<Decision>();
  ledger::Submission submission;
  submission.request_id = std::move(request_id);
  submission.body_digest =
      ledger::Sha256(Cat(command.method, std::string_view("\0", 1), command.body));
  submission.stream = std::move(stream);
  if (command.options.has_expected_revision()) {
    submission.expected_revision = command.options.expected_revision();
  }
  submission.after_durable = command.needs_history;
  submission.record_stream_heads = command.record_stream_heads;
  submission.with_proof = command.options.include_proof();
  submission.decide = [this, decision, decide = std::move(command.decide),
                       needs_history = command.needs_history, statements = std::move(statements),
                       facts = std::move(facts)](const ledger::DecideContext& context) mutable
      -> absl::StatusOr<std::vector<ledger::EventDraft>> {
    facts.next_position = context.next_position.value;
    facts.record_time = context.record_time;
    CREDENCE_RETURN_IF_ERROR(CheckNotInFuture(facts));
    const LogHistory history(*log_, ledger::Position{facts.next_position - 1});
    if (needs_history) facts.history = &history;
    const int64_t begin = absl::GetCurrentTimeNanos();
    CREDENCE_ASSIGN_OR_RETURN(*decision, decide(head_, facts));
    decision_nanos_.Note(absl::GetCurrentTimeNanos() - begin);
    if (decision->events.empty()) return NothingToRecord();
    CREDENCE_RETURN_IF_ERROR(ApplyStatements(head_, statements, *decision));
    CREDENCE_RETURN_IF_ERROR(CheckSignatureDemands(head_, *decision));
    return std::exchange(decision->events, {});
  };
  submission.done = [this, decision,
                     done = std::move(done)](absl::StatusOr<ledger::Receipt> receipt) {
    if (!receipt.ok()) return done(receipt.status());
    WriteResult result;
    if (receipt->duplicate) {
      absl::StatusOr<std::vector<std::string>> ids = RecordedIds(*log_, *receipt);
      if (!ids.ok()) return done(ids.status());
      result.decision.ids = *std::move(ids);
    } else {
      result.decision = std::move(*decision);
    }
    result.receipt = *std::move(receipt);
    result.state = Published();
    done(std::move(result));
  };
  log_->Submit(std::move(submission));
}

void Engine::View(const v1::ReadView& view, std::string_view scope, absl::Time deadline,
                  std::function<void(absl::StatusOr<StateView>)> ready) {
  if (view.has_min_position() && view.min_position() < 0) {
    return ready(InvalidField("FIELD_INVALID", "view.min_position", "must not be negative"));
  }
  if (!view.has_min_position() || Published()->size > view.min_position()) {
    return ready(Resolve(view, scope));
  }
  waiter_.Wait(ledger::TreeSize{view.min_position()},
               std::min(deadline, absl::Now() + options_.wait_max),
               [this, view, scope = std::string(scope),
                ready = std::move(ready)](const absl::Status& status) {
                 if (!status.ok()) return ready(status);
                 ready(Resolve(view, scope));
               });
}

absl::StatusOr<StateView> Engine::Resolve(const v1::ReadView& view, std::string_view scope) {
  StateView result;
  result.epoch = views_.epoch();
  const Durable published = durable();
  result.state = published.state;
  result.position = published.state->size - 1;
  // What was recorded last counts now, even where the clock was set back.
  result.time = std::max(clock_->Now(), published.record_time);
  if (view.as_of_case() == v1::ReadView::AS_OF_NOT_SET) return result;
  const int64_t head = result.position;
  if (view.as_of_case() == v1::ReadView::kPosition) {
    if (view.position() < 0) {
      return InvalidField("FIELD_INVALID", "view.position", "must not be negative");
    }
    if (view.position() > head) return BeyondHead(view.position(), head);
    result.position = view.position();
    ledger::ReadLimits one;
    one.entry_count_max = 1;
    CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::StoredEntry> entry,
                              log_->Read(ledger::Position{result.position}, one));
    CREDENCE_CHECK(!entry.empty());
    CREDENCE_ASSIGN_OR_RETURN(const ledger::DecodedEvent event,
                              ledger::DecodeEntry(*entry.front().bytes));
    result.time = event.AsEvent().record_time;
  } else {
    CREDENCE_ASSIGN_OR_RETURN(result.time, ParseTime(view.record_time(), "view.record_time"));
    CREDENCE_ASSIGN_OR_RETURN(const std::optional<ledger::Position> last,
                              log_->LastPositionAt(result.time));
    result.position = last.has_value() ? std::min(last->value, head) : -1;
  }
  if (result.position == head) return result;
  CREDENCE_ASSIGN_OR_RETURN(result.state, StateAt(scope, result.position, result.epoch));
  return result;
}

absl::StatusOr<std::shared_ptr<const State>> Engine::StateAt(std::string_view scope,
                                                             int64_t position, uint64_t epoch) {
  if (position < 0) return std::make_shared<const State>();
  if (auto kept = views_.Find(scope, position); kept != nullptr) return kept;
  const ledger::Position last{position};
  absl::StatusOr<State> state = scope.empty()
                                    ? ReplayAll(*log_, last)
                                    : ReplayStreams(*log_, StreamsOf(*Published(), scope), last);
  if (!state.ok()) return state.status();
  auto shared = std::make_shared<const State>(*std::move(state));
  views_.Insert(scope, position, shared, epoch);
  return shared;
}

void Engine::Remember(std::string_view scope, const StateView& view) {
  views_.Insert(scope, view.position, view.state, view.epoch);
}

}  // namespace credence::server
