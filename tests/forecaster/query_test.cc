#include "credence/forecaster/query.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fixtures.h"

namespace credence::forecaster::testing {
namespace {

std::vector<EvidenceItem> SomeEvidence() {
  return {Item("a", "dysp", ObservedState{"yes"}), Item("b", "xray", LikelihoodVector{{9, 1}})};
}

// P of a configuration of nodes, by Bayes' rule from weights with each node observed.
double Expected(const CompiledNetwork& network, const std::vector<std::string>& nodes,
                const std::vector<int>& states) {
  std::vector<EvidenceItem> items = SomeEvidence();
  const InferenceOptions options = OptionsAt(Day(1));
  const long double all = BruteForce(network.network(), items, options).weight;
  for (size_t i = 0; i < nodes.size(); ++i) {
    items.push_back(Item("q" + nodes[i], nodes[i], ObservedState{states[i] == 0 ? "yes" : "no"}));
  }
  return static_cast<double>(BruteForce(network.network(), items, options).weight / all);
}

void ExpectJoint(const CompiledNetwork& network, const JointPosterior& joint) {
  ASSERT_EQ(joint.probabilities.size(), size_t{1} << joint.nodes.size());
  for (size_t cell = 0; cell < joint.probabilities.size(); ++cell) {
    std::vector<int> states;
    for (size_t i = joint.nodes.size(); i-- > 0;) states.push_back((cell >> i) & 1U ? 1 : 0);
    EXPECT_NEAR(joint.probabilities[cell], Expected(network, joint.nodes, states), 1e-14);
  }
}

TEST(QueryTest, JointsOfNodesFarApartAgreeWithEnumeration) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = SomeEvidence();
  const InferenceOptions options = OptionsAt(Day(1));
  auto query = Query::Open(*network, items, options);
  ASSERT_TRUE(query.ok()) << query.status();
  for (const std::vector<std::string>& nodes : std::vector<std::vector<std::string>>{
           {"asia"}, {"asia", "smoke"}, {"bronc", "tub", "lung"}, {"xray", "dysp"}}) {
    const auto joint = query->Joint(nodes);
    ASSERT_TRUE(joint.ok()) << joint.status();
    EXPECT_EQ(joint->nodes, nodes);
    ExpectJoint(*network, *joint);
  }
}

TEST(QueryTest, AFamilyIsTheJointOfParentsAndNode) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = SomeEvidence();
  const InferenceOptions options = OptionsAt(Day(1));
  auto query = Query::Open(*network, items, options);
  ASSERT_TRUE(query.ok()) << query.status();
  for (const Node& node : network->network().nodes) {
    const auto family = query->Family(node.name);
    ASSERT_TRUE(family.ok()) << family.status();
    EXPECT_EQ(family->nodes.size(), node.parents.size() + 1);
    ExpectJoint(*network, *family);
  }
}

TEST(QueryTest, AskingChangesNothing) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = SomeEvidence();
  const InferenceOptions options = OptionsAt(Day(1));
  auto query = Query::Open(*network, items, options);
  ASSERT_TRUE(query.ok()) << query.status();
  const auto before = query->Marginals();
  ASSERT_TRUE(query->Joint(std::vector<std::string>{"asia", "smoke"}).ok());
  ASSERT_TRUE(query->Conflict().ok());
  const auto after = query->Marginals();
  ASSERT_TRUE(before.ok() && after.ok());
  const auto posterior = ComputePosterior(*network, items, options);
  ASSERT_TRUE(posterior.ok());
  for (size_t i = 0; i < before->size(); ++i) {
    EXPECT_EQ((*before)[i].probabilities, (*after)[i].probabilities);
    EXPECT_EQ((*before)[i].probabilities, posterior->nodes[i].probabilities);
  }
  EXPECT_EQ(*query->LogWeight(), posterior->log_weight);
  EXPECT_EQ(*query->Conflict(), posterior->conflict);
}

