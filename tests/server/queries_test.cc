#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "absl/strings/str_format.h"
#include "asia.h"
#include "served.h"

// What else can be asked about posteriors, over a real socket and a real disk, against published
// values and closed forms.
namespace credence::server {
namespace {

class QueriesTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    const auto network = client->CreateNetwork(Text<v1::CreateNetworkRequest>(AsiaRequest()));
    ASSERT_TRUE(network.ok()) << network.status();
  }

  // "target { name: 'networks/asia/nodes/lung' scenario { ... } }".
  static std::string Target(const std::string& name, const std::string& observations = "") {
    return Cat("target { name: 'networks/asia", name, "' scenario { ", observations, " } } ");
  }
  static std::string Seen(const std::string& node, const std::string& state) {
    return Cat("hypothetical_evidence { node: '", node, "' observed_state: '", state,
               "' reliability: 1 } ");
  }
};

TEST_F(QueriesTest, ADerivativeIsThatOfTheSensitivityFunction) {
  // P(lung | dysp, xray) = (a t + b) / (c t + d) in t = P(lung = yes | smoke = yes) = 0.1.
  constexpr double kA = 0.4018, kB = 0.003724, kC = 0.38475648, kD = 0.0321944564;
  const auto value = [](double t) { return (kA * t + kB) / (kC * t + kD); };
  const auto response = client->AnalyzeSensitivity(Text<v1::AnalyzeSensitivityRequest>(
      Target("/nodes/lung", Seen("dysp", "yes") + Seen("xray", "yes"))));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->node(), "lung");
  EXPECT_EQ(response->state(), "yes");
  EXPECT_NEAR(response->probability(), 0.6212527966776288, 1e-12);
  int found = 0;
  double width = 1.0;
  for (const v1::ParameterSensitivity& parameter : response->parameters()) {
    const double swing = std::abs(parameter.probability_high() - parameter.probability_low());
    EXPECT_LE(swing, width + 1e-15) << "not in tornado order";
    width = swing;
    if (parameter.node() != "lung" || parameter.parents(0).state() != "yes") continue;
    ++found;
    EXPECT_EQ(parameter.kind(), v1::PARAMETER_KIND_PROBABILITY);
    EXPECT_EQ(parameter.parents(0).node(), "smoke");
    EXPECT_EQ(parameter.state(), "yes");
    EXPECT_NEAR(parameter.value(), 0.1, 1e-15);
    EXPECT_NEAR(parameter.derivative(), 2.3032223051330294, 1e-9);
    // Odds of 1 : 9, halved and doubled.
    EXPECT_NEAR(parameter.probability_low(), value(1.0 / 19.0), 1e-9);
    EXPECT_NEAR(parameter.probability_high(), value(2.0 / 11.0), 1e-9);
  }
  EXPECT_EQ(found, 1);
  EXPECT_EQ(response->items_size(), 2);
}

TEST_F(QueriesTest, AnItemsDerivativeIsThatOfItsWeight) {
  ASSERT_TRUE(
      client
          ->CreateEvidence(Text<v1::CreateEvidenceRequest>(
              R"pb(parent: "networks/asia"
                   evidence_id: "film"
                   evidence { model { node: "lung" summary: "a film" likelihood_ratio: 3 } })pb"))
          .ok());
  const auto response = client->AnalyzeSensitivity(
      Text<v1::AnalyzeSensitivityRequest>(Target("/nodes/lung") + "swing_decibans: 10"));
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->items_size(), 1);
  const v1::ItemSensitivity& item = response->items(0);
  EXPECT_EQ(item.name(), "networks/asia/evidence/film");
  EXPECT_EQ(item.summary(), "a film");
  // Prior odds 0.055 : 0.945; d p / d weight = p (1 - p) ln 10 / 10.
  const auto after = [](double ratio) { return ratio * 0.055 / (ratio * 0.055 + 0.945); };
  const double p = after(3.0);
  EXPECT_NEAR(item.derivative_per_deciban(), p * (1.0 - p) * std::numbers::ln10 / 10.0, 1e-12);
  EXPECT_NEAR(item.probability_low(), after(0.3), 1e-12);
  EXPECT_NEAR(item.probability_high(), after(30.0), 1e-12);
  ExpectError(client->AnalyzeSensitivity(
                  Text<v1::AnalyzeSensitivityRequest>(Target("/nodes/lung") + "swing_decibans: 0")),
              absl::StatusCode::kInvalidArgument, "NUMBER_INVALID", "swing_decibans");
}

