#include "credence/ledger/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "credence/base/error.h"
#include "main/commands.h"
#include "program_run.h"
#include "served.h"

// A server that backs its ledger up when it is asked to, while it takes writes.
namespace credence::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ServedBackupTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    Serve({.backup_directory = backups()});
  }

  void Serve(const ServiceOptions& options) {
    client.reset();
    served.reset();
    served = std::make_unique<Served>(data(), &clock, options);
    client = MakeClient();
  }

  [[nodiscard]] std::string backups() const { return directory_.path() + "/backups"; }
  [[nodiscard]] std::string endpoint() const { return Cat("127.0.0.1:", served->server->port()); }

  // A backup by the rpc: all its messages.
  absl::StatusOr<std::vector<v1::CreateBackupResponse>> Backup(bool verify) {
    v1::CreateBackupRequest request;
    request.set_verify(verify);
    std::vector<v1::CreateBackupResponse> messages;
    const absl::Status status =
        client->CreateBackup(request, [&](const v1::CreateBackupResponse& message) {
          messages.push_back(message);
          return true;
        });
    if (!status.ok()) return status;
    return messages;
  }

  void AddSource(client::Client& writer, const std::string& id) {
    v1::CreateSourceRequest request;
    request.set_source_id(id);
    request.mutable_source()->set_description(std::string(2'000, 'x'));
    ASSERT_TRUE(writer.CreateSource(request).ok());
  }

  Ran Run(const std::vector<std::string>& args) { return RunCommands(args, {RegisterBackup}, ""); }
};

TEST_F(ServedBackupTest, HoldsAllThatWasAcknowledgedBeforeIt) {
  for (int i = 0; i < 30; ++i) AddSource(*client, Cat("source-", i));
  const int64_t size = tree_size();
  const auto messages = Backup(true);
  ASSERT_TRUE(messages.ok()) << messages.status();
  ASSERT_FALSE(messages->empty());
  const v1::Backup& backup = messages->back().backup();
  EXPECT_EQ(backup.backup_id(), 1);
  EXPECT_EQ(backup.tree_head().tree_size(), size);
  EXPECT_EQ(backup.origin(), "test/ledger");
  EXPECT_TRUE(backup.verified());
  EXPECT_GT(backup.byte_count(), 0);
  for (size_t i = 0; i + 1 < messages->size(); ++i) {
    EXPECT_FALSE((*messages)[i].has_backup()) << "only the last message holds it";
    EXPECT_NE((*messages)[i].step(), "");
  }
  const auto report = ledger::VerifyBackup(backups(), 1);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->sound());
  EXPECT_GE(report->recorded.size.value, size);
}

TEST_F(ServedBackupTest, IsMadeWhileWritesGoOnAndSharesWhatIsThere) {
  std::atomic<bool> done = false;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      const auto own = MakeClient();
      for (int i = 0; !done; ++i) AddSource(*own, Cat("source-", writer, "-", i));
    });
  }
  int64_t previous_size = 0;
  for (int id = 1; id <= 4; ++id) {
    const int64_t before = tree_size();
    const auto messages = Backup(true);
    ASSERT_TRUE(messages.ok()) << messages.status();
    const v1::Backup& backup = messages->back().backup();
    EXPECT_EQ(backup.backup_id(), id);
    EXPECT_GE(backup.tree_head().tree_size(), before);
    EXPECT_GE(backup.tree_head().tree_size(), previous_size);
    EXPECT_TRUE(backup.verified());
    previous_size = backup.tree_head().tree_size();
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
  // Each of them is whole and restores.
  for (int id = 1; id <= 4; ++id) {
    const auto report = ledger::VerifyBackup(backups(), id);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->sound()) << id;
  }
  ledger::RestoreOptions restore;
  restore.backup_directory = backups();
  restore.ledger_directory = directory_.path() + "/restored";
  ASSERT_TRUE(ledger::RestoreBackup(restore).ok());
  const auto restored = ledger::Log::OpenReadOnly(restore.ledger_directory);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_GE((*restored)->tree_head().size.value, previous_size);
}

