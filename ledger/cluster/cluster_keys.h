#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "credence/base/strings.h"
#include "credence/ledger/position.h"

namespace credence::ledger {

// Where a ledger's log stands in etcd. Numbers are in hexadecimal of 16 digits, so that keys sort
// by them.
//
//   credence/ORIGIN/head                  credence.cluster.v1.Head; never deleted, so that its
//                                         version counts the batches
//   credence/ORIGIN/leader                credence.cluster.v1.Leader, under the leader's lease;
//                                         the revision that made it is the leader's term
//   credence/ORIGIN/batches/FIRST         credence.cluster.v1.CommittedBatch
//   credence/ORIGIN/parts/FIRST/TERM/N    a part of a batch that is too large for one request
class ClusterKeys {
 public:
  explicit ClusterKeys(std::string_view origin) : prefix_(Cat("credence/", origin, "/")) {}

  [[nodiscard]] std::string Head() const { return prefix_ + "head"; }
  [[nodiscard]] std::string Leader() const { return prefix_ + "leader"; }
  // What the keys of all batches begin with.
  [[nodiscard]] std::string Batches() const { return prefix_ + "batches/"; }
  [[nodiscard]] std::string Batch(Position first) const { return Batches() + Number(first.value); }
  // What the keys of all parts of a batch begin with.
  [[nodiscard]] std::string Parts(Position first, int64_t term) const {
    return Cat(prefix_, "parts/", Number(first.value), "/", Number(term), "/");
  }
  [[nodiscard]] std::string Part(Position first, int64_t term, int64_t part) const {
    return Parts(first, term) + Number(part);
  }

 private:
  static std::string Number(int64_t value) { return absl::StrFormat("%016x", value); }

  const std::string prefix_;
};

}  // namespace credence::ledger