TEST_F(QueriesTest, AJointIsTheProductOfTheChain) {
  const auto response = client->QueryJoint(
      Text<v1::QueryJointRequest>(Target("/nodes/lung") + "nodes: 'smoke' nodes: 'bronc'"));
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->nodes_size(), 3);
  ASSERT_EQ(response->probabilities_size(), 8);
  int index = 0;
  for (const bool lung : {true, false}) {
    for (const bool smoke : {true, false}) {
      for (const bool bronc : {true, false}) {
        const double p_lung = smoke ? 0.1 : 0.01;
        const double p_bronc = smoke ? 0.6 : 0.3;
        const v1::JointProbability& cell = response->probabilities(index++);
        EXPECT_EQ(cell.states(0), lung ? "yes" : "no");
        EXPECT_EQ(cell.states(2), bronc ? "yes" : "no");
        EXPECT_NEAR(cell.probability(),
                    0.5 * (lung ? p_lung : 1 - p_lung) * (bronc ? p_bronc : 1 - p_bronc), 1e-15);
      }
    }
  }
  const auto refused = [this](const std::string& nodes) {
    return client->QueryJoint(Text<v1::QueryJointRequest>(Target("/nodes/lung") + nodes));
  };
  ExpectError(refused("nodes: 'smoke' nodes: 'lung'"), absl::StatusCode::kInvalidArgument,
              "NAME_DUPLICATE", "nodes[1]");
  ExpectError(refused("nodes: 'smok'"), absl::StatusCode::kInvalidArgument, "UNKNOWN_NODE",
              "nodes[0]");
}

TEST_F(QueriesTest, TheMostProbableExplanationIsThePublishedOne) {
  const auto response = client->FindMostProbableExplanation(
      Text<v1::FindMostProbableExplanationRequest>(Target("", Seen("dysp", "yes"))));
  ASSERT_TRUE(response.ok()) << response.status();
  std::map<std::string, std::string> states;
  for (const v1::NodeState& state : response->states()) states[state.node()] = state.state();
  EXPECT_EQ(states.at("smoke"), "yes");
  EXPECT_EQ(states.at("bronc"), "yes");
  EXPECT_EQ(states.at("lung"), "no");
  EXPECT_EQ(states.at("dysp"), "yes");
  EXPECT_NEAR(response->probability(), 0.20111652 / 0.4359706, 1e-7);
  EXPECT_NEAR(std::exp(response->log_probability()), response->probability(), 1e-15);
}

TEST_F(QueriesTest, TheEvidenceIsAsProbableAsTheSumOfItsWays) {
  // P(lung) = 0.055 and P(bronc) = 0.45; given smoke both are independent.
  const auto response = client->AssessEvidence(
      Text<v1::AssessEvidenceRequest>(Target("", Seen("lung", "yes") + Seen("bronc", "yes"))));
  ASSERT_TRUE(response.ok()) << response.status();
  const double both = 0.5 * (0.1 * 0.6 + 0.01 * 0.3);
  EXPECT_NEAR(response->log_evidence(), std::log(both), 1e-12);
  EXPECT_NEAR(response->conflict(), std::log(0.055 * 0.45 / both), 1e-12);
  EXPECT_EQ(response->items_size(), 2);
  EXPECT_EQ(response->items(0), "hypothetical-1");
  EXPECT_GT(response->cost().cells(), 0.0);
  EXPECT_GT(response->cost().bytes(), 0.0);
}

