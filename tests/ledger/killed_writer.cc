// killed_writer DIRECTORY ROUND: writes to the ledger in DIRECTORY from several threads until it is
// killed. Says on standard output what it does, a line with one system call each:
//
//   S request_id                   before the write is handed over
//   A request_id position count    when it is acknowledged
#include <google/protobuf/wrappers.pb.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "credence/ledger/log.h"
#include "killed_writer.h"

namespace credence::ledger {
namespace {

constexpr int kThreads = 6;

// Shorter than PIPE_BUF, hence atomic.
void Report(const std::string& line) {
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::exit(1);
  }
}

Submission MakeWrite(const std::string& request_id) {
  Submission submission;
  submission.request_id = request_id;
  submission.body_digest = Sha256(request_id);
  submission.decide = [request_id](const DecideContext&) {
    std::vector<EventDraft> drafts;
    for (int i = 0; i < EventCount(request_id); ++i) {
      const auto payload = std::make_shared<google::protobuf::StringValue>();
      payload->set_value(Statement(request_id, i));
      EventDraft draft;
      draft.stream = StreamOf(request_id, i);
      draft.payload = payload;
      draft.actor = "tester";
      drafts.push_back(std::move(draft));
    }
    return drafts;
  };
  return submission;
}

void WriteForEver(Log& log, const std::string& name) {
  for (int64_t i = 0;; ++i) {
    const std::string request_id = absl::StrCat(name, "-", i);
    Submission submission = MakeWrite(request_id);
    absl::Notification answered;
    submission.done = [&](const absl::StatusOr<Receipt>& receipt) {
      if (!receipt.ok()) std::exit(1);
      Report(absl::StrCat("A ", request_id, " ", receipt->position.value, " ", receipt->event_count,
                          "\n"));
      answered.Notify();
    };
    Report(absl::StrCat("S ", request_id, "\n"));
    log.Submit(std::move(submission));
    answered.WaitForNotification();
  }
}

int Run(const std::string& directory, const std::string& round) {
  RealClock clock;
  absl::StatusOr<std::unique_ptr<Log>> log =
      Log::Open({.directory = directory, .clock = &clock, .limits = {}});
  if (!log.ok()) {
    std::fprintf(stderr, "%s\n", log.status().ToString().c_str());
    return 1;
  }
  (*log)->Start(nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { WriteForEver(**log, absl::StrCat("r", round, "-t", i)); });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace credence::ledger

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return credence::ledger::Run(argv[1], argv[2]);
}
