#include "fixtures.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace credence::forecaster::testing {

absl::Time Day(double days) { return At("2021-01-01T00:00:00Z") + days * absl::Hours(24); }

absl::Time At(std::string_view text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, absl::string_view(text.data(), text.size()),
                              &time, &error))
      << error;
  return time;
}

Node FixedNode(std::string name, std::vector<std::string> states, std::vector<std::string> parents,
               std::vector<std::vector<double>> rows) {
  Node node;
  node.name = std::move(name);
  node.states = std::move(states);
  node.parents = std::move(parents);
  RowTable table;
  for (std::vector<double>& row : rows) table.rows.emplace_back(FixedRow{std::move(row)});
  node.table = std::move(table);
  return node;
}

Node HazardNode(std::string name, std::vector<std::string> parents, std::vector<HazardRow> rows) {
  Node node;
  node.name = std::move(name);
  node.role = NodeRole::kQuestion;
  node.states = {"yes", "no"};
  node.parents = std::move(parents);
  RowTable table;
  for (const HazardRow& row : rows) table.rows.emplace_back(row);
  node.table = std::move(table);
  return node;
}

Network MakeNetwork(std::vector<Node> nodes) {
  Network network;
  network.name = "test";
  network.open_time = Day(0);
  network.deadline = Day(365);
  network.nodes = std::move(nodes);
  return network;
}

