#include "credence/etcd/client.h"

#include <algorithm>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "members.h"

namespace credence::etcd {
namespace {

// Calls under way at one member, none of which waits for another.
class Flights {
 public:
  Flights(Member& member, absl::Duration timeout, size_t in_flight)
      : member_(member), timeout_(timeout), in_flight_(in_flight) {}

  // Starts one more, when there is room. False where one failed before: nothing is started then.
  bool Start(const etcdserverpb::TxnRequest& request) {
    absl::MutexLock lock(&mutex_, absl::Condition(this, &Flights::HasRoom));
    if (!failure_.ok()) return false;
    Flight& flight = flights_.emplace_back();
    ++running_;
    Prepare(flight.context, absl::Now() + timeout_);
    member_.keys->async()->Txn(&flight.context, &request, &flight.response,
                               [this](const grpc::Status& status) { End(status); });
    return true;
  }

  absl::StatusOr<std::vector<etcdserverpb::TxnResponse>> Await() {
    absl::MutexLock lock(&mutex_, absl::Condition(this, &Flights::AllEnded));
    if (!failure_.ok()) return failure_;
    std::vector<etcdserverpb::TxnResponse> responses;
    responses.reserve(flights_.size());
    for (Flight& flight : flights_) responses.push_back(std::move(flight.response));
    return responses;
  }

 private:
  struct Flight {
    grpc::ClientContext context;
    etcdserverpb::TxnResponse response;
  };

  void End(const grpc::Status& status) {
    absl::MutexLock lock(&mutex_);
    --running_;
    if (status.ok() || !failure_.ok()) return;
    failure_ =
        MayDoBetter(status)
            ? absl::UnknownError(Cat("etcd at ", member_.endpoint, ": ", status.error_message()))
            : ToStatus(status, member_.endpoint);
  }
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ < in_flight_; }
  bool AllEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; }

  Member& member_;
  const absl::Duration timeout_;
  const size_t in_flight_;
  absl::Mutex mutex_;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  // A deque, so that none moves while it is under way.
  std::deque<Flight> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const Options& options) {
  CREDENCE_ASSIGN_OR_RETURN(std::unique_ptr<Members> members, Members::Create(options));
  return std::unique_ptr<Client>(new Client(std::move(members)));
}

Client::Client(std::unique_ptr<Members> members) : members_(std::move(members)) {}

Client::~Client() = default;

absl::StatusOr<etcdserverpb::RangeResponse> Client::Range(
    const etcdserverpb::RangeRequest& request) {
  etcdserverpb::RangeResponse response;
  CREDENCE_RETURN_IF_ERROR(
      members_->Call(Effect::kRepeatable, [&](Member& member, grpc::ClientContext& context) {
        return member.keys->Range(&context, request, &response);
      }));
  return response;
}

absl::StatusOr<etcdserverpb::RangeResponse> Client::Get(std::string_view key) {
  etcdserverpb::RangeRequest request;
  request.set_key(std::string(key));
  return Range(request);
}

absl::StatusOr<int64_t> Client::Scan(std::string_view key, std::string_view range_end,
                                     int64_t revision, int64_t page,
                                     absl::FunctionRef<bool(const mvccpb::KeyValue&)> visit) {
  CREDENCE_CHECK(page > 0);
  etcdserverpb::RangeRequest request;
  request.set_key(std::string(key));
  request.set_range_end(std::string(range_end));
  request.set_revision(revision);
  request.set_limit(page);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const etcdserverpb::RangeResponse response, Range(request));
    // The first page says what "newest" is.
    if (request.revision() == 0) request.set_revision(response.header().revision());
    for (const mvccpb::KeyValue& pair : response.kvs()) {
      if (!visit(pair)) return request.revision();
    }
    if (!response.more() || response.kvs().empty()) return request.revision();
    // The least key after the last one.
    request.set_key(Cat(response.kvs(response.kvs_size() - 1).key(), std::string(1, '\0')));
  }
}

absl::StatusOr<etcdserverpb::TxnResponse> Client::Commit(const Transaction& transaction) {
  etcdserverpb::TxnResponse response;
  CREDENCE_RETURN_IF_ERROR(
      members_->Call(Effect::kOnce, [&](Member& member, grpc::ClientContext& context) {
        return member.keys->Txn(&context, transaction.request(), &response);
      }));
  return response;
}

