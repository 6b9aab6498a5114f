#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/time/time.h"
#include "credence/client/client.h"
#include "credence/ledger/tree.h"
#include "credence/v1/common.pb.h"

// Checks a served log against what its writers were told, and against itself. Each step reads only
// the events that the step before did not: the hash tree ties the older ones to the new head.
namespace credence::crash {

// Failures are reported to GoogleTest. Not thread-safe.
class LogAudit {
 public:
  // Reads the events that are new since the last call and checks that they stand at contiguous
  // positions up to the size of the served tree, that the root derived from their leaf hashes is
  // the served root, that no two writes have one request id, and that a consequence follows its
  // cause within the write. The events of one write are those of one record time. Nobody may write
  // meanwhile.
  void Read(client::Client& client);

  // Checks that the events read since the last call are exactly the writes of these receipts: each
  // at its position, with its request id, its leaf hash and its number of events.
  void Match(const std::vector<v1::Receipt>& receipts);

  // Leaves the events read so far out of the next match.
  void SkipUnmatched() { writes_.clear(); }

  // Whether some write that was read has this request id.
  [[nodiscard]] bool Holds(const std::string& request_id) const {
    return request_ids_.contains(request_id);
  }
  [[nodiscard]] int64_t size() const { return tree_.size().value; }
  [[nodiscard]] int64_t write_count() const { return static_cast<int64_t>(request_ids_.size()); }
  [[nodiscard]] ledger::Hash root() const { return tree_.root(); }

 private:
  // The events of one append.
  struct Write {
    int64_t position = 0;
    int64_t event_count = 0;
    absl::Time record_time;
    std::string request_id;
    std::string leaf_hash;
  };

  void ReadPages(client::Client& client);
  void Add(const v1::Event& event);

  ledger::TreeFrontier tree_;
  std::unordered_set<std::string> request_ids_;
  // Since the last match, by position.
  std::vector<Write> writes_;
};

}  // namespace credence::crash