TEST_F(QueriesTest, WhatToWatchIsRankedByItsInformation) {
  const auto response =
      client->RankIndicators(Text<v1::RankIndicatorsRequest>(Target("/nodes/lung")));
  ASSERT_TRUE(response.ok()) << response.status();
  std::map<std::string, double> bits;
  for (const v1::IndicatorRank& rank : response->indicators()) {
    bits[rank.node()] = rank.mutual_information_bits();
    double expected = 0.0;
    for (const v1::IndicatorOutcome& outcome : rank.outcomes()) {
      expected += outcome.probability() * outcome.target_probability();
    }
    EXPECT_NEAR(expected, 0.055, 1e-12) << rank.node() << ": beliefs must be conserved";
  }
  EXPECT_NEAR(bits.at("xray"), 0.1280986148945817 / std::numbers::ln2, 1e-9);
  EXPECT_NEAR(bits.at("tub"), 0.0, 1e-12);
  EXPECT_FALSE(bits.contains("smoke")) << "a driver is never seen directly";
  const auto all = client->RankIndicators(
      Text<v1::RankIndicatorsRequest>(Target("/nodes/lung") + "include_drivers: true"));
  ASSERT_TRUE(all.ok()) << all.status();
  double smoke = -1.0;
  for (const v1::IndicatorRank& rank : all->indicators()) {
    if (rank.node() == "smoke") smoke = rank.mutual_information_bits();
  }
  EXPECT_NEAR(smoke, 0.022439943439616458 / std::numbers::ln2, 1e-9);
}

// --- Scenarios ---

TEST_F(QueriesTest, AScenarioGivesWhatASimulationGivesAndWritesNothing) {
  const int64_t before = tree_size();
  const std::string supposed = Seen("xray", "yes") + "interventions { node: 'smoke' state: 'no' }";
  const auto queried =
      client->QueryPosterior(Text<v1::QueryPosteriorRequest>(Target("/nodes/lung", supposed)));
  const auto simulated = client->SimulatePosterior(
      Text<v1::SimulatePosteriorRequest>(Target("/nodes/lung") + supposed));
  ASSERT_TRUE(queried.ok()) << queried.status();
  ASSERT_TRUE(simulated.ok()) << simulated.status();
  EXPECT_NEAR(queried->posterior().states(0).probability(),
              simulated->nodes(0).simulated(0).probability(), 1e-15);
  EXPECT_NEAR(simulated->nodes(0).actual(0).probability(), 0.055, 1e-12);
  // do(smoke = no): P(lung) = 0.01, P(tub) = 0.0104.
  const double either = 0.01 + 0.99 * 0.0104;
  EXPECT_NEAR(queried->posterior().states(0).probability(),
              0.98 * 0.01 / (0.98 * either + 0.05 * (1 - either)), 1e-12);
  EXPECT_EQ(tree_size(), before);
}

TEST_F(QueriesTest, OtherGradesAndCorrelationsJudgeTheSameItems) {
  for (const char* id : {"one", "two"}) {
    const auto created = client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
        Cat("parent: 'networks/asia' evidence_id: '", id,
            "' evidence { model { node: 'lung' grade: 'A1' likelihood_ratio: 9 cluster: 'c' } }")));
    ASSERT_TRUE(created.ok()) << created.status();
  }
  const auto response = client->SimulatePosterior(Text<v1::SimulatePosteriorRequest>(
      Target("/nodes/lung") +
      "grades { grade: 'A' probability: 1 } "
      "grades { grade: '1' probability: 1 } default_cluster_correlation: 1"));
  ASSERT_TRUE(response.ok()) << response.status();
  // Two copies of one wholly reliable report count once.
  EXPECT_NEAR(response->nodes(0).simulated(0).probability(), 9 * 0.055 / (9 * 0.055 + 0.945),
              1e-12);
  const auto without = client->SimulatePosterior(Text<v1::SimulatePosteriorRequest>(
      Target("/nodes/lung") + "withheld_evidence: 'one' withheld_evidence: 'two'"));
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_NEAR(without->nodes(0).simulated(0).probability(), 0.055, 1e-12);
  ExpectError(client->SimulatePosterior(Text<v1::SimulatePosteriorRequest>(
                  Target("/nodes/lung") + "default_cluster_correlation: 2")),
              absl::StatusCode::kInvalidArgument, "NUMBER_INVALID", "default_cluster_correlation");
  ExpectError(client->QueryPosterior(Text<v1::QueryPosteriorRequest>(
                  Target("/nodes/lung", "grades { grade: 'G' probability: 1 }"))),
              absl::StatusCode::kInvalidArgument, "GRADE_INVALID",
              "target.scenario.grades[0].grade");
}

