#include "credence/etcd/watch.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"
#include "members.h"

namespace credence::etcd {
namespace {

// Signs of life that are asked for in the longest silence.
constexpr int kPulses = 3;
// Before the next member is tried.
constexpr absl::Duration kPause = absl::Milliseconds(50);

}  // namespace

class Watch::Impl {
 public:
  Impl(Client& client, WatchOptions options)
      : members_(client.members()),
        options_(std::move(options)),
        next_revision_(options_.from_revision) {
    CREDENCE_CHECK(options_.on_events != nullptr && options_.on_end != nullptr);
    reader_ = std::thread([this] { Run(); });
    pulse_ = std::thread([this] { Pulse(); });
  }

  ~Impl() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      if (context_ != nullptr) context_->TryCancel();
    }
    reader_.join();
    pulse_.join();
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Stream = grpc::ClientReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>;

  void Run() {
    while (!Stopping()) {
      const size_t index = members_.current();
      if (members_.Connect(index, absl::Now() + members_.options().member_timeout)) {
        if (const absl::Status end = Follow(members_.at(index)); !end.ok()) {
          if (!Stopping()) options_.on_end(end);
          return;
        }
      }
      if (Stopping()) return;
      members_.Leave(index);
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kPause);
    }
  }

  // Until the member fails, or the watch ends: then the reason.
  absl::Status Follow(Member& member) {
    grpc::ClientContext context;
    context.AddMetadata("hasleader", "true");
    const std::unique_ptr<Stream> stream = member.watches->Watch(&context);
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) context.TryCancel();
      context_ = &context;
      heard_ = Clock::now();
    }
    absl::Status end;
    if (stream->Write(CreateRequest())) {
      {
        absl::MutexLock lock(&mutex_);
        stream_ = stream.get();
      }
      end = Read(*stream);
    }
    {
      absl::MutexLock lock(&mutex_);
      stream_ = nullptr;
      context_ = nullptr;
    }
    context.TryCancel();
    const grpc::Status status = stream->Finish();
    const bool refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
                         status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
    return end.ok() && refused ? ToStatus(status, member.endpoint) : end;
  }

  [[nodiscard]] etcdserverpb::WatchRequest CreateRequest() const {
    etcdserverpb::WatchRequest request;
    etcdserverpb::WatchCreateRequest& create = *request.mutable_create_request();
    create.set_key(options_.key);
    create.set_range_end(options_.range_end);
    create.set_start_revision(next_revision_);
    return request;
  }

  absl::Status Read(Stream& stream) {
    etcdserverpb::WatchResponse response;
    while (stream.Read(&response)) {
      {
        absl::MutexLock lock(&mutex_);
        heard_ = Clock::now();
      }
      if (response.canceled()) return EndOf(response);
      // A watch of what comes next begins where it was made, at whatever member it goes on.
      if (response.created() && next_revision_ == 0) {
        next_revision_ = response.header().revision() + 1;
      }
      if (!response.events().empty()) Hand(response);
    }
    return absl::OkStatus();
  }

  void Hand(const etcdserverpb::WatchResponse& response) {
    const std::vector<mvccpb::Event> events(response.events().begin(), response.events().end());
    {
      absl::MutexLock lock(&mutex_);
      handing_ = true;
    }
    options_.on_events(events);
    next_revision_ = events.back().kv().mod_revision() + 1;
    absl::MutexLock lock(&mutex_);
    handing_ = false;
    heard_ = Clock::now();
  }

  // OK where another member may go on.
  static absl::Status EndOf(const etcdserverpb::WatchResponse& response) {
    if (response.compact_revision() > 0) {
      return absl::OutOfRangeError(
          Cat("etcd: the history before revision ", response.compact_revision(), " is compacted"));
    }
    if (absl::StrContains(response.cancel_reason(), "permission denied")) {
      return absl::PermissionDeniedError(Cat("etcd: ", response.cancel_reason()));
    }
    return absl::OkStatus();
  }

  // Asks for signs of life, and gives up a member that gives none.
  void Pulse() {
    etcdserverpb::WatchRequest request;
    request.mutable_progress_request();
    absl::MutexLock lock(&mutex_);
    while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), options_.silence_max / kPulses)) {
      // A member that nobody reads meanwhile is not silent.
      if (context_ == nullptr || handing_) continue;
      if (absl::FromChrono(Clock::now() - heard_) > options_.silence_max) {
        context_->TryCancel();
      } else if (stream_ != nullptr) {
        stream_->Write(request);
      }
    }
  }

  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  Members& members_;
  const WatchOptions options_;
  // The reader's own.
  int64_t next_revision_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Clock::time_point heard_ ABSL_GUARDED_BY(mutex_);
  bool handing_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the member that is read; the stream from when it can be written by the pulse.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;

  std::thread reader_;
  std::thread pulse_;
};

Watch::Watch(Client& client, WatchOptions options)
    : impl_(std::make_unique<Impl>(client, std::move(options))) {}

Watch::~Watch() = default;

}  // namespace credence::etcd
