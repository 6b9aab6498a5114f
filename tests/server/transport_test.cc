#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "credence/base/strings.h"
#include "credence/v1/ledger_service.grpc.pb.h"
#include "engine/executor.h"
#include "grpc/health/v1/health.pb.h"
#include "service/grpc_server.h"
#include "service/router.h"

// Calls over a real socket to handlers of the test's own.
namespace credence::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr char kLedgerService[] = "credence.v1.LedgerService";

// The answers that a handler put off.
class Waiting {
 public:
  UnaryHandler Handler() {
    return [this](const CallContext&, std::string_view, Answer answer) {
      absl::MutexLock lock(&mutex_);
      answers_.push_back(std::move(answer));
    };
  }

  // The first one; waits until there is one.
  Answer First() {
    const auto some = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !answers_.empty(); };
    absl::MutexLock lock(&mutex_, absl::Condition(&some));
    return answers_.front();
  }

 private:
  absl::Mutex mutex_;
  std::vector<Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

std::string TreeHeadOfSize(int64_t size) {
  v1::GetTreeHeadResponse response;
  response.mutable_tree_head()->set_tree_size(size);
  return response.SerializeAsString();
}

class TransportTest : public testing::Test {
 protected:
  void Start() {
    auto started = GrpcServer::Start(router_, executor_, {.listen = "127.0.0.1:0"});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ =
        grpc::CreateChannel(Cat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials());
    ledger_ = v1::LedgerService::NewStub(channel_);
  }

  grpc::Status Check(const std::string& service, HealthCheckResponse& response) {
    HealthCheckRequest request;
    request.set_service(service);
    grpc::ClientContext context;
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                           grpc::internal::RpcMethod::NORMAL_RPC, channel_);
    return grpc::internal::BlockingUnaryCall(channel_.get(), method, &context, request, &response);
  }

  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> Watch(const std::string& service,
                                                                 grpc::ClientContext* context) {
    HealthCheckRequest request;
    request.set_service(service);
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch",
                                           grpc::internal::RpcMethod::SERVER_STREAMING, channel_);
    return std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>(
        grpc::internal::ClientReaderFactory<HealthCheckResponse>::Create(channel_.get(), method,
                                                                         context, request));
  }

  // What the server answers to GetTreeHead, on a thread of its own.
  std::future<grpc::Status> Call(grpc::ClientContext& context) {
    return std::async(std::launch::async, [this, &context] {
      v1::GetTreeHeadResponse response;
      return ledger_->GetTreeHead(&context, {}, &response);
    });
  }

  Executor executor_{2};
  Router router_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::LedgerService::Stub> ledger_;
};

TEST_F(TransportTest, HealthKnowsTheServerAndEachOfItsServices) {
  router_.AddUnary(kLedgerService, "GetTreeHead", Waiting().Handler());
  Start();
  HealthCheckResponse response;
  ASSERT_TRUE(Check("", response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(Check(kLedgerService, response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  const grpc::Status unknown = Check("credence.v1.LedgerServise", response);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(unknown.error_message().find("credence.v1.LedgerServise"), std::string::npos);
}

TEST_F(TransportTest, WatchOfHealthHearsOfTheDrainBeforeItEnds) {
  Start();
  grpc::ClientContext context;
  const auto watch = Watch("", &context);
  grpc::ClientContext other_context;
  const auto unknown = Watch("nothing.of.this.Name", &other_context);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(unknown->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  std::thread drain([this] { server_->Drain(absl::Now() + absl::Seconds(30)); });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(unknown->Read(&response));
  EXPECT_EQ(unknown->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drain.join();
}

TEST_F(TransportTest, CallThatItsClientLeftHoldsUpNothing) {
  Waiting waiting;
  router_.AddUnary(kLedgerService, "GetTreeHead", waiting.Handler());
  Start();
  grpc::ClientContext context;
  auto status = Call(context);
  const Answer answer = waiting.First();
  context.TryCancel();
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
  // Would wait for a call under way.
  server_->Drain(absl::InfiniteFuture());
  // Nobody is there to hear it.
  answer(TreeHeadOfSize(1));
}

TEST_F(TransportTest, DrainWaitsForTheCallsUnderWay) {
  Waiting waiting;
  router_.AddUnary(kLedgerService, "GetTreeHead", waiting.Handler());
  Start();
  grpc::ClientContext context;
  auto status = Call(context);
  const Answer answer = waiting.First();
  std::thread drain([this] { server_->Drain(absl::Now() + absl::Seconds(30)); });
  HealthCheckResponse response;
  // Whatever the drain has come to, a new call gets no answer that says that it serves after it.
  while (Check("", response).ok() && response.status() == HealthCheckResponse::SERVING) {
  }
  answer(TreeHeadOfSize(1));
  EXPECT_TRUE(status.get().ok());
  drain.join();
}

TEST_F(TransportTest, DrainCancelsAtItsDeadlineWhatIsStillUnderWay) {
  Waiting waiting;
  router_.AddUnary(kLedgerService, "GetTreeHead", waiting.Handler());
  Start();
  grpc::ClientContext context;
  auto status = Call(context);
  const Answer answer = waiting.First();
  server_->Drain(absl::Now() + absl::Milliseconds(50));
  EXPECT_FALSE(status.get().ok());
  answer(TreeHeadOfSize(1));
}

TEST_F(TransportTest, HandlerThatTakesItsTimeDoesNotHoldUpBriefOnes) {
  absl::Notification go_on;
  absl::Notification entered;
  router_.AddUnary(kLedgerService, "GetTreeHead",
                   [&](const CallContext&, std::string_view, const Answer& answer) {
                     entered.Notify();
                     go_on.WaitForNotification();
                     answer(TreeHeadOfSize(7));
                   });
  router_.AddBriefUnary(kLedgerService, "GetTile",
                        [](const CallContext&, std::string_view, const Answer& answer) {
                          answer(v1::GetTileResponse().SerializeAsString());
                        });
  Start();
  grpc::ClientContext slow;
  auto status = Call(slow);
  entered.WaitForNotification();
  grpc::ClientContext brief;
  v1::GetTileResponse response;
  EXPECT_TRUE(ledger_->GetTile(&brief, {}, &response).ok());
  go_on.Notify();
  EXPECT_TRUE(status.get().ok());
}

TEST_F(TransportTest, EachOfManyCallsAtOnceGetsItsOwnAnswer) {
  router_.AddBriefUnary(kLedgerService, "GetTile",
                        [](const CallContext&, std::string_view bytes, const Answer& answer) {
                          v1::GetTileRequest request;
                          v1::GetTileResponse response;
                          if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
                            return answer(absl::InternalError("not as it was sent"));
                          response.set_content(Cat(request.index()));
                          answer(response.SerializeAsString());
                        });
  Start();
  constexpr int kCalls = 500;
  struct Lane {
    grpc::ClientContext context;
    v1::GetTileRequest request;
    v1::GetTileResponse response;
    std::promise<grpc::Status> done;
  };
  std::vector<Lane> lanes(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    Lane& lane = lanes[static_cast<size_t>(i)];
    lane.request.set_index(i + 1);
    ledger_->async()->GetTile(&lane.context, &lane.request, &lane.response,
                              [&lane](grpc::Status status) { lane.done.set_value(status); });
  }
  for (Lane& lane : lanes) {
    EXPECT_TRUE(lane.done.get_future().get().ok());
    EXPECT_EQ(lane.response.content(), Cat(lane.request.index()));
  }
}

}  // namespace
}  // namespace credence::server