absl::StatusOr<std::vector<etcdserverpb::TxnResponse>> Client::CommitEach(
    absl::Span<const Transaction> transactions, size_t in_flight) {
  CREDENCE_CHECK(in_flight > 0);
  if (transactions.empty()) return std::vector<etcdserverpb::TxnResponse>();
  // A call that sends nothing finds one that is connected.
  Member* member = nullptr;
  CREDENCE_RETURN_IF_ERROR(
      members_->Call(Effect::kRepeatable, [&](Member& connected, grpc::ClientContext&) {
        member = &connected;
        return grpc::Status::OK;
      }));
  Flights flights(*member, members_->options().call_timeout, in_flight);
  for (const Transaction& transaction : transactions) {
    if (!flights.Start(transaction.request())) break;
  }
  auto responses = flights.Await();
  // It may be connected and stand still.
  if (!responses.ok()) members_->Leave(static_cast<size_t>(member - &members_->at(0)));
  return responses;
}

absl::StatusOr<std::pair<int64_t, absl::Duration>> Client::GrantLease(absl::Duration time_to_live) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(absl::ToInt64Seconds(absl::Ceil(time_to_live, absl::Seconds(1))));
  etcdserverpb::LeaseGrantResponse response;
  // One that was granted without an answer ends by itself.
  CREDENCE_RETURN_IF_ERROR(
      members_->Call(Effect::kRepeatable, [&](Member& member, grpc::ClientContext& context) {
        return member.leases->LeaseGrant(&context, request, &response);
      }));
  return std::pair(response.id(), absl::Seconds(response.ttl()));
}

absl::StatusOr<absl::Duration> Client::RenewLease(int64_t lease, absl::Duration timeout) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseKeepAliveResponse response;
  CREDENCE_RETURN_IF_ERROR(members_->Call(
      Effect::kRepeatable, timeout, std::min(timeout, members_->options().member_timeout),
      [&](Member& member, grpc::ClientContext& context) {
        const auto stream = member.leases->LeaseKeepAlive(&context);
        const bool answered = stream->Write(request) && stream->Read(&response);
        stream->WritesDone();
        const grpc::Status status = stream->Finish();
        return answered ? grpc::Status::OK : status;
      }));
  if (response.ttl() > 0) return absl::Seconds(response.ttl());
  return absl::NotFoundError(Cat("etcd: the lease ", lease, " has ended"));
}

absl::Status Client::RevokeLease(int64_t lease) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseRevokeResponse response;
  return members_->Call(Effect::kRepeatable, [&](Member& member, grpc::ClientContext& context) {
    return member.leases->LeaseRevoke(&context, request, &response);
  });
}

absl::Status Client::Compact(int64_t revision, bool physical) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(revision);
  request.set_physical(physical);
  etcdserverpb::CompactionResponse response;
  const absl::Duration timeout = members_->options().call_timeout;
  return members_->Call(Effect::kRepeatable, timeout, timeout,
                        [&](Member& member, grpc::ClientContext& context) {
                          return member.keys->Compact(&context, request, &response);
                        });
}

absl::StatusOr<std::vector<etcdserverpb::AlarmMember>> Client::ListAlarms() {
  etcdserverpb::AlarmRequest request;
  request.set_action(etcdserverpb::AlarmRequest::GET);
  request.set_alarm(etcdserverpb::NONE);
  etcdserverpb::AlarmResponse response;
  CREDENCE_RETURN_IF_ERROR(
      members_->Call(Effect::kRepeatable, [&](Member& member, grpc::ClientContext& context) {
        return member.maintenance->Alarm(&context, request, &response);
      }));
  return std::vector<etcdserverpb::AlarmMember>(response.alarms().begin(), response.alarms().end());
}

absl::Status Client::DisarmAlarm(const etcdserverpb::AlarmMember& alarm) {
  etcdserverpb::AlarmRequest request;
  request.set_action(etcdserverpb::AlarmRequest::DEACTIVATE);
  request.set_memberid(alarm.memberid());
  request.set_alarm(alarm.alarm());
  etcdserverpb::AlarmResponse response;
  return members_->Call(Effect::kRepeatable, [&](Member& member, grpc::ClientContext& context) {
    return member.maintenance->Alarm(&context, request, &response);
  });
}

size_t Client::member_count() const { return members_->count(); }

const std::string& Client::endpoint(size_t member) const { return members_->at(member).endpoint; }

absl::StatusOr<etcdserverpb::StatusResponse> Client::StatusOf(size_t member) {
  etcdserverpb::StatusResponse response;
  CREDENCE_RETURN_IF_ERROR(members_->CallAt(
      member, members_->options().member_timeout, [&](Member& at, grpc::ClientContext& context) {
        return at.maintenance->Status(&context, etcdserverpb::StatusRequest(), &response);
      }));
  return response;
}

absl::Status Client::Defragment(size_t member, absl::Duration timeout) {
  etcdserverpb::DefragmentResponse response;
  return members_->CallAt(member, timeout, [&](Member& at, grpc::ClientContext& context) {
    return at.maintenance->Defragment(&context, etcdserverpb::DefragmentRequest(), &response);
  });
}

}  // namespace credence::etcd