TEST_F(QueriesTest, AnExplanationTellsOfWhatIsSupposed) {
  const auto response = client->ExplainPosterior(Text<v1::ExplainPosteriorRequest>(
      Target("/nodes/lung", Seen("xray", "yes") + "interventions { node: 'smoke' state: 'yes' }")));
  ASSERT_TRUE(response.ok()) << response.status();
  double sum = 0.0;
  int interventions = 0;
  int items = 0;
  for (const v1::ExplanationStep& step : response->steps()) {
    sum += step.weight_decibans();
    if (step.kind() == v1::EXPLANATION_STEP_KIND_INTERVENTION) {
      ++interventions;
      EXPECT_EQ(step.node(), "smoke");
    } else if (step.kind() == v1::EXPLANATION_STEP_KIND_EVIDENCE) {
      ++items;
      EXPECT_EQ(step.node(), "xray");
      EXPECT_EQ(step.name(), "");
      EXPECT_NEAR(step.leave_one_out_probability(), 0.1, 1e-12);
    }
  }
  EXPECT_EQ(interventions, 1);
  EXPECT_EQ(items, 1);
  EXPECT_NEAR(sum, response->log_odds_decibans(), 1e-9);
}

// --- Three distinct answers ---

TEST_F(QueriesTest, ImpossibleEvidenceNamesTheFewestItemsThatClash) {
  for (const auto& [id, node, state] :
       {std::tuple("film", "xray", "yes"), std::tuple("scan", "lung", "yes")}) {
    const auto created = client->CreateEvidence(Text<v1::CreateEvidenceRequest>(
        Cat("parent: 'networks/asia' evidence_id: '", id, "' evidence { model { node: '", node,
            "' observed_state: '", state, "' reliability: 1 } }")));
    ASSERT_TRUE(created.ok()) << created.status();
  }
  const auto response = client->QueryPosterior(Text<v1::QueryPosteriorRequest>(
      Target("/nodes/smoke", Seen("dysp", "yes") + Seen("either", "no"))));
  ExpectError(response, absl::StatusCode::kFailedPrecondition, "CONTRADICTORY_EVIDENCE", "");
  EXPECT_THAT(GetErrorDetail(response.status()).subjects,
              testing::UnorderedElementsAre("networks/asia/evidence/scan", "hypothetical-2"));
  const auto joint = client->QueryJoint(
      Text<v1::QueryJointRequest>(Target("", Seen("either", "no")) + "nodes: 'smoke'"));
  ExpectError(joint, absl::StatusCode::kFailedPrecondition, "CONTRADICTORY_EVIDENCE", "");
}

