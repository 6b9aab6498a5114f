#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "credence/etcd/options.h"
#include "credence/etcd/transaction.h"
#include "etcd/etcdserver/etcdserverpb/rpc.pb.h"

// A client of etcd 3.4 over gRPC: keys, transactions, leases, watches and the care of a member's
// space, at several members.
//
// What a call's error says of its effect, which is what a caller of a store must know:
//
//   UNAVAILABLE   nothing was changed: no member could be reached in time, or none has a leader
//   UNKNOWN       it may have been carried out: a member was asked, and no answer came
//   others        etcd refused it, nothing was changed: RESOURCE_EXHAUSTED where its space is used
//                 up or it has too much to do, INVALID_ARGUMENT where a request is too large,
//                 OUT_OF_RANGE where a revision is compacted or of the future, NOT_FOUND for a
//                 lease that has ended, PERMISSION_DENIED and UNAUTHENTICATED
//
// Commit and CommitEach are sent once: another member is asked only where nothing was sent, or
// where a member said that it did nothing. All others change nothing or may be repeated; they are
// asked of the next member where one fails, and never give UNKNOWN.
namespace credence::etcd {

class Members;

// Thread-safe. Calls block their thread for at most Options::call_timeout, unless they say
// otherwise.
class Client {
 public:
  // Connects to nothing yet. INVALID_ARGUMENT names the field: no endpoint, one that is no URL of
  // http or https with a host and a port, schemes that differ, a file of TLS that cannot be read.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Client>> Create(const Options& options);
  // Watches and leases must be gone.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // --- Keys ---

  // Linearizable, unless the request says `serializable`.
  [[nodiscard]] absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request);

  // The key, if it exists; its header's revision is the one that it was read at. Linearizable.
  [[nodiscard]] absl::StatusOr<etcdserverpb::RangeResponse> Get(std::string_view key);

  // All keys of [key, range_end) at one revision, in their order and in pages of at most `page`
  // keys, until `visit` returns false. Returns the revision: a watch from the next one on misses
  // nothing. Each page may take call_timeout. `revision` 0 is the newest one; OUT_OF_RANGE where it
  // is compacted meanwhile.
  [[nodiscard]] absl::StatusOr<int64_t> Scan(
      std::string_view key, std::string_view range_end, int64_t revision, int64_t page,
      absl::FunctionRef<bool(const mvccpb::KeyValue&)> visit);

  // An answer whose `succeeded` is false is no error.
  [[nodiscard]] absl::StatusOr<etcdserverpb::TxnResponse> Commit(const Transaction& transaction);

  // Commits each of the transactions by itself, at most `in_flight` of them at a time and in no
  // order, at one member. The answers in the order of the transactions; the first error otherwise,
  // when all that were sent have ended: any of them may have been carried out then, whatever the
  // error. May take call_timeout for every `in_flight` of them.
  [[nodiscard]] absl::StatusOr<std::vector<etcdserverpb::TxnResponse>> CommitEach(
      absl::Span<const Transaction> transactions, size_t in_flight);

  // --- Leases ---

  // A lease that ends when it is not renewed for `time_to_live`, which etcd rounds up to seconds
  // and may lengthen. Its id, and what was granted.
  [[nodiscard]] absl::StatusOr<std::pair<int64_t, absl::Duration>> GrantLease(
      absl::Duration time_to_live);
  // Renews it, within `timeout`; how long it lives from now. NOT_FOUND where it has ended.
  [[nodiscard]] absl::StatusOr<absl::Duration> RenewLease(int64_t lease, absl::Duration timeout);
  // Ends it, and with it its keys. NOT_FOUND where it has ended.
  [[nodiscard]] absl::Status RevokeLease(int64_t lease);

  // --- Space ---

  // Drops the history before `revision`. With `physical` it returns when that is done in the file
  // too, so that defragmenting gives the space back. OUT_OF_RANGE where it is dropped already.
  [[nodiscard]] absl::Status Compact(int64_t revision, bool physical);

  [[nodiscard]] absl::StatusOr<std::vector<etcdserverpb::AlarmMember>> ListAlarms();
  // Ends an alarm. A member whose space is still used up raises it again at the next write.
  [[nodiscard]] absl::Status DisarmAlarm(const etcdserverpb::AlarmMember& alarm);

  // The members by their place in Options::endpoints. What they are asked concerns themselves, so
  // that no other one is asked in their place.
  [[nodiscard]] size_t member_count() const;
  [[nodiscard]] const std::string& endpoint(size_t member) const;
  [[nodiscard]] absl::StatusOr<etcdserverpb::StatusResponse> StatusOf(size_t member);
  // Rewrites the member's file without what is free in it; it answers nothing else meanwhile. Takes
  // up to `timeout`.
  [[nodiscard]] absl::Status Defragment(size_t member, absl::Duration timeout);

  // For the watches of this room.
  [[nodiscard]] Members& members() { return *members_; }

 private:
  explicit Client(std::unique_ptr<Members> members);

  const std::unique_ptr<Members> members_;
};

}  // namespace credence::etcd
