#include "credence/ledger/event.h"

#include "credence/base/strings.h"
#include "failure.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"

namespace credence::ledger {
namespace {

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

std::string_view TypeName(std::string_view type_url) {
  const size_t slash = type_url.rfind('/');
  return slash == std::string_view::npos ? type_url : type_url.substr(slash + 1);
}

std::unique_ptr<google::protobuf::Message> NewMessage(std::string_view type) {
  const google::protobuf::Descriptor* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(std::string(type));
  if (descriptor == nullptr) return nullptr;
  const google::protobuf::Message* const prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
  if (prototype == nullptr) return nullptr;
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

}  // namespace

SequencedEvent DecodedEvent::AsEvent() const {
  SequencedEvent event;
  event.position = Position{envelope.position()};
  event.stream = envelope.stream();
  event.stream_version = envelope.stream_version();
  event.record_time = ToTime(envelope.record_time());
  event.effective_time = ToTime(envelope.effective_time());
  event.backfilled = envelope.backfilled();
  event.actor = envelope.actor();
  event.request_id = envelope.request_id();
  if (envelope.has_cause_position()) event.cause = Position{envelope.cause_position()};
  event.ignorable = envelope.ignorable();
  event.payload = payload.get();
  event.payload_type = TypeName(envelope.payload().type_url());
  return event;
}

absl::StatusOr<DecodedEvent> DecodeEntry(std::string_view entry) {
  DecodedEvent decoded;
  if (entry.size() > kEntryBytesMax ||
      !decoded.envelope.ParseFromArray(entry.data(), static_cast<int>(entry.size()))) {
    return LedgerFailed("An entry is not an event envelope.");
  }
  const google::protobuf::Any& payload = decoded.envelope.payload();
  decoded.payload = NewMessage(TypeName(payload.type_url()));
  if (decoded.payload != nullptr && !decoded.payload->ParseFromString(payload.value())) {
    return LedgerFailed(Cat("The payload of the entry at position ", decoded.envelope.position(),
                            " is not a ", TypeName(payload.type_url()), "."));
  }
  return decoded;
}

}  // namespace credence::ledger
