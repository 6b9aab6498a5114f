#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "credence/forecaster/explanation.h"
#include "credence/forecaster/indicators.h"
#include "credence/forecaster/interval.h"
#include "credence/forecaster/query.h"
#include "credence/forecaster/sensitivity.h"
#include "fixtures.h"

// Questions that are ended while they are computed.
namespace credence::forecaster::testing {
namespace {

struct Question {
  std::string name;
  // How often it is asked at least whether it may go on.
  int asked_min;
  std::function<absl::Status(const CompiledNetwork&, const std::vector<EvidenceItem>&,
                             const InferenceOptions&)>
      ask;
};

// What is asked of a query that is open.
template <typename Ask>
auto OfQuery(Ask ask) {
  return [ask](const CompiledNetwork& network, const std::vector<EvidenceItem>& items,
               const InferenceOptions& options) -> absl::Status {
    auto query = Query::Open(network, items, options);
    if (!query.ok()) return query.status();
    return ask(*query);
  };
}

std::vector<Question> Questions() {
  return {
      {"posterior", 3,
       [](const auto& network, const auto& items, const auto& options) {
         return ComputePosterior(network, items, options).status();
       }},
      {"explanation", 5,
       [](const auto& network, const auto& items, const auto& options) {
         return Explain(network, items, options, "lung", "yes").status();
       }},
      {"indicators", 5,
       [](const auto& network, const auto& items, const auto& options) {
         return RankIndicators(network, items, options, "lung").status();
       }},
      {"sensitivity", 8,
       [](const auto& network, const auto& items, const auto& options) {
         return AnalyzeSensitivity(network, items, options, "lung", "yes").status();
       }},
      {"intervals", 20,
       [](const auto& network, const auto& items, const auto& options) {
         IntervalOptions draws;
         draws.draw_count = 16;
         const std::vector<TargetState> targets = {{"lung", "yes"}};
         return ComputeIntervals(network, items, options, targets, draws).status();
       }},
      {"joint", 2, OfQuery([](Query& query) {
         return query.Joint(std::vector<std::string>{"asia", "smoke"}).status();
       })},
      {"explained best", 2, OfQuery([](Query& query) { return query.MostProbable().status(); })},
      {"conflict", 3, OfQuery([](Query& query) { return query.Conflict().status(); })},
      {"samples", 4,
       [](const auto& network, const auto& items, const auto& options) -> absl::Status {
         const auto query = Query::Open(network, items, options);
         if (!query.ok()) return query.status();
         Engine engine(network, {.may_go_on = options.may_go_on});
         query->LoadInto(engine);
         return engine.Approximate({.samples = 4'096}).status();
       }},
  };
}

// Says no to the ask of this number, counted from 0, and counts the asks.
class Limit {
 public:
  explicit Limit(int refused) : refused_(refused) {}

  [[nodiscard]] std::function<absl::Status()> Asked() {
    return
        [this] { return count_++ == refused_ ? absl::CancelledError("enough") : absl::OkStatus(); };
  }
  [[nodiscard]] int count() const { return count_; }

 private:
  const int refused_;
  int count_ = 0;
};

TEST(MayGoOnTest, EveryQuestionIsEndedAtWhicheverStepItIsToldTo) {
  const auto network = Compiled(Asia());
  std::vector<EvidenceItem> items = {Item("a", "dysp", ObservedState{"yes"}),
                                     Item("b", "xray", LikelihoodRatio{4})};
  items[1].spread_decibans = 2.0;
  for (const Question& question : Questions()) {
    SCOPED_TRACE(question.name);
    Limit none(-1);
    InferenceOptions options = OptionsAt(Day(1));
    options.may_go_on = none.Asked();
    const absl::Status whole = question.ask(*network, items, options);
    ASSERT_TRUE(whole.ok()) << whole;
    EXPECT_GE(none.count(), question.asked_min);
    for (int step = 0; step < none.count(); ++step) {
      Limit limit(step);
      options.may_go_on = limit.Asked();
      EXPECT_EQ(question.ask(*network, items, options), absl::CancelledError("enough")) << step;
      // And does nothing more.
      EXPECT_EQ(limit.count(), step + 1);
    }
  }
}

TEST(MayGoOnTest, AnEngineThatWasEndedAnswersAsIfItHadNotBeen) {
  const auto network = Compiled(Asia());
  Engine untroubled(*network);
  untroubled.Observe(0, 0);
  const auto expected = untroubled.LogMarginals();
  ASSERT_TRUE(expected.ok());
  Limit limit(0);
  Engine ended(*network, {.may_go_on = limit.Asked()});
  ended.Observe(0, 0);
  EXPECT_EQ(ended.LogMarginals().status(), absl::CancelledError("enough"));
  const auto answer = ended.LogMarginals();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, *expected);
}

}  // namespace
}  // namespace credence::forecaster::testing
