#include "ledger_fixture.h"

#include <google/protobuf/wrappers.pb.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "credence/ledger/tree.h"
#include "log_factory.h"

namespace credence::ledger {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = testing::TempDir() + "/credence-ledger-XXXXXX";
  CREDENCE_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

EventDraft Say(std::string_view stream, std::string_view text) {
  const auto payload = std::make_shared<google::protobuf::StringValue>();
  payload->set_value(std::string(text));
  EventDraft draft;
  draft.stream = std::string(stream);
  draft.payload = payload;
  draft.actor = "tester";
  return draft;
}

EventDraft Forecast(std::string_view rationale) {
  const auto payload = std::make_shared<event::v1::ForecastRecorded>();
  payload->set_question("q");
  payload->set_forecaster("analyst-1");
  payload->set_rationale(std::string(rationale));
  EventDraft draft;
  draft.stream = "questions/q";
  draft.payload = payload;
  draft.actor = "forecasters/analyst-1";
  return draft;
}

Submission Erasure(std::string_view request_id, Position position, std::string_view field) {
  const auto payload = std::make_shared<event::v1::TextsErased>();
  event::v1::ErasedText& text = *payload->add_texts();
  text.set_position(position.value);
  text.set_stream("questions/q");
  text.add_fields(std::string(field));
  payload->set_rationale("asked for");
  EventDraft draft;
  draft.stream = "ledger";
  draft.payload = payload;
  draft.actor = "operators/erasure";
  Submission submission = WriteOf(request_id, "", {draft});
  submission.after_durable = true;
  return submission;
}

std::vector<std::string> FilesWith(const std::string& directory, std::string_view text) {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    if (bytes.find(text) != std::string::npos) found.push_back(file.path().filename().string());
  }
  return found;
}

std::string TextOf(const StoredEntry& entry) {
  google::protobuf::StringValue payload;
  EXPECT_TRUE(EnvelopeOf(entry).payload().UnpackTo(&payload));
  return payload.value();
}

event::v1::EventEnvelope EnvelopeOf(const StoredEntry& entry) {
  event::v1::EventEnvelope envelope;
  EXPECT_TRUE(envelope.ParseFromString(*entry.bytes));
  return envelope;
}

Submission WriteOf(std::string_view request_id, std::string_view body,
                   std::vector<EventDraft> drafts) {
  Submission submission;
  submission.request_id = std::string(request_id);
  submission.body_digest = Sha256(body);
  if (!drafts.empty()) submission.stream = drafts.front().stream;
  submission.decide = [drafts = std::move(drafts)](const DecideContext&) { return drafts; };
  return submission;
}

absl::StatusOr<Receipt> SubmitAndWait(Log& log, Submission submission) {
  absl::Notification answered;
  absl::StatusOr<Receipt> outcome = absl::UnknownError("not answered");
  submission.done = [&](absl::StatusOr<Receipt> result) {
    outcome = std::move(result);
    answered.Notify();
  };
  log.Submit(std::move(submission));
  answered.WaitForNotification();
  return outcome;
}

std::vector<StoredEntry> ReadAll(const Log& log, int64_t portion) {
  std::vector<StoredEntry> entries;
  while (true) {
    const absl::StatusOr<std::vector<StoredEntry>> more =
        log.Read(Position{static_cast<int64_t>(entries.size())}, {.entry_count_max = portion});
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || more->empty()) return entries;
    entries.insert(entries.end(), more->begin(), more->end());
  }
}

// MTH of RFC 6962, section 2.1, as it stands there; the recursion is log2(n) deep.
Hash NaiveRoot(const std::vector<Hash>& leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return leaves.front();
  size_t split = 1;
  while (2 * split < leaves.size()) split *= 2;
  const auto middle = leaves.begin() + static_cast<std::ptrdiff_t>(split);
  return NodeHash(NaiveRoot({leaves.begin(), middle}), NaiveRoot({middle, leaves.end()}));
}

std::string ReasonOf(const absl::Status& status) { return GetErrorDetail(status).reason; }

std::function<void(absl::StatusOr<Receipt>)> Outcomes::Collector() {
  return [this](absl::StatusOr<Receipt> outcome) {
    absl::MutexLock lock(&mutex_);
    outcomes_.push_back(std::move(outcome));
  };
}

std::vector<absl::StatusOr<Receipt>> Outcomes::AwaitCount(size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto enough = [this, count] { return outcomes_.size() >= count; };
  mutex_.Await(absl::Condition(&enough));
  return outcomes_;
}

