#include "salvage/raw_copy.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "block_log.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "fsck/file_check.h"
#include "log_files.h"
#include "table_tail.h"

namespace credence::ledger {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Whether a record of the family is written once and never changed.
bool IsKept(Family family, std::string_view key) {
  switch (family) {
    case Family::kEntries:
    case Family::kTiles:
    case Family::kRequests:
    case Family::kBlobs:
      return true;
    case Family::kMeta:
      return key == kFormatKey || key == kOriginKey || key == kVerifierKeyKey;
    default:
      return false;
  }
}

std::optional<Family> FamilyNamed(std::string_view name) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = FamilyDescriptors();
  for (size_t i = 0; i < families.size(); ++i) {
    if (families[i].name == name) return static_cast<Family>(i);
  }
  return std::nullopt;
}

// Gathers records into writes of some size.
class Collector {
 public:
  Collector(Store& raw, RawContent& content) : raw_(raw), content_(content) {}

  void Take(Family family, std::string_view key, std::string_view value) {
    if (family == Family::kMeta && key == kHeadKey) {
      const std::optional<HeadRecord> head = DecodeHead(value);
      if (head.has_value()) content_.heads.emplace(head->head.size, *head);
    }
    if (!IsKept(family, key)) return;
    if (family == Family::kBlobs && IsErasedBefore(key, value)) return;
    bytes_ += key.size() + value.size();
    records_.push_back({family, std::string(key), std::string(value)});
    if (bytes_ >= kFlushBytes) Flush();
  }

  void Flush() {
    if (!status_.ok() || records_.empty()) return;
    status_ = raw_.PutUnsynced(records_);
    records_.clear();
    bytes_ = 0;
  }

  void NoteUnread(std::string what) { content_.unread.push_back(std::move(what)); }
  [[nodiscard]] const absl::Status& status() const { return status_; }

 private:
  static constexpr size_t kFlushBytes = size_t{4} << 20;

  // Files are read in any order: a text does not come back after the mark that it was erased.
  bool IsErasedBefore(std::string_view key, std::string_view value) {
    const std::optional<StoredText> text = DecodeText(value);
    if (text.has_value() && text->kind == StoredText::Kind::kText)
      return erased_.contains(ToAbsl(key));
    erased_.emplace(key);
    return false;
  }

  Store& raw_;
  RawContent& content_;
  std::vector<RawRecord> records_;
  size_t bytes_ = 0;
  absl::Status status_;
  // Keys of texts that are gone.
  absl::flat_hash_set<std::string> erased_;
};

// The first key after all that begin with the first `size` bytes of `key`; empty where there is
// none.
std::string After(std::string key, size_t size) {
  key.resize(size);
  while (!key.empty() && static_cast<uint8_t>(key.back()) == 0xff) key.pop_back();
  if (!key.empty()) key.back() = static_cast<char>(static_cast<uint8_t>(key.back()) + 1);
  return key;
}

// Moves behind a block that cannot be read: to the next key that can be, tried at ever coarser
// steps. False where there is none.
bool SkipDamage(rocksdb::Iterator& iterator, const std::string& last_key) {
  for (size_t size = last_key.size(); size > 0; --size) {
    const std::string next = After(last_key, size);
    if (next.empty()) return false;
    iterator.Seek(next);
    if (iterator.Valid()) return true;
    if (iterator.status().ok()) return false;
  }
  return false;
}

void CopyTable(const std::string& path, const std::string& name, Collector& collector) {
  rocksdb::Options options;
  const std::string file = Cat(path, "/", name);
  if (const absl::Status tail = CheckTableTail(file, options.env); !tail.ok()) {
    return collector.NoteUnread(std::string(tail.message()));
  }
  rocksdb::SstFileReader reader(options);
  const rocksdb::Status opened = reader.Open(file);
  if (!opened.ok()) return collector.NoteUnread(Cat(name, ": ", opened.ToString()));
  const std::optional<Family> family = FamilyNamed(reader.GetTableProperties()->column_family_name);
  if (!family.has_value()) return;
  const std::unique_ptr<rocksdb::Iterator> iterator(reader.NewIterator(rocksdb::ReadOptions()));
  std::string last_key;
  iterator->SeekToFirst();
  while (collector.status().ok()) {
    for (; iterator->Valid(); iterator->Next()) {
      last_key.assign(iterator->key().data(), iterator->key().size());
      collector.Take(*family, last_key, ToView(iterator->value()));
    }
    if (iterator->status().ok()) return;
    collector.NoteUnread(Cat(name, ": ", iterator->status().ToString()));
    // A file whose first block is lost is entered at the first position, or at the first letter.
    if (last_key.empty()) last_key.assign(1, '\0');
    if (!SkipDamage(*iterator, last_key)) return;
  }
}

// The records of a batch, by the numbers that families were created with.
class BatchReader final : public rocksdb::WriteBatch::Handler {
 public:
  explicit BatchReader(Collector& collector) : collector_(collector) {}

  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (family < kFamilyCount) {
      collector_.Take(static_cast<Family>(family), ToView(key), ToView(value));
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteRangeCF(uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }

 private:
  Collector& collector_;
};

void CopyWriteAheadLog(const std::string& path, const std::string& name, Collector& collector) {
  constexpr size_t kBatchHeaderBytes = 12;
  std::string bytes;
  const rocksdb::Status read =
      rocksdb::ReadFileToString(rocksdb::Env::Default(), Cat(path, "/", name), &bytes);
  if (!read.ok()) return collector.NoteUnread(Cat(name, ": ", read.ToString()));
  BatchReader reader(collector);
  const BlockLogScan scan = ScanBlockLog(bytes, [&](int64_t, std::string_view record) {
    if (record.size() < kBatchHeaderBytes) return;
    const rocksdb::WriteBatch batch{std::string(record)};
    batch.Iterate(&reader).PermitUncheckedError();
  });
  if (scan.defect.has_value()) {
    collector.NoteUnread(Cat(name, " byte ", scan.defect->offset, ": ", scan.defect->what));
  }
}

}  // namespace

absl::StatusOr<RawContent> CopyRaw(const std::string& path, Store& raw) {
  rocksdb::Env* const env = rocksdb::Env::Default();
  RawContent content;
  Collector collector(raw, content);
  for (const TableFile& table : ListTableFiles(path, env)) {
    CopyTable(path, table.name, collector);
    CREDENCE_RETURN_IF_ERROR(collector.status());
  }
  for (const std::string& name : ListWriteAheadLogs(path, env)) {
    CopyWriteAheadLog(path, name, collector);
    CREDENCE_RETURN_IF_ERROR(collector.status());
  }
  collector.Flush();
  CREDENCE_RETURN_IF_ERROR(collector.status());
  return content;
}

}  // namespace credence::ledger
