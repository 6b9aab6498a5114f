#include <limits>

#include "served.h"

// What is refused: with the right code, reason and field, and nothing written.
namespace credence::server {
namespace {

class BadInputTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    MakeQuestion();
    size_ = tree_size();
  }
  void TearDown() override {
    EXPECT_EQ(tree_size(), size_) << "something was written";
    ServiceTest::TearDown();
  }

  v1::CreateNetworkRequest OtherNetwork() const {
    auto request = Text<v1::CreateNetworkRequest>(kNetwork);
    request.set_network_id("other");
    return request;
  }

  static v1::CreateEvidenceRequest Evidence(const std::string& statement) {
    return Text<v1::CreateEvidenceRequest>(
        Cat("parent: \"networks/n\" evidence { model { node: \"d\" ", statement, " } }"));
  }

  int64_t size_ = 0;
};

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST_F(BadInputTest, CycleIsNamed) {
  auto request = OtherNetwork();
  auto& driver = *request.mutable_network()->mutable_model()->mutable_nodes(0);
  driver.add_parents("q");
  *driver.mutable_rows()->add_rows() = driver.rows().rows(0);
  const auto response = client->CreateNetwork(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), kInvalid);
  EXPECT_EQ(GetErrorDetail(response.status()).reason, "NETWORK_CYCLE") << response.status();
}

TEST_F(BadInputTest, RowThatDoesNotSumToOne) {
  auto request = OtherNetwork();
  request.mutable_network()
      ->mutable_model()
      ->mutable_nodes(1)
      ->mutable_rows()
      ->mutable_rows(1)
      ->mutable_fixed()
      ->set_probabilities(0, 0.5);
  const auto response = client->CreateNetwork(request);
  ASSERT_FALSE(response.ok());
  const ErrorDetail detail = GetErrorDetail(response.status());
  EXPECT_EQ(detail.reason, "ROW_SUM") << response.status();
  ASSERT_FALSE(detail.fields.empty());
  EXPECT_THAT(detail.fields.front().field, testing::StartsWith("network.model.nodes[1]"));
}

TEST_F(BadInputTest, UnknownState) {
  ExpectError(client->CreateEvidence(Evidence("observed_state: \"c\"")), kInvalid, "UNKNOWN_STATE",
              "");
  ExpectError(client->ResolveQuestion(
                  Text<v1::ResolveQuestionRequest>(R"pb(name: "questions/q"
                                                        resolution { outcome: "maybe" })pb")),
              kInvalid, "UNKNOWN_STATE", "resolution.outcome");
}

TEST_F(BadInputTest, NegativeOrNonFiniteLikelihood) {
  auto request = Evidence("likelihoods { values: 0.5 values: -1 }");
  ExpectError(client->CreateEvidence(request), kInvalid, "LIKELIHOOD_INVALID", "");
  request.mutable_evidence()->mutable_model()->mutable_likelihoods()->set_values(
      1, std::numeric_limits<double>::quiet_NaN());
  ExpectError(client->CreateEvidence(request), kInvalid, "LIKELIHOOD_INVALID", "");
  request.mutable_evidence()->mutable_model()->mutable_likelihoods()->set_values(
      1, std::numeric_limits<double>::infinity());
  ExpectError(client->CreateEvidence(request), kInvalid, "LIKELIHOOD_INVALID", "");
}

TEST_F(BadInputTest, DateAfterTheDeadline) {
  clock.Set(Instant("2027-06-01T00:00:00Z"));
  ExpectError(
      client->CreateEvidence(Evidence("likelihood_ratio: 2 occur_time { seconds: 1809000000 }")),
      kInvalid, "TIME_INVALID", "evidence.model.occur_time");
}

TEST_F(BadInputTest, EffectiveTimeInTheFuture) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_options()->mutable_effective_time()->set_seconds(
      absl::ToUnixSeconds(clock.Now() + absl::Hours(24)));
  ExpectError(client->CreateEvidence(request), kInvalid, "TIME_INVALID", "options.effective_time");
}