LedgerFixture::LedgerFixture() : clock_(absl::FromUnixSeconds(1'600'000'000)) {
  const absl::StatusOr<std::string> key =
      Log::Create({.directory = directory_.path(), .origin = "example.org/test", .clock = &clock_});
  CREDENCE_CHECK(key.ok());
  verifier_key_ = *key;
}

LedgerFixture::~LedgerFixture() { Close(); }

void LedgerFixture::Open(rocksdb::Env* env) {
  absl::StatusOr<std::unique_ptr<Log>> log =
      LogFactory::Open({.directory = directory_.path(), .clock = &clock_, .limits = limits_}, env);
  ASSERT_TRUE(log.ok()) << log.status();
  log_ = *std::move(log);
  log_->Start(projection_);
}

void LedgerFixture::OpenWithLimits(const WriteLimits& limits) {
  limits_ = limits;
  Open();
}

Receipt LedgerFixture::Append(std::string_view stream, const std::vector<std::string>& texts) {
  std::vector<EventDraft> drafts;
  for (const std::string& text : texts) drafts.push_back(Say(stream, text));
  const std::string request_id = absl::StrCat("fixture-", ++next_request_);
  const absl::StatusOr<Receipt> receipt =
      SubmitAndWait(*log_, WriteOf(request_id, request_id, std::move(drafts)));
  EXPECT_TRUE(receipt.ok()) << receipt.status();
  return receipt.ok() ? *receipt : Receipt();
}

void LedgerFixture::AppendMany(int count) {
  Outcomes outcomes;
  size_t writes = 0;
  for (int i = 0; i < count;) {
    const int size = std::min(count - i, 1 + i % 7);
    std::vector<EventDraft> drafts;
    for (int k = 0; k < size; ++k, ++i) {
      drafts.push_back(Say(absl::StrCat("streams/", i % 5),
                           absl::StrCat(i, std::string(static_cast<size_t>(i % 90), 'x'))));
    }
    const std::string request_id = absl::StrCat("many-", ++next_request_);
    Submission submission = WriteOf(request_id, request_id, std::move(drafts));
    submission.done = outcomes.Collector();
    log_->Submit(std::move(submission));
    ++writes;
  }
  for (const absl::StatusOr<Receipt>& outcome : outcomes.AwaitCount(writes)) {
    EXPECT_TRUE(outcome.ok()) << outcome.status();
  }
}

std::function<void()> LedgerFixture::HoldSequencer() {
  struct Gate {
    absl::Notification entered;
    absl::Notification released;
  };
  const auto gate = std::make_shared<Gate>();
  Submission submission = WriteOf(absl::StrCat("gate-", ++next_request_), "gate", {});
  submission.decide = [gate](const DecideContext&) -> absl::StatusOr<std::vector<EventDraft>> {
    gate->entered.Notify();
    gate->released.WaitForNotification();
    return absl::CancelledError("The gate writes nothing.");
  };
  submission.done = [gate](const absl::StatusOr<Receipt>&) {};
  log_->Submit(std::move(submission));
  gate->entered.WaitForNotification();
  return [gate] { gate->released.Notify(); };
}

void LedgerFixture::ExpectSound() {
  const TreeHead head = log_->tree_head();
  const std::vector<StoredEntry> entries = ReadAll(*log_);
  ASSERT_EQ(static_cast<int64_t>(entries.size()), head.size.value);
  struct End {
    int64_t length = 0;
    int64_t last = 0;
  };
  std::map<std::string, End> streams;
  TreeFrontier frontier;
  for (size_t i = 0; i < entries.size(); ++i) {
    const event::v1::EventEnvelope envelope = EnvelopeOf(entries[i]);
    ASSERT_EQ(envelope.position(), static_cast<int64_t>(i));
    End& end = streams[envelope.stream()];
    ASSERT_EQ(envelope.stream_version(), end.length);
    ASSERT_EQ(envelope.has_previous_position(), end.length > 0);
    ASSERT_EQ(envelope.previous_position(), end.length > 0 ? end.last : 0);
    end = {end.length + 1, envelope.position()};
    for (const event::v1::StreamLink& link : envelope.links()) {
      End& linked = streams[link.stream()];
      ASSERT_EQ(link.stream_version(), linked.length);
      ASSERT_EQ(link.has_previous_position(), linked.length > 0);
      ASSERT_EQ(link.previous_position(), linked.length > 0 ? linked.last : 0);
      linked = {linked.length + 1, envelope.position()};
    }
    frontier.Append(LeafHash(*entries[i].bytes));
  }
  EXPECT_EQ(frontier.root(), head.root);
  for (const auto& [stream, end] : streams) {
    const absl::StatusOr<int64_t> length = log_->StreamLength(stream);
    ASSERT_TRUE(length.ok()) << length.status();
    EXPECT_EQ(*length, end.length) << stream;
  }
}

}  // namespace credence::ledger
