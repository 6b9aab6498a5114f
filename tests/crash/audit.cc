#include "audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "credence/event/v1/forecast_events.pb.h"

namespace credence::crash {
namespace {

ledger::Hash ToHash(const std::string& bytes) {
  ledger::Hash hash{};
  EXPECT_EQ(bytes.size(), hash.size());
  std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
  return hash;
}

// A writer's forecast has its text, whole.
void ExpectText(const v1::Event& event) {
  event::v1::ForecastRecorded forecast;
  if (!event.envelope().payload().UnpackTo(&forecast)) return;
  ASSERT_EQ(event.texts_size(), 1) << event.name();
  EXPECT_EQ(event.texts(0).text(), event.envelope().request_id()) << event.name();
}

}  // namespace

void LogAudit::Read(client::Client& client) {
  const auto head = client.GetTreeHead({});
  ASSERT_TRUE(head.ok()) << head.status();
  ASSERT_GE(head->tree_head().tree_size(), size()) << "the log has become shorter";
  ReadPages(client);
  EXPECT_EQ(size(), head->tree_head().tree_size());
  EXPECT_EQ(ledger::ToHex(tree_.root()), ledger::ToHex(ToHash(head->tree_head().root_hash())));
}

void LogAudit::ReadPages(client::Client& client) {
  v1::ListEventsRequest request;
  request.set_start_position(size());
  request.mutable_page()->set_page_size(1'000);
  do {
    const auto page = client.ListEvents(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Event& event : page->events()) {
      ASSERT_NO_FATAL_FAILURE(Add(event));
    }
    ASSERT_TRUE(page->next_page_token().empty() || !page->events().empty());
    request.mutable_page()->set_page_token(page->next_page_token());
  } while (!request.page().page_token().empty());
}

void LogAudit::Add(const v1::Event& event) {
  const auto& envelope = event.envelope();
  ASSERT_EQ(envelope.position(), size()) << "positions are not contiguous";
  EXPECT_EQ(event.name(), "events/" + std::to_string(size()));
  tree_.Append(ToHash(event.leaf_hash()));
  if (envelope.request_id().empty()) {
    // The log's own; nobody asked for it, so that nobody has a receipt.
    EXPECT_THAT(envelope.payload().type_url(), testing::EndsWith(".StreamHeadsRecorded"));
    return;
  }
  ExpectText(event);
  const absl::Time record_time = absl::FromUnixSeconds(envelope.record_time().seconds()) +
                                 absl::Nanoseconds(envelope.record_time().nanos());
  if (writes_.empty() || record_time != writes_.back().record_time) {
    EXPECT_FALSE(envelope.has_cause_position()) << "at " << envelope.position();
    EXPECT_TRUE(request_ids_.insert(envelope.request_id()).second)
        << envelope.request_id() << " was written twice, again at " << envelope.position();
    writes_.push_back(
        {envelope.position(), 1, record_time, envelope.request_id(), event.leaf_hash()});
    return;
  }
  Write& write = writes_.back();
  EXPECT_EQ(envelope.request_id(), write.request_id) << "at " << envelope.position();
  if (envelope.has_cause_position()) {
    EXPECT_GE(envelope.cause_position(), write.position) << "at " << envelope.position();
    EXPECT_LT(envelope.cause_position(), envelope.position());
  }
  ++write.event_count;
}

void LogAudit::Match(const std::vector<v1::Receipt>& receipts) {
  EXPECT_EQ(writes_.size(), receipts.size()) << "writes in the log, and receipts";
  for (const v1::Receipt& receipt : receipts) {
    const auto found = std::lower_bound(
        writes_.begin(), writes_.end(), receipt.position(),
        [](const Write& write, int64_t position) { return write.position < position; });
    ASSERT_TRUE(found != writes_.end() && found->position == receipt.position())
        << "no write begins at " << receipt.position() << ", where " << receipt.request_id()
        << " was acknowledged";
    EXPECT_EQ(found->request_id, receipt.request_id()) << "at " << receipt.position();
    EXPECT_EQ(found->leaf_hash, receipt.leaf_hash()) << "at " << receipt.position();
    EXPECT_EQ(found->event_count, receipt.event_count()) << "at " << receipt.position();
  }
  writes_.clear();
}

}  // namespace credence::crash