TEST(QueryTest, TheMostProbableExplanationHasItsPublishedProbability) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = {Item("a", "dysp", ObservedState{"yes"})};
  const InferenceOptions options = OptionsAt(Day(1));
  auto query = Query::Open(*network, items, options);
  ASSERT_TRUE(query.ok()) << query.status();
  const auto found = query->MostProbable();
  ASSERT_TRUE(found.ok()) << found.status();
  const auto log_weight = query->LogWeight();
  ASSERT_TRUE(log_weight.ok());
  EXPECT_NEAR(std::exp(found->log_probability + *log_weight), 0.20111652, 1e-12);
  // With every node seen in its state, the evidence weighs as much.
  std::vector<EvidenceItem> all = items;
  for (size_t i = 0; i < found->states.size(); ++i) {
    const std::string& node = network->network().nodes[i].name;
    all.push_back(Item("n" + node, node, ObservedState{found->states[i]}));
  }
  const auto posterior = ComputePosterior(*network, all, options);
  ASSERT_TRUE(posterior.ok()) << posterior.status();
  EXPECT_NEAR(posterior->log_weight, found->log_probability + *log_weight, 1e-12);
}

TEST(QueryTest, NodesNamedTwiceOrUnknownAreRefused) {
  const auto network = Compiled(Asia());
  const std::vector<EvidenceItem> items = SomeEvidence();
  const InferenceOptions options = OptionsAt(Day(1));
  auto query = Query::Open(*network, items, options);
  ASSERT_TRUE(query.ok()) << query.status();
  ExpectError(query->Joint(std::vector<std::string>{"asia", "asia"}).status(),
              absl::StatusCode::kInvalidArgument, "NAME_DUPLICATE");
  ExpectError(query->Joint(std::vector<std::string>{"nowhere"}).status(),
              absl::StatusCode::kNotFound, "NODE_NOT_FOUND");
  ExpectError(query->Marginal("nowhere").status(), absl::StatusCode::kNotFound, "NODE_NOT_FOUND");
}

TEST(EngineTest, OtherTableValuesStandInPlaceOfTheNetworks) {
  const auto network = Compiled(Asia());
  Network other = Asia();
  other.nodes[3].table = RowTable{{FixedRow{{.3, .7}}, FixedRow{{.02, .98}}}};
  const auto expected = Compiled(other);
  Engine engine(*network);
  Engine reference(*expected);
  for (Engine* each : {&engine, &reference}) each->Observe(7, 0);
  const std::vector<double> values = {std::log(.3), std::log(.7), std::log(.02), std::log(.98)};
  engine.SetLogTable(3, values);
  for (int node = 0; node < 8; ++node) {
    const auto got = engine.LogMarginal(node);
    const auto want = reference.LogMarginal(node);
    ASSERT_TRUE(got.ok() && want.ok());
    EXPECT_NEAR((*got)[0], (*want)[0], 1e-14);
  }
  engine.SetLogTable(3, {});
  Engine plain(*network);
  plain.Observe(7, 0);
  EXPECT_EQ(*engine.LogWeight(), *plain.LogWeight());
}

TEST(EngineTest, ImpossibleEvidenceWeighsNothingAndHasNoMarginals) {
  const auto network = Compiled(Asia());
  Engine engine(*network);
  engine.Observe(3, 0);
  engine.Observe(5, 1);
  const auto weight = engine.LogWeight();
  ASSERT_TRUE(weight.ok());
  EXPECT_TRUE(std::isinf(*weight) && *weight < 0.0);
  const ErrorDetail detail =
      ExpectError(engine.LogMarginal(0).status(), absl::StatusCode::kFailedPrecondition,
                  "CONTRADICTORY_EVIDENCE");
  EXPECT_EQ(detail.subjects, (std::vector<std::string>{"lung", "either"}));
  engine.SetLogLikelihood(5, {});
  EXPECT_TRUE(engine.LogMarginal(0).ok());
}

}  // namespace
}  // namespace credence::forecaster::testing