std::shared_ptr<const CompiledNetwork> Compiled(Network network) {
  auto compiled = CompiledNetwork::Compile(std::move(network));
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

EvidenceItem Item(std::string id, std::string node, Statement statement) {
  EvidenceItem item;
  item.id = std::move(id);
  item.node = std::move(node);
  item.statement = std::move(statement);
  item.occur_time = Day(0);
  item.effective_time = Day(0);
  return item;
}

InferenceOptions OptionsAt(absl::Time at) {
  InferenceOptions options;
  options.at = at;
  return options;
}

double Probability(const CompiledNetwork& network, const std::vector<EvidenceItem>& items,
                   const InferenceOptions& options, std::string_view node, int state) {
  const auto posterior = ComputePosterior(network, items, options);
  EXPECT_TRUE(posterior.ok()) << posterior.status();
  if (!posterior.ok()) return -1.0;
  const auto found = posterior->Find(node);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? found->probabilities[state] : -1.0;
}

void ExpectAgrees(const CompiledNetwork& network, const Network& reference,
                  const std::vector<EvidenceItem>& items, const InferenceOptions& options,
                  double tolerance) {
  const auto posterior = ComputePosterior(network, items, options);
  ASSERT_TRUE(posterior.ok()) << posterior.status();
  const BruteForceResult expected = BruteForce(reference, items, options);
  for (const NodePosterior& node : posterior->nodes) {
    const std::vector<double>& probabilities = expected.marginals.at(node.node);
    ASSERT_EQ(node.probabilities.size(), probabilities.size());
    for (size_t s = 0; s < probabilities.size(); ++s) {
      EXPECT_NEAR(node.probabilities[s], probabilities[s], tolerance)
          << node.node << " state " << s << " at " << options.at;
    }
  }
}

ErrorDetail ExpectError(const absl::Status& status, absl::StatusCode code,
                        std::string_view reason) {
  EXPECT_EQ(status.code(), code) << status;
  ErrorDetail detail = GetErrorDetail(status);
  EXPECT_EQ(detail.reason, reason) << status;
  return detail;
}

Network Asia() {
  const std::vector<std::string> states = {"yes", "no"};
  return MakeNetwork({
      FixedNode("asia", states, {}, {{.01, .99}}),
      FixedNode("tub", states, {"asia"}, {{.05, .95}, {.01, .99}}),
      FixedNode("smoke", states, {}, {{.5, .5}}),
      FixedNode("lung", states, {"smoke"}, {{.1, .9}, {.01, .99}}),
      FixedNode("bronc", states, {"smoke"}, {{.6, .4}, {.3, .7}}),
      FixedNode("either", states, {"lung", "tub"}, {{1, 0}, {1, 0}, {1, 0}, {0, 1}}),
      FixedNode("xray", states, {"either"}, {{.98, .02}, {.05, .95}}),
      FixedNode("dysp", states, {"bronc", "either"}, {{.9, .1}, {.8, .2}, {.7, .3}, {.1, .9}}),
  });
}

Network Afghanistan() {
  Network network;
  network.name = "afghanistan-2021";
  network.open_time = At("2021-08-15T00:00:00Z");
  network.deadline = At("2022-10-31T00:00:00Z");
  const std::vector<double> never = {0, 1};
  network.nodes = {
      FixedNode("coordination", {"limited", "parallel", "deep"}, {}, {{.45, .45, .10}}),
      FixedNode("base-response", {"cooperates", "tolerates", "asserts-own-lead"}, {"coordination"},
                {{.05, .45, .50}, {.15, .65, .20}, {.55, .40, .05}}),
      FixedNode("india-engagement", {"deepens", "steady", "cools"}, {"coordination"},
                {{.60, .35, .05}, {.35, .50, .15}, {.10, .40, .50}}),
      HazardNode("china-recognizes", {"coordination"}, {{1, 5475}, {1, 3650}, {2, 3650}}),
      HazardNode("russia-recognizes", {"coordination", "china-recognizes"},
                 {{1, 1825}, {1, 7300}, {1, 730}, {1, 5475}, {2, 365}, {1, 3650}}),
      FixedNode("joint-recognition", {"yes", "no"},
                {"coordination", "china-recognizes", "russia-recognizes"},
                {{.05, .95},
                 never,
                 never,
                 never,  //
                 {.25, .75},
                 never,
                 never,
                 never,  //
                 {.70, .30},
                 never,
                 never,
                 never}),
  };
  network.nodes[0].role = NodeRole::kDriver;
  network.nodes[5].role = NodeRole::kQuestion;
  return network;
}

namespace {

EvidenceItem Report(int number, std::string_view date, std::string node, Statement statement,
                    AdmiraltyGrade grade, std::string cluster = "") {
  EvidenceItem item =
      Item(absl::StrCat(number < 10 ? "e0" : "e", number), std::move(node), std::move(statement));
  item.occur_time = At(std::string(date) + "T12:00:00Z");
  item.effective_time = std::max(item.occur_time, At("2021-08-15T00:00:00Z"));
  item.grade = grade;
  item.cluster = std::move(cluster);
  return item;
}

Statement Vector(double limited, double parallel, double deep) {
  return LikelihoodVector{{limited, parallel, deep}};
}

}  // namespace

std::vector<EvidenceItem> AfghanistanEvidence() {
  const AdmiraltyGrade b2 = {'B', '2'};
  const AdmiraltyGrade c2 = {'C', '2'};
  const AdmiraltyGrade c3 = {'C', '3'};
  const std::string c = "coordination";
  const std::string base = "base-response";
  const std::string india = "india-engagement";
  const std::string china = "china-recognizes";
  const std::string russia = "russia-recognizes";
  const Statement deepens = ObservedState{"deepens"};
  return {
      Report(1, "2021-04-28", india, deepens, b2),
      Report(2, "2021-07-16", c, Vector(.9, 1.1, 1.2), b2),
      Report(3, "2021-08-20", c, Vector(.8, 1.2, 1.2), b2),
      Report(4, "2021-09-06", russia, LikelihoodRatio{0.5}, b2),
      Report(5, "2021-09-06", china, LikelihoodRatio{0.9}, c3),
      Report(6, "2021-09-10", india, deepens, b2),
      Report(7, "2021-09-16", c, Vector(.8, 1.1, 1.5), c2, "sco-summit"),
      Report(8, "2021-09-16", c, Vector(.8, 1.1, 1.4), b2, "sco-summit"),
      Report(9, "2021-09-17", c, Vector(.9, 1.1, 1.2), b2, "sco-summit"),
      Report(10, "2021-09-17", russia, LikelihoodRatio{0.6}, b2),
      Report(11, "2021-09-18", c, Vector(1.2, 1.0, .6), b2),
      Report(12, "2021-10-02", base, Vector(1.0, 1.0, 1.5), {'E', '5'}, "bagram"),
      Report(13, "2021-10-04", base, Vector(1.0, 1.1, .9), {'D', '4'}, "bagram"),
      Report(14, "2021-10-08", c, Vector(.9, 1.1, 1.1), {'A', '1'}),
      Report(15, "2021-10-12", base, ObservedState{"tolerates"}, {'D', '3'}),
      Report(16, "2021-10-13", china, LikelihoodRatio{1.4}, b2),
      Report(17, "2021-10-15", c, Vector(1.4, .9, .6), b2, "mgimo"),
      Report(18, "2021-10-15", base, Vector(.7, .8, 1.4), b2, "mgimo"),
      Report(19, "2021-10-18", russia, LikelihoodRatio{0.8}, b2),
      Report(20, "2021-10-20", india, deepens, {'A', '2'}),
      Report(21, "2021-10-20", russia, LikelihoodRatio{0.5}, b2, "moscow-format"),
      Report(22, "2021-10-21", russia, LikelihoodRatio{0.4}, b2, "moscow-format"),
      Report(23, "2021-10-21", russia, LikelihoodRatio{1.3}, b2, "moscow-format"),
      Report(24, "2021-10-22", c, Vector(.9, 1.1, 1.3), c2),
      Report(25, "2021-10-25", china, LikelihoodRatio{0.8}, b2),
      Report(26, "2021-11-02", c, Vector(1.2, 1.0, .7), c3),
  };
}

}  // namespace credence::forecaster::testing
