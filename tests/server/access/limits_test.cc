#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "access/budgets.h"
#include "credence/v1/ledger_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "secured.h"
#include "service/admission.h"
#include "service/compute_limit.h"
#include "service/status.h"

// How much of the server anybody may take.
namespace credence::server {
namespace {

using ::testing::HasSubstr;

// --- Budgets ---

class BudgetsTest : public testing::Test {
 protected:
  absl::Time now = Instant("2026-02-01T23:00:00Z");

  static std::string ReasonOf(const absl::Status& status) { return GetErrorDetail(status).reason; }

  // Takes `count` calls one after another; how many were let through.
  int Count(Budgets& budgets, const std::string& caller, int count) const {
    int taken = 0;
    for (int i = 0; i < count; ++i) {
      taken += budgets.Take(caller, CallKind::kRead, now).ok() ? 1 : 0;
    }
    return taken;
  }
};

TEST_F(BudgetsTest, ACallerMakesItsRateInTheLongRunAndTwiceThatAtOnce) {
  Budgets budgets({.calls_per_second = 10.0});
  EXPECT_EQ(Count(budgets, "a", 100), 20);
  for (int second = 0; second < 60; ++second) {
    now += absl::Seconds(1);
    EXPECT_EQ(Count(budgets, "a", 100), 10);
  }
  // However long it was silent.
  now += absl::Hours(24);
  EXPECT_EQ(Count(budgets, "a", 100), 20);
}

TEST_F(BudgetsTest, ACallerThatUsesItsOwnUpTakesNothingFromOthers) {
  Budgets budgets({.calls_per_second = 10.0});
  EXPECT_EQ(Count(budgets, "greedy", 1'000), 20);
  EXPECT_EQ(Count(budgets, "modest", 5), 5);
}

TEST_F(BudgetsTest, ARefusalSaysWhenToComeAgainAndThenHolds) {
  Budgets budgets({.calls_per_second = 4.0});
  Count(budgets, "a", 8);
  const absl::Status refused = budgets.Take("a", CallKind::kRead, now).status();
  EXPECT_EQ(ReasonOf(refused), "RATE_LIMITED");
  google::rpc::Status packed;
  ASSERT_TRUE(packed.ParseFromString(PackDetails(PublicStatus(refused))));
  google::rpc::RetryInfo retry;
  google::rpc::QuotaFailure failure;
  bool has_retry = false;
  bool has_failure = false;
  for (const auto& detail : packed.details()) {
    has_retry = detail.UnpackTo(&retry) || has_retry;
    has_failure = detail.UnpackTo(&failure) || has_failure;
  }
  ASSERT_TRUE(has_retry);
  ASSERT_TRUE(has_failure);
  EXPECT_EQ(failure.violations(0).subject(), "a");
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
  now += absl::Nanoseconds(retry.retry_delay().nanos());
  EXPECT_TRUE(budgets.Take("a", CallKind::kRead, now).ok());
}

TEST_F(BudgetsTest, CallsAndStreamsUnderWayAreCounted) {
  Budgets budgets({.calls_in_flight_max = 2, .streams_max = 1});
  auto one = budgets.Take("a", CallKind::kRead, now);
  auto two = budgets.Take("a", CallKind::kWrite, now);
  auto stream = budgets.Take("a", CallKind::kStream, now);
  ASSERT_TRUE(one.ok() && two.ok() && stream.ok());
  EXPECT_EQ(ReasonOf(budgets.Take("a", CallKind::kRead, now).status()), "RATE_LIMITED");
  EXPECT_EQ(ReasonOf(budgets.Take("a", CallKind::kStream, now).status()), "RATE_LIMITED");
  EXPECT_TRUE(budgets.Take("b", CallKind::kRead, now).ok());
  one->reset();
  EXPECT_TRUE(budgets.Take("a", CallKind::kRead, now).ok());
}

TEST_F(BudgetsTest, WritesOfADayAreAQuota) {
  Budgets budgets({.writes_per_day_max = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budgets.Take("a", CallKind::kWrite, now).ok());
  const absl::Status refused = budgets.Take("a", CallKind::kWrite, now).status();
  EXPECT_EQ(ReasonOf(refused), "QUOTA_EXCEEDED");
  EXPECT_EQ(GetErrorDetail(refused).metadata.at(std::string(kRetryMillisecondsKey)), "3600000");
  EXPECT_TRUE(budgets.Take("a", CallKind::kRead, now).ok());
  now += absl::Hours(1);
  EXPECT_TRUE(budgets.Take("a", CallKind::kWrite, now).ok());
}

TEST_F(BudgetsTest, CallersWithoutEndAreForgottenRatherThanKept) {
  Budgets budgets({.calls_per_second = 1.0, .streams_max = 1});
  auto held = budgets.Take("held", CallKind::kStream, now);
  ASSERT_TRUE(held.ok());
  for (size_t i = 0; i < 2 * Budgets::kCallersMax; ++i) {
    now += absl::Microseconds(1);
    EXPECT_TRUE(budgets.Take(Cat("caller-", i), CallKind::kRead, now).ok());
  }
  EXPECT_LE(budgets.caller_count(), Budgets::kCallersMax);
  // What is under way is not.
  EXPECT_FALSE(budgets.Take("held", CallKind::kStream, now).ok());
}

TEST_F(BudgetsTest, LimitsOfACallersOwnStandInPlaceOfTheCommonOnes) {
  Budgets budgets({.calls_per_second = 10.0, .writes_per_day_max = 1});
  v1::CallerBudget own;
  own.set_calls_per_second(2.0);
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    taken += budgets.Take("slow", CallKind::kRead, now, own).ok() ? 1 : 0;
  }
  EXPECT_EQ(taken, 4);
  EXPECT_EQ(Count(budgets, "common", 100), 20);
  // 0 is no limit; what is not stated stays common.
  own.set_calls_per_second(0.0);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(budgets.Take("free", CallKind::kRead, now, own).ok());
  }
  EXPECT_TRUE(budgets.Take("free", CallKind::kWrite, now, own).ok());
  EXPECT_EQ(ReasonOf(budgets.Take("free", CallKind::kWrite, now, own).status()), "QUOTA_EXCEEDED");
  own.set_writes_per_day_max(3);
  EXPECT_TRUE(budgets.Take("free", CallKind::kWrite, now, own).ok());
}

TEST_F(BudgetsTest, OfSeveralGroupsTheLargestLimitCounts) {
  v1::CallerBudget budget;
  Widen(Text<v1::CallerBudget>("calls_per_second: 5 streams_max: 7"), budget);
  Widen(Text<v1::CallerBudget>("calls_per_second: 3 streams_max: 9 writes_per_day_max: 4"), budget);
  EXPECT_EQ(budget.calls_per_second(), 5.0);
  EXPECT_EQ(budget.streams_max(), 9);
  EXPECT_EQ(budget.writes_per_day_max(), 4);
  EXPECT_FALSE(budget.has_calls_in_flight_max());
  // None is more than any.
  Widen(Text<v1::CallerBudget>("calls_per_second: 0 writes_per_day_max: 0"), budget);
  Widen(Text<v1::CallerBudget>("calls_per_second: 8 writes_per_day_max: 8"), budget);
  EXPECT_EQ(budget.calls_per_second(), 0.0);
  EXPECT_EQ(budget.writes_per_day_max(), 0);
  EXPECT_TRUE(budget.has_writes_per_day_max());
}

TEST_F(BudgetsTest, WritesOfADayThatIsOverAreForgotten) {
  Budgets budgets({.writes_per_day_max = 5});
  for (size_t i = 0; i < Budgets::kCallersMax; ++i) {
    EXPECT_TRUE(budgets.Take(Cat("caller-", i), CallKind::kWrite, now).ok());
  }
  // Those of today count, so that all are remembered.
  EXPECT_TRUE(budgets.Take("one more", CallKind::kWrite, now).ok());
  EXPECT_GT(budgets.caller_count(), Budgets::kCallersMax);
  now += absl::Hours(24);
  EXPECT_TRUE(budgets.Take("of tomorrow", CallKind::kWrite, now).ok());
  EXPECT_LE(budgets.caller_count(), Budgets::kCallersMax);
}

class CallerLimitsTest : public SecuredTest {};

TEST_F(CallerLimitsTest, ACallerBeyondItsRateIsAdvisedAndOthersAreServed) {
  const std::string greedy = MakeToken("greedy", {"reader"});
  const std::string modest = MakeToken("modest", {"reader"});
  Choices choices;
  choices.budgets.calls_per_second = 5.0;
  Start(choices);
  const auto client = As(greedy);
  int served = 0;
  for (int i = 0; i < 50; ++i) {
    const auto response = client->GetServerInfo({});
    if (response.ok()) {
      ++served;
    } else {
      EXPECT_EQ(GetErrorDetail(response.status()).reason, "RATE_LIMITED");
    }
  }
  EXPECT_EQ(served, 10);
  EXPECT_TRUE(As(modest)->GetServerInfo({}).ok());
  EXPECT_THAT(AuditText(), HasSubstr("RATE_LIMITED"));
}

TEST_F(CallerLimitsTest, AGrantMayStateLimitsOfItsOwn) {
  const auto make = [this](const char* text) {
    return MakeGrantOf(Text<v1::AccessGrant>(text), {"reader"}).token;
  };
  const std::string slow = make("principal: 'slow' budget { calls_per_second: 1 }");
  const std::string free = make("principal: 'free' budget { calls_per_second: 0 }");
  const std::string common = make("principal: 'common'");
  // Another way in for one who has used up what is its own.
  const std::string slow_too = make("principal: 'slow' budget { calls_per_second: 1 }");
  Choices choices;
  choices.budgets.calls_per_second = 5.0;
  Start(choices);
  const auto served = [this](const std::string& token) {
    const auto client = As(token);
    int count = 0;
    for (int i = 0; i < 30; ++i) count += client->GetServerInfo({}).ok() ? 1 : 0;
    return count;
  };
  EXPECT_EQ(served(slow), 2);
  EXPECT_EQ(served(slow_too), 0);
  EXPECT_EQ(served(free), 30);
  EXPECT_EQ(served(common), 10);
}

TEST_F(CallerLimitsTest, WritesBeyondTheQuotaOfADayAreRefused) {
  const std::string analyst = MakeToken("analyst-1", {"analyst"});
  Choices choices;
  choices.budgets.writes_per_day_max = 2;
  Start(choices);
  const auto client = As(analyst);
  const auto write = [&](const std::string& id) {
    v1::CreateSourceRequest request;
    request.set_source_id(id);
    request.mutable_source()->set_display_name(id);
    return client->CreateSource(request).status();
  };
  EXPECT_TRUE(write("one").ok());
  EXPECT_TRUE(write("two").ok());
  EXPECT_EQ(GetErrorDetail(write("three")).reason, "QUOTA_EXCEEDED");
  EXPECT_TRUE(client->GetServerInfo({}).ok());
}

// --- Slow consumers ---

TEST_F(CallerLimitsTest, AStreamThatIsNotReadIsCancelled) {
  Choices choices;
  choices.stall_max = absl::Milliseconds(400);
  Start(choices);
  const auto admin = As(admin_token);
  // More than a connection holds on its way.
  for (int i = 0; i < 300; ++i) {
    v1::CreateSourceRequest request;
    request.set_source_id(Cat("s-", i));
    request.mutable_source()->set_display_name("A source");
    request.mutable_source()->set_description(std::string(15'000, 'x'));
    const auto made = admin->CreateSource(request);
    ASSERT_TRUE(made.ok()) << made.status();
  }
  // A window that does not grow, so that little is on its way.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  const auto stub = v1::LedgerService::NewStub(grpc::CreateCustomChannel(
      Cat("127.0.0.1:", server->port()), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + admin_token);
  v1::WatchEventsRequest request;
  request.set_start_position(0);
  const auto reader = stub->WatchEvents(&context, request);
  v1::WatchEventsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  for (int attempt = 0; attempt < 600 && server->stream_count() > 0; ++attempt) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(server->stream_count(), 0U);
  // The server serves on.
  EXPECT_TRUE(admin->GetServerInfo({}).ok());
  context.TryCancel();
}

// --- Admission of queries ---

// A handler that ends its calls when it is told to.
class HeldHandler {
 public:
  [[nodiscard]] UnaryHandler Handler() {
    return [this](const CallContext&, std::string_view, const Answer& answer) {
      ++running;
      peak = std::max(peak.load(), running.load());
      release.WaitForNotification();
      --running;
      ++done;
      answer(std::string("answer"));
    };
  }
  std::atomic<int64_t> running{0};
  std::atomic<int64_t> peak{0};
  std::atomic<int64_t> done{0};
  absl::Notification release;
};

TEST(AdmissionTest, BeyondWhatRunsAndWaitsCallsAreRefusedAtOnce) {
  HeldHandler held;
  Admission admission({.inline_max = 1, .thread_count = 2, .queued_max = 8});
  const UnaryHandler admitted = admission.Admit(held.Handler());
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  const auto answer = [&](const absl::StatusOr<std::string>& response) {
    ++(response.ok() ? answered : refused);
    EXPECT_EQ(GetErrorDetail(response.status()).reason, response.ok() ? "" : "OVERLOADED");
  };
  // One runs where it came in, on this thread; two on the threads of the admission.
  std::thread first([&] { admitted({}, "", answer); });
  while (held.running < 1) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) admitted({}, "", answer);
  while (held.running < 3) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) admitted({}, "", answer);
  EXPECT_EQ(refused, 92);
  EXPECT_EQ(admission.refused_count(), 92);
  EXPECT_EQ(admission.queued_count(), 8);
  held.release.Notify();
  first.join();
  admission.Stop();
  EXPECT_EQ(answered, 11);
  EXPECT_EQ(held.peak, 3);
}

// --- Time of queries ---

class ComputeLimitTest : public testing::Test {
 protected:
  absl::Time now = Instant("2026-02-01T00:00:00Z");
  std::function<absl::Time()> Clock() {
    return [this] { return now; };
  }
};

TEST_F(ComputeLimitTest, ItHoldsUntilTheTimeIsUpAndSaysWhatToDo) {
  const auto may_go_on = LimitComputing(absl::Seconds(2), absl::InfiniteFuture(), Clock());
  EXPECT_TRUE(may_go_on().ok());
  now += absl::Milliseconds(1'999);
  EXPECT_TRUE(may_go_on().ok());
  now += absl::Milliseconds(1);
  const absl::Status refused = may_go_on();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetErrorDetail(refused).reason, "INFERENCE_BUDGET_EXCEEDED");
  EXPECT_EQ(GetErrorDetail(refused).metadata.at("seconds"), "2");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("ask for fewer"));
}

TEST_F(ComputeLimitTest, ACallerWhoseDeadlineHasPassedIsComputedForNoLonger) {
  const auto may_go_on = LimitComputing(absl::Seconds(2), now + absl::Seconds(1), Clock());
  EXPECT_TRUE(may_go_on().ok());
  now += absl::Seconds(1);
  EXPECT_EQ(GetErrorDetail(may_go_on()).reason, "DEADLINE_EXCEEDED");
  EXPECT_EQ(may_go_on().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ComputeLimitTest, WithoutLimitsNothingEnds) {
  const auto may_go_on = LimitComputing(absl::InfiniteDuration(), absl::InfiniteFuture(), Clock());
  now += absl::Hours(24 * 365);
  EXPECT_TRUE(may_go_on().ok());
}

TEST_F(CallerLimitsTest, EveryQueryOfInferenceHasALimitOfTimeAndNothingElseHas) {
  Choices choices;
  choices.query_max = absl::ZeroDuration();
  Start(choices);
  MakeQuestion("q-1", "energy");
  const auto client = As(admin_token);
  const std::string target = "target { name: 'questions/q-1' }";
  const auto reason = [](const auto& response) {
    return response.ok() ? "OK" : GetErrorDetail(response.status()).reason;
  };
  const std::string expected = "INFERENCE_BUDGET_EXCEEDED";
  EXPECT_EQ(reason(client->QueryPosterior(Text<v1::QueryPosteriorRequest>(target))), expected);
  EXPECT_EQ(reason(client->QueryPosterior(Text<v1::QueryPosteriorRequest>(
                Cat(target, " approximation { sample_count: 100 }")))),
            expected);
  EXPECT_EQ(reason(client->ExplainPosterior(Text<v1::ExplainPosteriorRequest>(target))), expected);
  EXPECT_EQ(reason(client->SimulatePosterior(Text<v1::SimulatePosteriorRequest>(target))),
            expected);
  EXPECT_EQ(reason(client->RankIndicators(Text<v1::RankIndicatorsRequest>(target))), expected);
  EXPECT_EQ(reason(client->AnalyzeSensitivity(Text<v1::AnalyzeSensitivityRequest>(target))),
            expected);
  EXPECT_EQ(reason(client->QueryJoint(Text<v1::QueryJointRequest>(Cat(target, " nodes: 'r'")))),
            expected);
  EXPECT_EQ(reason(client->FindMostProbableExplanation(
                Text<v1::FindMostProbableExplanationRequest>("target { name: 'networks/q-1' }"))),
            expected);
  EXPECT_EQ(reason(client->AssessEvidence(
                Text<v1::AssessEvidenceRequest>("target { name: 'networks/q-1' }"))),
            expected);
  // Writes publish posteriors all the same.
  EXPECT_EQ(reason(client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
                "parent: 'networks/q-1' evidence { model { node: 'q' "
                "likelihood_ratio: 3 } }"))),
            "OK");
  EXPECT_EQ(reason(client->GetQuestion(Text<v1::GetQuestionRequest>("name: 'questions/q-1'"))),
            "OK");
}

