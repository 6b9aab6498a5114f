#include "batch_record.h"

#include <algorithm>
#include <string>

#include "credence/base/strings.h"
#include "records.h"

namespace credence::ledger {

std::string_view ToBytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

cluster::v1::Batch ToRecord(const CommitBatch& batch) {
  cluster::v1::Batch record;
  record.set_first_position(batch.first.value);
  record.mutable_entries()->Reserve(static_cast<int>(batch.entries.size()));
  for (const CommitBatch::Entry& entry : batch.entries) {
    const std::string_view bytes = batch.EntryBytes(entry);
    record.add_entries(bytes.data(), bytes.size());
  }
  for (const RequestRecord& request : batch.requests) {
    cluster::v1::Request& made = *record.add_requests();
    made.set_request_id(request.receipt.request_id);
    made.set_record(EncodeRequest(request));
  }
  for (const CommitBatch::Text& text : batch.texts) {
    cluster::v1::Text& made = *record.add_texts();
    made.set_key(text.key);
    made.set_value(text.value);
  }
  record.set_erases(batch.erases);
  record.set_last_record_time_us(absl::ToUnixMicros(batch.last_record_time));
  record.set_root(std::string(ToBytes(batch.head.root)));
  return record;
}

cluster::v1::Head ToRecord(const TreeHead& head, int64_t term) {
  cluster::v1::Head record;
  record.set_size(head.size.value);
  record.set_root(std::string(ToBytes(head.root)));
  record.set_term(term);
  return record;
}

TreeHead ToTreeHead(const cluster::v1::Head& head) {
  TreeHead made;
  if (head.root().size() != made.root.size()) return made;
  made.size = TreeSize{head.size()};
  std::copy_n(head.root().begin(), made.root.size(), made.root.begin());
  return made;
}

}  // namespace credence::ledger
