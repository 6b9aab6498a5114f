#include "envelope_codec.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/time/clock.h"
#include "credence/event/v1/envelope.pb.h"
#include "ledger_fixture.h"

namespace credence::ledger {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

// The same entry by way of the message object.
std::string ByProtobuf(const EventDraft& draft, const EntryPlace& place) {
  event::v1::EventEnvelope envelope;
  envelope.set_position(place.position.value);
  envelope.set_stream(draft.stream);
  envelope.set_stream_version(place.stream_version);
  if (place.previous.has_value()) envelope.set_previous_position(place.previous->value);
  SetTime(place.record_time, envelope.mutable_record_time());
  SetTime(draft.effective_time.value_or(place.record_time), envelope.mutable_effective_time());
  envelope.set_backfilled(draft.backfilled);
  envelope.set_actor(draft.actor);
  envelope.set_request_id(std::string(place.request_id));
  if (place.cause.has_value()) envelope.set_cause_position(place.cause->value);
  envelope.set_ignorable(draft.ignorable);
  envelope.mutable_payload()->PackFrom(*draft.payload);
  if (draft.signed_payload != nullptr) {
    envelope.mutable_payload()->set_value(draft.signed_payload->payload);
    *envelope.mutable_author_signature() = draft.signed_payload->signature;
  }
  for (size_t i = 0; i < draft.links.size(); ++i) {
    event::v1::StreamLink& link = *envelope.add_links();
    link.set_stream(draft.links[i]);
    link.set_stream_version(place.links[i].stream_version);
    if (place.links[i].previous.has_value()) {
      link.set_previous_position(place.links[i].previous->value);
    }
  }
  return envelope.SerializeAsString();
}

TEST(EnvelopeCodecTest, WritesWhatTheProtobufLibraryWrites) {
  const auto seed = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()));
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto number = [&] { return static_cast<int64_t>(random() >> (1 + random() % 62)); };
  const auto maybe = [&] {
    return random() % 2 == 0 ? std::optional<Position>() : Position{number() % 3 * number()};
  };
  const auto text = [&] { return std::string(random() % 300, 'q'); };
  for (int round = 0; round < 3'000; ++round) {
    EventDraft draft = Say("s" + text(), text());
    if (random() % 8 == 0) draft.payload = std::make_shared<google::protobuf::Empty>();
    if (random() % 2 == 0) {
      draft.effective_time = absl::FromUnixNanos(number() * (random() % 2 == 0 ? 1 : -1));
    }
    draft.backfilled = random() % 2 == 0;
    draft.actor = text();
    if (random() % 3 == 0) {
      auto signed_payload = std::make_shared<SignedPayload>();
      signed_payload->payload = text();
      signed_payload->signature.set_author(text());
      signed_payload->signature.set_signature(text());
      draft.signed_payload = std::move(signed_payload);
    }
    draft.ignorable = random() % 2 == 0;
    const std::string request_id = text();
    EntryPlace place{.position = Position{number()},
                     .stream_version = number() * static_cast<int64_t>(random() % 2),
                     .previous = maybe(),
                     .record_time = absl::FromUnixMicros(number() % 4'000'000'000'000'000),
                     .request_id = request_id,
                     .cause = maybe(),
                     .links = std::vector<LinkPlace>(random() % 3)};
    for (LinkPlace& link : place.links) {
      draft.links.push_back("l" + text());
      link = {number() * static_cast<int64_t>(random() % 2), maybe()};
    }
    std::string buffer = "before";
    const EncodedEntry encoded = AppendEntry(draft, place, buffer);
    ASSERT_TRUE(encoded.appended);
    ASSERT_EQ(buffer.substr(6), ByProtobuf(draft, place));
    ASSERT_EQ(encoded.size, buffer.size() - 6);
    ASSERT_EQ(buffer.substr(encoded.stream_offset, draft.stream.size()), draft.stream);
    for (size_t i = 0; i < draft.links.size(); ++i) {
      const std::string& name = draft.links[i];
      ASSERT_EQ(buffer.substr(encoded.link_offsets[i], name.size()), name);
    }
  }
}

TEST(EnvelopeCodecTest, TooLargeAnEntryLeavesTheBufferAlone) {
  const EventDraft draft = Say("s", std::string(kEntryBytesMax, 'x'));
  EntryPlace place;
  place.record_time = absl::FromUnixSeconds(1);
  std::string buffer = "before";
  const EncodedEntry encoded = AppendEntry(draft, place, buffer);
  EXPECT_FALSE(encoded.appended);
  EXPECT_EQ(encoded.size, ByProtobuf(draft, place).size());
  EXPECT_EQ(buffer, "before");
}

TEST(EnvelopeCodecTest, UnknownTypesAndFieldsSurviveDecoding) {
  event::v1::EventEnvelope envelope;
  envelope.set_position(4);
  envelope.mutable_payload()->set_type_url("type.googleapis.com/credence.event.v9.NotYetInvented");
  envelope.mutable_payload()->set_value("\x01\x02\xff");
  envelope.GetReflection()->MutableUnknownFields(&envelope)->AddLengthDelimited(99, "later");
  const std::string bytes = envelope.SerializeAsString();
  const absl::StatusOr<DecodedEvent> decoded = DecodeEntry(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->payload, nullptr);
  EXPECT_EQ(decoded->AsEvent().payload_type, "credence.event.v9.NotYetInvented");
  EXPECT_EQ(decoded->envelope.SerializeAsString(), bytes);
}

TEST(EnvelopeCodecTest, BytesThatAreNoEnvelopeAreDamage) {
  EXPECT_EQ(ReasonOf(DecodeEntry("\xff\xff").status()), "LEDGER_FAILED");
  event::v1::EventEnvelope envelope;
  envelope.mutable_payload()->set_type_url("type.googleapis.com/google.protobuf.StringValue");
  envelope.mutable_payload()->set_value("\xff");
  EXPECT_EQ(ReasonOf(DecodeEntry(envelope.SerializeAsString()).status()), "LEDGER_FAILED");
}

}  // namespace
}  // namespace credence::ledger
