// Measures a served ledger against yardsticks on the same machine in the same run:
//   - an empty gRPC service that answers messages of the same size, in a process of its own;
//   - RocksDB alone, one synced write of as many entries of the same size as a batch holds.
// Then a new report on the case, and reopening a ledger of a million events.
//
//   credence_server_bench CREDENCE CASE_DIRECTORY OUTPUT.json [IN_FLIGHT [BATCH]]
//       with IN_FLIGHT, only single forecasts of so many calls in flight; with BATCH too, only
//       batches of that size
//   credence_server_bench echo PORT_FILE      (the yardstick's own process)

#include <grpcpp/grpcpp.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "credence/v1/inference_service.grpc.pb.h"
#include "credence/v1/ledger_service.grpc.pb.h"
#include "credence/v1/question_service.grpc.pb.h"
#include "load.h"
#include "process.h"

namespace credence::bench {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Answers at once, with as many bytes as a ledger's answer has.
class EchoService final : public v1::ForecastService::CallbackService {
 public:
  grpc::ServerUnaryReactor* CreateForecast(grpc::CallbackServerContext* context,
                                           const v1::CreateForecastRequest* request,
                                           v1::CreateForecastResponse* response) override {
    *response->mutable_forecast() = request->forecast();
    response->mutable_forecast()->set_name("questions/q1/forecasts/f1000000");
    response->mutable_receipt()->set_leaf_hash(std::string(32, 'x'));
    response->mutable_receipt()->set_request_id(request->options().request_id());
    response->mutable_receipt()->set_position(1'000'000);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int RunEcho(const std::string& port_file) {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  std::ofstream(port_file) << port << "\n";
  server->Wait();
  return 0;
}

std::shared_ptr<grpc::Channel> Connect(int port) {
  return grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
}

void Check(const grpc::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "a call failed: %s\n", status.error_message().c_str());
  std::exit(1);
}

// Questions and forecasters that the load speaks of.
void Prepare(const std::shared_ptr<grpc::Channel>& channel) {
  const auto questions = v1::QuestionService::NewStub(channel);
  for (int i = 0; i < 64; ++i) {
    grpc::ClientContext context;
    v1::CreateQuestionRequest request;
    request.set_question_id(absl::StrCat("q", i));
    request.mutable_question()->set_title("Will it happen?");
    request.mutable_question()->mutable_close_time()->set_seconds(4'000'000'000);
    auto& prior = *request.mutable_question()->mutable_prior()->mutable_fixed();
    prior.add_probabilities(0.5);
    prior.add_probabilities(0.5);
    v1::CreateQuestionResponse response;
    Check(questions->CreateQuestion(&context, request, &response));
  }
  const auto forecasts = v1::ForecastService::NewStub(channel);
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext context;
    v1::CreateForecasterRequest request;
    request.set_forecaster_id(absl::StrCat("f", i));
    v1::CreateForecasterResponse response;
    Check(forecasts->CreateForecaster(&context, request, &response));
  }
}

// Entries a second of RocksDB alone, `batch` entries of 330 bytes with a synced write each time.
double BareRocksDb(const std::string& directory, int batch) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, directory, &opened).ok()) std::exit(1);
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::string entry(330, 'e');
  rocksdb::WriteOptions write;
  write.sync = true;
  int64_t count = 0;
  const auto begin = SteadyClock::now();
  while (SecondsSince(begin) < 2) {
    rocksdb::WriteBatch writes;
    for (int i = 0; i < batch; ++i)
      writes.Put(absl::StrCat(absl::Hex(count++, absl::kZeroPad16)), entry);
    if (!db->Write(write, &writes).ok()) std::exit(1);
  }
  return static_cast<double>(count) / SecondsSince(begin);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench(std::string program, std::string cases, std::string output, int only, int batch)
      : program_(std::move(program)),
        cases_(std::move(cases)),
        output_(std::move(output)),
        only_(only),
        batch_(batch) {
    directory_ = fs::temp_directory_path() / absl::StrCat("credence-bench-", getpid());
    fs::create_directories(directory_);
  }
  ~Bench() { fs::remove_all(directory_); }

  int Run() {
    const std::string echo_port = directory_ / "echo.port";
    const Process echo({fs::read_symlink("/proc/self/exe"), "echo", echo_port}, Log("echo"));
    RunToEnd({program_, "init", "--data", Data(), "--origin", "bench.example"}, Log("init"));
    auto server = Serve();
    channel_ = Connect(server_port_);
    Prepare(channel_);
    const auto ledger = v1::ForecastService::NewStub(channel_);
    const auto yardstick = v1::ForecastService::NewStub(Connect(WaitForPort(echo_port)));
    if (batch_ > 0) {
      Batches(*ledger, *server, batch_);
      return 0;
    }
    std::printf("one forecast a call, durable, against an empty gRPC echo\n");
    std::printf("%10s %12s %12s %8s %10s %10s %10s %10s\n", "in flight", "events/s", "echo/s",
                "ratio", "p50 us", "p99 us", "CPU us", "echo's");
    const std::vector<int> all = {1, 64, 512};
    for (const int in_flight : only_ > 0 ? std::vector<int>{only_} : all) {
      Compare(*ledger, *server, *yardstick, echo, in_flight);
    }
    Proofs(*ledger);
    Overload(*ledger, *server);
    if (only_ > 0) return 0;
    std::printf(
        "\nbatches, durable, against RocksDB alone with a synced write of as many entries\n");
    std::printf("%10s %12s %12s %8s %10s %10s %10s\n", "batch", "events/s", "bare/s", "ratio",
                "p50 us", "p99 us", "CPU us");
    for (const int batch : {100, 1'000}) Batches(*ledger, *server, batch);
    Fill(*ledger);
    Reopen(std::move(server));
    Case();
    std::ofstream(output_) << Json();
    return 0;
  }

 private:
  std::string Data() const { return directory_ / "ledger"; }
  std::string Log(const std::string& name) const { return directory_ / (name + ".log"); }

  std::unique_ptr<Process> Serve() {
    const std::string port_file = directory_ / "port";
    fs::remove(port_file);
    auto server = std::make_unique<Process>(
        std::vector<std::string>{program_, "serve", "--data", Data(), "--listen", "127.0.0.1:0",
                                 "--port-file", port_file},
        Log("serve"));
    server_port_ = WaitForPort(port_file);
    return server;
  }

  // Three rounds of each in turn; the median of the ratios. The time on a core that a call takes of
  // either process, unlike the rate, hardly depends on what else the machine does.
  void Compare(ForecastStub& ledger, const Process& server, ForecastStub& yardstick,
               const Process& echo, int in_flight) {
    std::vector<double> ratios;
    LoadResult ours;
    LoadResult theirs;
    double our_cpu_us = 0;
    double their_cpu_us = 0;
    for (int round = 0; round < 3; ++round) {
      LoadOptions options;
      options.in_flight = in_flight;
      options.run = ++run_;
      std::tie(theirs, their_cpu_us) = RunWithCpu(yardstick, echo, options);
      std::tie(ours, our_cpu_us) = RunWithCpu(ledger, server, options);
      ratios.push_back(ours.CallsPerSecond() / theirs.CallsPerSecond());
    }
    std::printf("%10d %12.0f %12.0f %8.2f %10.0f %10.0f %10.1f %10.1f\n", in_flight,
                ours.CallsPerSecond(), theirs.CallsPerSecond(), Median(ratios), ours.p50_us,
                ours.p99_us, our_cpu_us, their_cpu_us);
    const std::string name = absl::StrCat("single.", in_flight);
    figures_[absl::StrCat(name, ".events_per_second")] = ours.CallsPerSecond();
    figures_[absl::StrCat(name, ".echo_ratio")] = Median(ratios);
    figures_[absl::StrCat(name, ".p50_us")] = ours.p50_us;
    figures_[absl::StrCat(name, ".p99_us")] = ours.p99_us;
    figures_[absl::StrCat(name, ".cpu_us")] = our_cpu_us;
    figures_[absl::StrCat(name, ".echo_cpu_us")] = their_cpu_us;
  }

  // What a round gives, and the microseconds on a core that a call took of `process`.
  static std::pair<LoadResult, double> RunWithCpu(ForecastStub& stub, const Process& process,
                                                  const LoadOptions& options) {
    const double before = process.CpuSeconds();
    const LoadResult result = RunForecasts(stub, options);
    const double seconds = process.CpuSeconds() - before;
    return {result, seconds * 1e6 / static_cast<double>(result.call_count)};
  }

  // The answer with a proof against the plain durable one, in turn; the median of the ratios.
  void Proofs(ForecastStub& ledger) {
    constexpr int kInFlight = 64;
    std::vector<double> ratios;
    LoadResult plain;
    LoadResult proved;
    for (int round = 0; round < 5; ++round) {
      LoadOptions options;
      options.in_flight = kInFlight;
      options.run = ++run_;
      plain = RunForecasts(ledger, options);
      options.run = ++run_;
      options.with_proof = true;
      proved = RunForecasts(ledger, options);
      ratios.push_back(proved.p99_us / plain.p99_us);
    }
    std::printf(
        "\n%d in flight: p99 with proof and checkpoint %.0f us, plain %.0f us; median ratio %.2f\n",
        kInFlight, proved.p99_us, plain.p99_us, Median(ratios));
    figures_["proof.64.p99_us"] = proved.p99_us;
    figures_["proof.64.plain_p99_us"] = plain.p99_us;
    figures_["proof.64.p99_ratio"] = Median(ratios);
    figures_["proof.64.events_per_second"] = proved.CallsPerSecond();
  }

  // Ten times as many calls in flight as it takes to be busy, in turn with that; the median of the
  // ratios of what was answered, and what memory it took.
  void Overload(ForecastStub& ledger, const Process& server) {
    constexpr int kBusy = 512;
    std::vector<double> ratios;
    const double before_mib = static_cast<double>(server.ResidentKib()) / 1024.0;
    for (int round = 0; round < 3; ++round) {
      LoadOptions options;
      options.in_flight = kBusy;
      options.run = ++run_;
      const LoadResult busy = RunForecasts(ledger, options);
      options.in_flight = 10 * kBusy;
      options.run = ++run_;
      const LoadResult overloaded = RunForecasts(ledger, options);
      ratios.push_back(overloaded.CallsPerSecond() / busy.CallsPerSecond());
    }
    const double after_mib = static_cast<double>(server.ResidentKib()) / 1024.0;
    std::printf(
        "\n%d calls in flight: %.2f of the events/s of %d (median); %.0f MiB resident, %.0f "
        "before\n",
        10 * kBusy, Median(ratios), kBusy, after_mib, before_mib);
    figures_["overload.goodput_ratio"] = Median(ratios);
    figures_["overload.resident_mib"] = after_mib;
  }

  void Batches(ForecastStub& ledger, const Process& server, int batch) {
    const double bare = BareRocksDb(directory_ / absl::StrCat("bare-", batch), batch);
    LoadOptions options;
    options.in_flight = 4;
    options.batch = batch;
    options.run = ++run_;
    const auto [result, call_cpu_us] = RunWithCpu(ledger, server, options);
    const double rate = result.CallsPerSecond() * batch;
    std::printf("%10d %12.0f %12.0f %8.2f %10.0f %10.0f %10.1f\n", batch, rate, bare, rate / bare,
                result.p50_us, result.p99_us, call_cpu_us / batch);
    figures_[absl::StrCat("batch.", batch, ".events_per_second")] = rate;
    figures_[absl::StrCat("batch.", batch, ".rocksdb_ratio")] = rate / bare;
  }

  int64_t Size() {
    const auto stub = v1::LedgerService::NewStub(channel_);
    grpc::ClientContext context;
    v1::GetTreeHeadResponse response;
    Check(stub->GetTreeHead(&context, {}, &response));
    return response.tree_head().tree_size();
  }

  void Fill(ForecastStub& ledger) {
    while (Size() < 1'000'000) {
      LoadOptions options;
      options.in_flight = 4;
      options.batch = 1'000;
      options.seconds = 1;
      options.run = ++run_;
      (void)RunForecasts(ledger, options);
    }
  }

  void Reopen(std::unique_ptr<Process> server) {
    const int64_t size = Size();
    server->Kill(SIGKILL);
    server->Wait();
    const auto begin = SteadyClock::now();
    const auto again = Serve();
    const double seconds = SecondsSince(begin);
    channel_ = Connect(server_port_);
    if (Size() != size) {
      std::fprintf(stderr, "the reopened ledger has another size\n");
      std::exit(1);
    }
    const double resident_mib = static_cast<double>(again->ResidentKib()) / 1024.0;
    std::printf("\nafter kill -9 at %ld events: serves again in %.2f s with %.0f MiB resident\n",
                size, seconds, resident_mib);
    figures_["reopen.events"] = static_cast<double>(size);
    figures_["reopen.seconds"] = seconds;
    figures_["reopen.resident_mib"] = resident_mib;
  }

  // One new report on the case at a time, answered when it is durable and its posterior published.
  void Case() {
    fs::remove_all(Data());
    RunToEnd({program_, "init", "--data", Data(), "--origin", "bench.example"}, Log("init"));
    const auto server = Serve();
    channel_ = Connect(server_port_);
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(cases_)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".yaml") && name < "50") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
      RunToEnd(
          {program_, "--endpoint", absl::StrCat("127.0.0.1:", server_port_), "apply", "-f", file},
          Log("apply"));
    }
    std::vector<double> writes;
    std::vector<double> reads;
    for (int i = 0; i < 300; ++i) {
      writes.push_back(NewReport(i));
      reads.push_back(Query());
    }
    std::printf(
        "\non the case: a new report is durable and published in %.0f us (median), a "
        "posterior is read in %.0f us\n",
        Median(writes), Median(reads));
    figures_["case.report_p50_us"] = Median(writes);
    figures_["case.query_p50_us"] = Median(reads);
  }

  double NewReport(int number) {
    const auto stub = v1::EvidenceService::NewStub(channel_);
    grpc::ClientContext context;
    v1::CreateEvidenceRequest request;
    request.set_parent("networks/afghanistan-2021");
    request.set_evidence_id(absl::StrCat("report-", number));
    request.mutable_evidence()->mutable_model()->set_node("china-recognizes");
    request.mutable_evidence()->mutable_model()->set_likelihood_ratio(number % 2 == 0 ? 1.1 : 0.9);
    request.mutable_evidence()->mutable_model()->mutable_occur_time()->set_seconds(1'636'000'000);
    request.mutable_options()->mutable_effective_time()->set_seconds(1'636'000'000);
    v1::CreateEvidenceResponse response;
    const auto begin = SteadyClock::now();
    Check(stub->CreateEvidence(&context, request, &response));
    return SecondsSince(begin) * 1e6;
  }

  double Query() {
    const auto stub = v1::InferenceService::NewStub(channel_);
    grpc::ClientContext context;
    v1::QueryPosteriorRequest request;
    request.mutable_target()->set_name("questions/china-recognizes");
    request.mutable_target()->mutable_effective_time()->set_seconds(1'636'000'000);
    v1::QueryPosteriorResponse response;
    const auto begin = SteadyClock::now();
    Check(stub->QueryPosterior(&context, request, &response));
    return SecondsSince(begin) * 1e6;
  }

  std::string Json() const {
    std::string json = "{";
    for (const auto& [name, value] : figures_) {
      absl::StrAppend(&json, json.size() > 1 ? ",\n " : "\n ", "\"", name, "\": ", value);
    }
    return json + "\n}\n";
  }

  const std::string program_;
  const std::string cases_;
  const std::string output_;
  // Calls in flight of the only comparison to run; 0 for everything.
  const int only_;
  // Size of the only batches to run; 0 for everything.
  const int batch_;
  fs::path directory_;
  int server_port_ = 0;
  int run_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::map<std::string, double> figures_;
};

}  // namespace
}  // namespace credence::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "echo") return credence::bench::RunEcho(argv[2]);
  if (argc < 4 || argc > 6) {
    std::fprintf(stderr, "usage: %s CREDENCE CASE_DIRECTORY OUTPUT.json [IN_FLIGHT [BATCH]]\n",
                 argv[0]);
    return 2;
  }
  const int only = argc > 4 ? std::atoi(argv[4]) : 0;
  const int batch = argc > 5 ? std::atoi(argv[5]) : 0;
  return credence::bench::Bench(argv[1], argv[2], argv[3], only, batch).Run();
}
