#pragma once

#include <cstdint>
#include <string_view>

#include "etcd/etcdserver/etcdserverpb/rpc.pb.h"

namespace credence::etcd {

// Builds a transaction: where all conditions hold, what is to be done then, else what is to be read
// instead. etcd takes at most 128 operations a branch and 1.5 MiB in all, unless its members are
// told otherwise (--max-txn-ops, --max-request-bytes). A key may be changed once only.
//
// A key that does not exist has the revisions 0 and the version 0.
class Transaction {
 public:
  // Conditions: the key was made, or changed last, by the given revision; it was changed so many
  // times since it was made; its value is the given one.
  Transaction& IfCreateRevision(std::string_view key, int64_t revision);
  Transaction& IfModRevision(std::string_view key, int64_t revision);
  Transaction& IfVersion(std::string_view key, int64_t version);
  Transaction& IfValue(std::string_view key, std::string_view value);
  Transaction& IfAbsent(std::string_view key) { return IfCreateRevision(key, 0); }

  // `lease` 0 is none; else the key goes when the lease ends.
  Transaction& Put(std::string_view key, std::string_view value, int64_t lease = 0);
  Transaction& Delete(std::string_view key);
  // All keys of [key, range_end).
  Transaction& DeleteRange(std::string_view key, std::string_view range_end);
  Transaction& Get(std::string_view key);

  Transaction& ElseGet(std::string_view key);

  [[nodiscard]] const etcdserverpb::TxnRequest& request() const { return request_; }

 private:
  etcdserverpb::Compare& Require(std::string_view key, etcdserverpb::Compare::CompareTarget target);

  etcdserverpb::TxnRequest request_;
};

}  // namespace credence::etcd