// A server whose time is a number: each query takes one tick of its one thread.
class TickedServer {
 public:
  static constexpr int64_t kQueuedMax = 64;
  // Ticks after which an answer is of no use to whoever asked.
  static constexpr int kPatience = 20;

  struct Counts {
    int64_t useful = 0;
    int64_t computed = 0;
    int64_t refused = 0;
    int64_t queued_peak = 0;
  };

  // What becomes of `offered` queries that come in each tick.
  Counts Run(int ticks, int offered) {
    const UnaryHandler query = admission_.Admit(
        [this](const CallContext& context, std::string_view, const Answer& answer) {
          Compute(context);
          answer(std::string());
        });
    for (int now = 0; now < ticks; ++now) {
      CallContext context;
      context.deadline = TimeOf(now + kPatience);
      for (int i = 0; i < offered; ++i) {
        query(context, "", [this](const absl::StatusOr<std::string>& response) {
          if (GetErrorDetail(response.status()).reason == "OVERLOADED") ++refused_;
        });
      }
      queued_peak_ = std::max(queued_peak_, admission_.queued_count());
      Advance();
    }
    Counts counts;
    {
      absl::MutexLock lock(&mutex_);
      counts = {useful_, computed_, refused_, queued_peak_};
      // For what is left.
      turns_ = int64_t{ticks} * offered;
    }
    admission_.Stop();
    return counts;
  }

