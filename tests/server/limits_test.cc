#include <future>
#include <string>

#include "served.h"

// Limits that a caller meets: of an entry, of time, of a server that stops.
namespace credence::server {
namespace {

using LimitsTest = ServiceTest;

TEST_F(LimitsTest, AnAppendWithAnEntryTooLargeIsRefusedWholeWithItsSize) {
  auto request = Text<v1::CreateNetworkRequest>(kNetwork);
  for (int i = 0; i < 6; ++i) {
    auto& node = *request.mutable_network()->mutable_model()->add_nodes();
    node = request.network().model().nodes(0);
    node.set_node(Cat("extra-", i));
    node.set_description(std::string(16'000, 'x'));
  }
  const int64_t size = tree_size();
  const auto response = client->CreateNetwork(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  const ErrorDetail detail = GetErrorDetail(response.status());
  EXPECT_EQ(detail.reason, "ENTRY_TOO_LARGE");
  EXPECT_EQ(detail.metadata.at("limit"), "65535");
  EXPECT_EQ(tree_size(), size);
}

TEST_F(LimitsTest, WaitingForAPositionEndsAtTheDeadline) {
  v1::ReadView view;
  view.set_min_position(1'000'000);
  std::promise<absl::Status> answered;
  served->engine->View(
      view, "", absl::Now() + absl::Milliseconds(20),
      [&](const absl::StatusOr<StateView>& state) { answered.set_value(state.status()); });
  EXPECT_EQ(GetErrorDetail(answered.get_future().get()).reason, "DEADLINE_EXCEEDED");
}

TEST_F(LimitsTest, AStoppedEngineTakesNoWrites) {
  served->engine->Stop();
  const auto response = client->CreateSource(
      Text<v1::CreateSourceRequest>("source_id: 'wire' source { display_name: 'Wire' }"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(GetErrorDetail(response.status()).reason, "UNAVAILABLE");
}

}  // namespace
}  // namespace credence::server
