#include "cluster_fixture.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "batch_follower.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/text.h"
#include "log_factory.h"

namespace credence::ledger {

using event::v1::ForecastRecorded;

void TellingProjection::Fold(const SequencedEvent& event) {
  ++counts_[std::string(event.stream)];
  if (const auto* forecast = dynamic_cast<const ForecastRecorded*>(event.payload)) {
    texts_[event.position.value] = forecast->rationale();
  }
  if (const auto* erased = dynamic_cast<const event::v1::TextsErased*>(event.payload)) {
    for (const auto& text : erased->texts()) texts_[text.position()] = std::string(kErasedText);
  }
}

Projection::BatchSteps TellingProjection::Seal(StateWriter& state, TreeSize size) {
  for (const auto& [stream, count] : counts_) state.Put("count/" + stream, absl::StrCat(count));
  for (const auto& [position, text] : texts_) state.Put(absl::StrCat("text/", position), text);
  state.Put("size", absl::StrCat(size.value));
  return {};
}

EventDraft LinkedForecast(const std::string& rationale) {
  EventDraft draft = Forecast(rationale);
  draft.links = {"forecasters/analyst-1/forecasts"};
  return draft;
}

Contents ContentsOf(const Store& store) {
  Contents contents;
  for (const Family family : {Family::kEntries, Family::kTiles, Family::kStreams, Family::kRequests,
                              Family::kMap, Family::kBlobs, Family::kState, Family::kMeta}) {
    const absl::Status scanned =
        store.ScanFamily(family, [&](std::string_view key, std::string_view value) {
          // When the files were cleaned of what was erased is each server's own affair.
          if (family == Family::kMeta && key == kUnpurgedKey) return true;
          contents[{static_cast<size_t>(family), std::string(key)}] = std::string(value);
          return true;
        });
    EXPECT_TRUE(scanned.ok()) << scanned;
  }
  return contents;
}

ClusterFixture::ClusterFixture(size_t member_count)
    : members_({.count = member_count}), client_(members_.MakeClient()) {
  Open();
  const absl::Status begun = BeginClusterLog(*client_, keys_, log_->tree_head());
  EXPECT_TRUE(begun.ok()) << begun;
  Close();
}

std::string ClusterFixture::Copy() {
  copies_.push_back(std::make_unique<TemporaryDirectory>());
  std::filesystem::copy(
      directory_.path(), copies_.back()->path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  return copies_.back()->path();
}

std::unique_ptr<Leadership> ClusterFixture::Lead(const std::string& server) {
  Leadership::Candidate candidate;
  candidate.leader.set_server(server);
  candidate.time_to_live = absl::Seconds(60);
  absl::StatusOr<std::unique_ptr<Leadership>> leadership =
      Leadership::Take(*client_, keys_, candidate);
  EXPECT_TRUE(leadership.ok()) << leadership.status();
  return leadership.ok() ? *std::move(leadership) : nullptr;
}

std::unique_ptr<Log> ClusterFixture::OpenLeading(const std::string& directory, int64_t term,
                                                 Projection* projection) {
  settings_.term = term;
  absl::StatusOr<std::unique_ptr<Log>> log = LogFactory::Open(
      {.directory = directory, .clock = &clock_, .limits = limits_}, nullptr, [this](Store& store) {
        return std::make_unique<EtcdCommitLog>(*client_, keys_, store, settings_);
      });
  EXPECT_TRUE(log.ok()) << log.status();
  if (!log.ok()) return nullptr;
  (*log)->Start(projection);
  return *std::move(log);
}

void ClusterFixture::FollowTo(Replica& replica, TreeSize size) {
  absl::Mutex mutex;
  absl::Status end;
  BatchFollower follower(
      *client_, keys_, replica.head().size,
      {.on_batch = [&](const cluster::v1::Batch& batch) { return replica.Apply(batch); },
       .on_end =
           [&](const absl::Status& status) {
             absl::MutexLock lock(&mutex);
             end = status;
           }});
  const auto there = [&] { return replica.head().size >= size || !end.ok(); };
  // The head moves without this mutex, so that it is looked at again and again.
  absl::MutexLock lock(&mutex);
  while (!mutex.AwaitWithTimeout(absl::Condition(&there), absl::Milliseconds(20))) {
  }
  EXPECT_TRUE(end.ok()) << end;
}

}  // namespace credence::ledger