 private:
  static absl::Time TimeOf(int64_t tick) { return absl::UnixEpoch() + absl::Seconds(tick); }

  absl::Time Now() {
    absl::MutexLock lock(&mutex_);
    return TimeOf(tick_);
  }

  // Waits for its turn, of which there is one each tick.
  void Compute(const CallContext& context) {
    absl::MutexLock lock(&mutex_);
    const auto has_turn = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return turns_ > 0; };
    mutex_.Await(absl::Condition(&has_turn));
    --turns_;
    ++computed_;
    if (TimeOf(tick_) <= context.deadline) ++useful_;
  }

  void Advance() {
    absl::MutexLock lock(&mutex_);
    ++turns_;
    const auto is_taken = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return turns_ == 0; };
    mutex_.Await(absl::Condition(&is_taken));
    ++tick_;
  }

  absl::Mutex mutex_;
  int64_t tick_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t turns_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t useful_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t computed_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<int64_t> refused_{0};
  int64_t queued_peak_ = 0;
  Admission admission_{
      {.inline_max = 0, .thread_count = 1, .queued_max = kQueuedMax, .now = [this] {
         return Now();
       }}};
};

TEST(AdmissionTest, AtTenTimesTheCapacityNearlyAllThatIsComputedIsOfUse) {
  constexpr int kTicks = 2'000;
  const TickedServer::Counts peak = TickedServer().Run(kTicks, 1);
  const TickedServer::Counts overloaded = TickedServer().Run(kTicks, 10);
  EXPECT_GE(peak.useful, kTicks - 1);
  EXPECT_GE(overloaded.useful * 10, peak.useful * 8);
  EXPECT_EQ(overloaded.useful, overloaded.computed);
  EXPECT_GE(overloaded.refused, int64_t{kTicks} * 5);
  EXPECT_LE(overloaded.queued_peak, TickedServer::kQueuedMax);
}

}  // namespace
}  // namespace credence::server
