#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/etcd/options.h"
#include "etcd/etcdserver/etcdserverpb/rpc.grpc.pb.h"

namespace credence::etcd {

struct Member {
  std::string endpoint;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<etcdserverpb::KV::Stub> keys;
  std::unique_ptr<etcdserverpb::Watch::Stub> watches;
  std::unique_ptr<etcdserverpb::Lease::Stub> leases;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;
};

// Whether a call that failed without an answer may be sent again.
enum class Effect { kRepeatable, kOnce };

// The connections, and which member is asked first: one that served is asked again.
//
// Thread-safe.
class Members {
 public:
  // Errors as of Client::Create.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Members>> Create(const Options& options);

  using Attempt = absl::FunctionRef<grpc::Status(Member& member, grpc::ClientContext& context)>;

  // Makes the attempt at one member after another until one answers; errors as the client's header
  // has them. `timeout` is for all, `member_timeout` for each of a repeatable call.
  [[nodiscard]] absl::Status Call(Effect effect, absl::Duration timeout,
                                  absl::Duration member_timeout, Attempt attempt);
  [[nodiscard]] absl::Status Call(Effect effect, Attempt attempt) {
    return Call(effect, options_.call_timeout, options_.member_timeout, attempt);
  }

  // Makes it at this member only; errors as for repeatable calls.
  [[nodiscard]] absl::Status CallAt(size_t index, absl::Duration timeout, Attempt attempt);

  [[nodiscard]] size_t count() const { return members_.size(); }
  [[nodiscard]] Member& at(size_t index) { return members_[index]; }
  [[nodiscard]] const Options& options() const { return options_; }

  // The member to ask first.
  [[nodiscard]] size_t current() const { return current_.load() % members_.size(); }
  // Takes the next one, unless another thread did.
  void Leave(size_t index);
  // Whether it is connected, by `deadline` at the latest; at once where it refuses.
  [[nodiscard]] bool Connect(size_t index, absl::Time deadline);

 private:
  explicit Members(Options options) : options_(std::move(options)) {}

  const Options options_;
  std::vector<Member> members_;
  std::atomic<size_t> current_{0};
};

// Gives a call its deadline, and asks the member to refuse it at once where it knows no leader.
void Prepare(grpc::ClientContext& context, absl::Time deadline);

// The error of an attempt that etcd has refused, or that failed.
[[nodiscard]] absl::Status ToStatus(const grpc::Status& status, const std::string& endpoint);
// Whether another member may do better.
[[nodiscard]] bool MayDoBetter(const grpc::Status& status);

}  // namespace credence::etcd