TEST_F(ServedBackupTest, ASecondOneCopiesLittleOfWhatDidNotChange) {
  for (int i = 0; i < 200; ++i) AddSource(*client, Cat("source-", i));
  // Closing and opening writes what is in memory into tables, which backups share.
  Serve({.backup_directory = backups()});
  ASSERT_TRUE(Backup(false).ok());
  const auto bytes_in = [&] {
    int64_t bytes = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(backups())) {
      if (file.is_regular_file()) bytes += static_cast<int64_t>(file.file_size());
    }
    return bytes;
  };
  const int64_t first = bytes_in();
  ASSERT_TRUE(Backup(false).ok());
  EXPECT_LT(bytes_in() - first, first / 2);
}

TEST_F(ServedBackupTest, EndsWithoutOneWhereTheCallerGoesAway) {
  for (int i = 0; i < 30; ++i) AddSource(*client, Cat("source-", i));
  v1::CreateBackupRequest request;
  request.set_verify(true);
  ASSERT_TRUE(
      client->CreateBackup(request, [](const v1::CreateBackupResponse&) { return false; }).ok());
  // The next caller is served, at the latest when the first backup has noticed.
  const absl::Time end = absl::Now() + absl::Seconds(30);
  absl::StatusOr<std::vector<v1::CreateBackupResponse>> again = Backup(true);
  while (!again.ok() && absl::Now() < end) {
    EXPECT_TRUE(absl::IsFailedPrecondition(again.status())) << again.status();
    absl::SleepFor(absl::Milliseconds(10));
    again = Backup(true);
  }
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->back().backup().verified());
}

TEST_F(ServedBackupTest, NeedsADirectoryOfTheServer) {
  Serve({});
  const absl::Status status = Backup(false).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(GetErrorDetail(status).reason, "WRONG_STATE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("--backup-dir"));
}

TEST_F(ServedBackupTest, DamageThatIsReadBackIsTold) {
  for (int i = 0; i < 30; ++i) AddSource(*client, Cat("source-", i));
  Serve({.backup_directory = backups()});
  ASSERT_TRUE(Backup(false).ok());
  // A file that the next backup shares is damaged where it lies.
  for (const auto& file : std::filesystem::recursive_directory_iterator(backups())) {
    if (file.path().extension() != ".sst") continue;
    std::filesystem::resize_file(file.path(), file.file_size() - 1);
  }
  const absl::Status status = Backup(true).status();
  EXPECT_FALSE(status.ok());
}

TEST_F(ServedBackupTest, TheCommandAsksTheServer) {
  AddSource(*client, "one");
  const Ran made = Run({"--endpoint", endpoint(), "backup", "create", "--verify"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("size        2 events"));
  EXPECT_THAT(made.out, HasSubstr("sound"));
  const Ran json = Run({"--endpoint", endpoint(), "--output", "json", "backup", "create"});
  EXPECT_THAT(json.out, HasSubstr("\"backupId\": 2"));
  EXPECT_THAT(json.out, HasSubstr("\"verified\": false"));
  EXPECT_THAT(ledger::ListBackups(backups()).value(), SizeIs(2));
  EXPECT_EQ(Run({"--endpoint", endpoint(), "backup", "create", "--with-key"}).exit_code, 2);
  EXPECT_EQ(Run({"backup", "create", "--data", data()}).exit_code, 2);
}

TEST_F(ServedBackupTest, TheCommandReadsBackALedgerThatNobodyServes) {
  AddSource(*client, "one");
  client.reset();
  served.reset();
  const Ran made =
      Run({"backup", "create", "--verify", "--data", data(), "--backup-dir", backups()});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("sound"));
}

}  // namespace
}  // namespace credence::server
