#include "credence/etcd/transaction.h"

#include <string>

namespace credence::etcd {

using etcdserverpb::Compare;

Compare& Transaction::Require(std::string_view key, Compare::CompareTarget target) {
  Compare& compare = *request_.add_compare();
  compare.set_result(Compare::EQUAL);
  compare.set_target(target);
  compare.set_key(std::string(key));
  return compare;
}

Transaction& Transaction::IfCreateRevision(std::string_view key, int64_t revision) {
  Require(key, Compare::CREATE).set_create_revision(revision);
  return *this;
}

Transaction& Transaction::IfModRevision(std::string_view key, int64_t revision) {
  Require(key, Compare::MOD).set_mod_revision(revision);
  return *this;
}

Transaction& Transaction::IfVersion(std::string_view key, int64_t version) {
  Require(key, Compare::VERSION).set_version(version);
  return *this;
}

Transaction& Transaction::IfValue(std::string_view key, std::string_view value) {
  Require(key, Compare::VALUE).set_value(std::string(value));
  return *this;
}

Transaction& Transaction::Put(std::string_view key, std::string_view value, int64_t lease) {
  etcdserverpb::PutRequest& put = *request_.add_success()->mutable_request_put();
  put.set_key(std::string(key));
  put.set_value(std::string(value));
  put.set_lease(lease);
  return *this;
}

Transaction& Transaction::Delete(std::string_view key) { return DeleteRange(key, ""); }

Transaction& Transaction::DeleteRange(std::string_view key, std::string_view range_end) {
  auto& range = *request_.add_success()->mutable_request_delete_range();
  range.set_key(std::string(key));
  range.set_range_end(std::string(range_end));
  return *this;
}

Transaction& Transaction::Get(std::string_view key) {
  request_.add_success()->mutable_request_range()->set_key(std::string(key));
  return *this;
}

Transaction& Transaction::ElseGet(std::string_view key) {
  request_.add_failure()->mutable_request_range()->set_key(std::string(key));
  return *this;
}

}  // namespace credence::etcd
