#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster_keys.h"
#include "credence/etcd/client.h"
#include "etcd_commit_log.h"
#include "etcd_members.h"
#include "leadership.h"
#include "ledger_fixture.h"
#include "replica.h"

namespace credence::ledger {

// Counts what is in each stream and remembers the texts, as a server's projections do.
class TellingProjection final : public Projection {
 public:
  void Fold(const SequencedEvent& event) override;
  BatchSteps Seal(StateWriter& state, TreeSize size) override;

 private:
  std::map<std::string, int64_t> counts_;
  std::map<int64_t, std::string> texts_;
};

// A forecast with a text that can be erased, in the streams of its question and its forecaster.
[[nodiscard]] EventDraft LinkedForecast(const std::string& rationale);

// All that a database holds, by family and key.
using Contents = std::map<std::pair<size_t, std::string>, std::string>;
[[nodiscard]] Contents ContentsOf(const Store& store);

// Two servers of one ledger: one that leads, whose directory is the fixture's, and copies of it as
// it was created.
class ClusterFixture : public LedgerFixture {
 protected:
  explicit ClusterFixture(size_t member_count = 1);
  // The log uses the client.
  ~ClusterFixture() override { Close(); }

  // A copy of the ledger as it stands, which nobody has open.
  [[nodiscard]] std::string Copy();

  // Becomes leader as `server`.
  [[nodiscard]] std::unique_ptr<Leadership> Lead(const std::string& server);
  // Opens the ledger in `directory` to lead in a term.
  [[nodiscard]] std::unique_ptr<Log> OpenLeading(const std::string& directory, int64_t term,
                                                 Projection* projection = nullptr);

  // Brings a replica up to a log of `size`.
  void FollowTo(Replica& replica, TreeSize size);

  etcd::EtcdMembers members_;
  const std::unique_ptr<etcd::Client> client_;
  const ClusterKeys keys_{"example.org/test"};
  EtcdCommitLog::Settings settings_;

 private:
  std::vector<std::unique_ptr<TemporaryDirectory>> copies_;
};

}  // namespace credence::ledger