TEST_F(BadInputTest, AsManyMistakesAsAHeaderHoldsAreNamed) {
  std::string parents;
  std::string nodes;
  std::string rows;
  for (int i = 0; i < 8; ++i) {
    parents += Cat("parents: 'a-rather-long-name-of-a-cause-", i, "' ");
    nodes += Cat("nodes { node: 'a-rather-long-name-of-a-cause-", i,
                 "' role: NODE_ROLE_DRIVER states: 'a' states: 'b' rows { rows { fixed { ",
                 "probabilities: 0.5 probabilities: 0.5 } } } } ");
  }
  for (int i = 0; i < 256; ++i) {
    rows += "rows { fixed { probabilities: 0.1 probabilities: 0.1 } } ";
  }
  const auto response = client->CreateNetwork(Text<v1::CreateNetworkRequest>(
      Cat("network_id: 'wrong' network { title: 'x' model { open_time { seconds: 1767225600 } ",
          "deadline_time { seconds: 1798761600 } ", nodes,
          "nodes { node: 'q' role: NODE_ROLE_QUESTION states: 'yes' states: 'no' ", parents,
          "rows { ", rows, " } } } }")));
  ExpectError(response, kInvalid, "ROW_SUM", "");
  EXPECT_GT(GetErrorDetail(response.status()).fields.size(), 10u);
}

TEST_F(BadInputTest, FieldOfTenMegabytes) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_evidence()->mutable_model()->set_summary(std::string(10'000'000, 'x'));
  const auto response = client->CreateEvidence(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted) << response.status();
  EXPECT_THAT(std::string(response.status().message()), testing::HasSubstr("4194304"));
}

TEST_F(BadInputTest, FieldOverItsOwnLimit) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_evidence()->mutable_model()->set_summary(std::string(20'000, 'x'));
  ExpectError(client->CreateEvidence(request), kInvalid, "FIELD_TOO_LARGE",
              "evidence.model.summary");
}

TEST_F(BadInputTest, TextThatIsNotUtf8NamesItsField) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_evidence()->mutable_model()->set_summary("caf\xe9");
  ExpectError(client->CreateEvidence(request), kInvalid, "FIELD_INVALID", "evidence.model.summary");
}

TEST_F(BadInputTest, RequestIdWithAnotherBody) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_options()->set_request_id("one-and-the-same");
  ASSERT_TRUE(client->CreateEvidence(request).ok());
  size_ = tree_size();
  request.mutable_evidence()->mutable_model()->set_likelihood_ratio(3);
  ExpectError(client->CreateEvidence(request), absl::StatusCode::kAlreadyExists,
              "REQUEST_ID_REUSED", "");
}

TEST_F(BadInputTest, StaleRevisionTellsTheCurrentOne) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_options()->set_expected_revision(77);
  const auto response = client->CreateEvidence(request);
  ExpectError(response, absl::StatusCode::kAborted, "STALE_REVISION", "");
  v1::GetNetworkRequest get;
  get.set_name("networks/n");
  const auto network = client->GetNetwork(get);
  ASSERT_TRUE(network.ok());
  EXPECT_EQ(GetErrorDetail(response.status()).metadata.at("current_revision"),
            Cat(network->network().revision()));
}

TEST_F(BadInputTest, ContradictoryEvidenceNamesTheItems) {
  ASSERT_TRUE(client->CreateEvidence(Evidence("observed_state: \"a\"")).ok());
  size_ = tree_size();
  const auto response = client->CreateEvidence(Evidence("observed_state: \"b\""));
  ExpectError(response, absl::StatusCode::kFailedPrecondition, "CONTRADICTORY_EVIDENCE", "");
  EXPECT_EQ(GetErrorDetail(response.status()).subjects.size(), 2U) << response.status();
}

TEST_F(BadInputTest, NamesThatDoNotExistOrAreMalformed) {
  v1::GetQuestionRequest request;
  ExpectError(client->GetQuestion(request), kInvalid, "FIELD_REQUIRED", "name");
  request.set_name("question/q");
  ExpectError(client->GetQuestion(request), kInvalid, "NAME_INVALID", "name");
  request.set_name("questions/absent");
  ExpectError(client->GetQuestion(request), absl::StatusCode::kNotFound, "NOT_FOUND", "");
}

TEST_F(BadInputTest, ControlCharactersInTheActor) {
  auto request = Evidence("likelihood_ratio: 2");
  request.mutable_options()->set_actor("a\nb");
  ExpectError(client->CreateEvidence(request), kInvalid, "FIELD_INVALID", "options.actor");
  request.mutable_options()->set_actor(std::string(200, 'a'));
  ExpectError(client->CreateEvidence(request), kInvalid, "FIELD_TOO_LARGE", "options.actor");
}

}  // namespace
}  // namespace credence::server