TEST_F(QueriesTest, ImprobableEvidenceHasAnOrdinaryAnswer) {
  std::string unlikely;
  for (int i = 0; i < 20; ++i) {
    unlikely +=
        "hypothetical_evidence { node: 'lung' reliability: 1 "
        "likelihoods { values: 2e-250 values: 1e-250 } } ";
  }
  const auto response =
      client->QueryPosterior(Text<v1::QueryPosteriorRequest>(Target("/nodes/lung", unlikely)));
  ASSERT_TRUE(response.ok()) << response.status();
  const double ratio = std::pow(2.0, 20);
  EXPECT_NEAR(response->posterior().states(0).probability(),
              ratio * 0.055 / (ratio * 0.055 + 0.945), 1e-12);
  EXPECT_NEAR(response->log_evidence(), 20 * std::log(1e-250) + std::log(ratio * 0.055 + 0.945),
              1e-8);
  EXPECT_LT(response->log_evidence(), -10'000.0);
}

class CostTest : public ServiceTest {
 protected:
  // A node with ten parents, whose table alone takes 16 KiB.
  void SetUp() override {
    ServiceTest::SetUp();
    std::string nodes;
    std::string parents;
    for (int i = 0; i < 10; ++i) {
      nodes += Cat("nodes { node: 'p", i, "' role: NODE_ROLE_DRIVER states: 'a' states: 'b' ",
                   "rows { rows { fixed { probabilities: 0.5 probabilities: 0.5 } } } } ");
      parents += Cat("parents: 'p", i, "' ");
    }
    std::string rows;
    for (int i = 0; i < 1'024; ++i) {
      // All digits, so that each row sums to 1.
      const double p = i / 1'024.0;
      rows += absl::StrFormat("rows { fixed { probabilities: %.17g probabilities: %.17g } } ", p,
                              1.0 - p);
    }
    const auto created = client->CreateNetwork(Text<v1::CreateNetworkRequest>(
        Cat("network_id: 'wide' network { title: 'Wide' model { open_time { seconds: 1767225600 } "
            "deadline_time { seconds: 1798761600 } ",
            nodes, "nodes { node: 'q' role: NODE_ROLE_QUESTION states: 'yes' states: 'no' ",
            parents, "rows { ", rows, " } } } }")));
    ASSERT_TRUE(created.ok()) << created.status();
  }
  static constexpr const char* kTarget =
      "target { name: 'networks/wide/nodes/q' memory_budget_bytes: 2048 } ";
};

TEST_F(CostTest, WhatCostsTooMuchIsRefusedWithTheEstimate) {
  const auto response = client->QueryPosterior(Text<v1::QueryPosteriorRequest>(kTarget));
  ExpectError(response, absl::StatusCode::kResourceExhausted, "INFERENCE_BUDGET_EXCEEDED", "");
  const ErrorDetail detail = GetErrorDetail(response.status());
  EXPECT_GE(std::stod(detail.metadata.at("cells")), 2'048.0);
  EXPECT_GE(std::stod(detail.metadata.at("bytes")), 2'048.0 * 8);
  EXPECT_EQ(detail.metadata.at("budget_bytes"), "2048");
  ExpectError(client->QueryPosterior(Text<v1::QueryPosteriorRequest>(
                  "target { name: 'networks/wide' memory_budget_bytes: -1 }")),
              absl::StatusCode::kInvalidArgument, "NUMBER_INVALID", "target.memory_budget_bytes");
}

TEST_F(CostTest, AnApproximationIsAskedForAndCarriesItsErrors) {
  const auto request = Text<v1::QueryPosteriorRequest>(
      Cat(kTarget, "approximation { sample_count: 20000 seed: 7 }"));
  const auto response = client->QueryPosterior(request);
  ASSERT_TRUE(response.ok()) << response.status();
  const v1::NodePosterior& node = response->posterior();
  ASSERT_EQ(node.standard_errors_size(), 2);
  EXPECT_GT(node.standard_errors(0), 0.0);
  EXPECT_LT(node.standard_errors(0), 0.01);
  EXPECT_NEAR(node.states(0).probability(), 0.5 - 0.5 / 1'024, 5 * node.standard_errors(0));
  EXPECT_EQ(response->approximation().sample_count(), 20'000);
  EXPECT_GT(response->approximation().effective_sample_count(), 0.0);
  const auto again = client->QueryPosterior(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), response->SerializeAsString());
}

}  // namespace
}  // namespace credence::server
