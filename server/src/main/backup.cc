#include "credence/ledger/backup.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "main/commands.h"
#include "main/progress.h"

namespace credence::server {
namespace {

struct BackupFlags {
  std::string backup_directory;
  std::string data;
  std::string key_file;
  int64_t id = 0;
  int64_t keep = 0;
  bool with_key = false;
  bool verify = false;
};

void FillJson(const ledger::BackupInfo& info, google::protobuf::Struct& json) {
  auto& fields = *json.mutable_fields();
  fields["backupId"].set_number_value(static_cast<double>(info.id));
  fields["createTime"].set_string_value(
      absl::FormatTime(absl::RFC3339_sec, info.time, absl::UTCTimeZone()));
  fields["origin"].set_string_value(info.origin);
  fields["size"].set_number_value(static_cast<double>(info.head.size.value));
  fields["root"].set_string_value(ledger::ToHex(info.head.root));
  fields["fileCount"].set_number_value(static_cast<double>(info.file_count));
  fields["byteCount"].set_number_value(static_cast<double>(info.byte_count));
}

absl::Status PrintJson(const google::protobuf::Struct& json, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(json, &text, options).ok()) {
    return absl::InternalError("the backup's origin is not valid UTF-8");
  }
  out << text;
  return absl::OkStatus();
}

absl::Status PrintBackup(const ledger::BackupInfo& info, bool verified, cli::CliContext& context) {
  if (context.flags().output == cli::OutputFormat::kJson) {
    google::protobuf::Struct json;
    FillJson(info, json);
    (*json.mutable_fields())["verified"].set_bool_value(verified);
    return PrintJson(json, context.out());
  }
  context.out() << "backup      " << info.id << "\n";
  if (!info.origin.empty()) context.out() << "origin      " << info.origin << "\n";
  context.out() << "size        " << info.head.size.value << " events, or more\n"
                << "root        " << ledger::ToHex(info.head.root) << "\n"
                << "files       " << info.file_count << ", " << info.byte_count << " bytes\n";
  if (verified) context.out() << "sound\n";
  return absl::OkStatus();
}

absl::StatusOr<ledger::FsckReport> ReadBack(const std::string& directory, int64_t id,
                                            ProgressLine& progress) {
  return ledger::VerifyBackup(directory, id, [&](const ledger::FsckProgress& step) {
    progress.Show(step.step, step.done, step.total);
  });
}

absl::Status Create(const BackupFlags& flags, cli::CliContext& context) {
  ProgressLine progress(context);
  ledger::BackupOptions options;
  options.backup_directory = flags.backup_directory;
  options.with_key = flags.with_key;
  options.progress = [&](int64_t bytes) {
    progress.Show("bytes copied", bytes, 0);
    return true;
  };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::BackupInfo info,
                            ledger::CreateBackupOf(flags.data, options));
  if (!flags.verify) return PrintBackup(info, false, context);
  CREDENCE_ASSIGN_OR_RETURN(const ledger::FsckReport report,
                            ReadBack(flags.backup_directory, info.id, progress));
  if (report.sound()) return PrintBackup(info, true, context);
  return PrintFsckReport(report, Cat("the backup in ", flags.backup_directory), context);
}

absl::Status List(const BackupFlags& flags, cli::CliContext& context) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<ledger::BackupInfo> infos,
                            ledger::ListBackups(flags.backup_directory));
  if (context.flags().output == cli::OutputFormat::kJson) {
    google::protobuf::Struct json;
    auto& list = *(*json.mutable_fields())["backups"].mutable_list_value();
    for (const ledger::BackupInfo& info : infos) {
      FillJson(info, *list.add_values()->mutable_struct_value());
    }
    return PrintJson(json, context.out());
  }
  for (const ledger::BackupInfo& info : infos) {
    context.out() << info.id << "  "
                  << absl::FormatTime(absl::RFC3339_sec, info.time, absl::UTCTimeZone()) << "  "
                  << info.head.size.value << " events  " << info.byte_count << " bytes  "
                  << info.origin << "\n";
  }
  return absl::OkStatus();
}

absl::Status Verify(const BackupFlags& flags, cli::CliContext& context) {
  ProgressLine progress(context);
  CREDENCE_ASSIGN_OR_RETURN(const ledger::FsckReport report,
                            ReadBack(flags.backup_directory, flags.id, progress));
  return PrintFsckReport(report, Cat("the backup in ", flags.backup_directory), context);
}

absl::Status Restore(const BackupFlags& flags, cli::CliContext& context) {
  ledger::RestoreOptions options;
  options.backup_directory = flags.backup_directory;
  options.id = flags.id;
  options.ledger_directory = flags.data;
  options.key_file = flags.key_file;
  CREDENCE_RETURN_IF_ERROR(ledger::RestoreBackup(options).status());
  ProgressLine progress(context);
  ledger::FsckOptions check;
  check.directory = flags.data;
  check.key_expected = false;
  check.progress = [&](const ledger::FsckProgress& step) {
    progress.Show(step.step, step.done, step.total);
  };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::FsckReport report, ledger::Fsck(check));
  return PrintFsckReport(report, Cat("the ledger restored into ", flags.data), context);
}

CLI::Option* AddDirectory(CLI::App* command, BackupFlags& flags) {
  return command->add_option("--backup-dir", flags.backup_directory, "Directory of the backups")
      ->envname("CREDENCE_BACKUP_DIR");
}

void AddId(CLI::App* command, BackupFlags& flags) {
  command->add_option("--id", flags.id, "Which backup; the newest where it is not given")
      ->check(CLI::Range(int64_t{1}, int64_t{4'294'967'295}));
}

// A server backs its own ledger up, into its own directory.
absl::Status CreateServed(const BackupFlags& flags, cli::CliContext& context) {
  CREDENCE_ASSIGN_OR_RETURN(client::Client* const client, context.Connect());
  v1::CreateBackupRequest request;
  request.set_verify(flags.verify);
  v1::Backup backup;
  {
    ProgressLine progress(context);
    CREDENCE_RETURN_IF_ERROR(
        client->CreateBackup(request, [&](const v1::CreateBackupResponse& message) {
          if (message.has_backup()) backup = message.backup();
          if (!message.has_backup()) progress.Show(message.step(), message.done(), message.total());
          return true;
        }));
  }
  ledger::BackupInfo info;
  info.id = backup.backup_id();
  info.time = absl::FromUnixSeconds(backup.create_time().seconds());
  info.origin = backup.origin();
  info.head.size.value = backup.tree_head().tree_size();
  const std::string& root = backup.tree_head().root_hash();
  if (root.size() != info.head.root.size()) {
    return absl::InternalError("the server names no backup");
  }
  std::copy(root.begin(), root.end(), info.head.root.begin());
  info.file_count = backup.file_count();
  info.byte_count = backup.byte_count();
  return PrintBackup(info, backup.verified(), context);
}

absl::Status CreateByFlags(const BackupFlags& flags, cli::CliContext& context) {
  if (flags.data.empty()) {
    if (flags.with_key) return cli::UsageError("--with-key: a server gives nobody its key");
    return CreateServed(flags, context);
  }
  if (!flags.backup_directory.empty()) return Create(flags, context);
  return cli::UsageError("--backup-dir is required with --data");
}

void AddCreate(CLI::App* noun, const std::shared_ptr<BackupFlags>& flags,
               cli::CliContext& context) {
  CLI::App* command =
      noun->add_subcommand("create", "Back up a ledger that nobody serves, or one at its server");
  AddDirectory(command, *flags);
  command
      ->add_option("--data", flags->data,
                   "Directory of the ledger. Without it the server at --endpoint is asked, which "
                   "was started with --backup-dir")
      ->envname("CREDENCE_DATA");
  command->add_flag("--verify", flags->verify, "Read the backup back and check it");
  command->add_flag("--with-key", flags->with_key,
                    "Copy the signing key too; whoever has it can sign for the ledger");
  context.SetAction(command, [flags, &context] { return CreateByFlags(*flags, context); });
}

void AddRestore(CLI::App* noun, const std::shared_ptr<BackupFlags>& flags,
                cli::CliContext& context) {
  CLI::App* command = noun->add_subcommand("restore", "Make a ledger of a backup and verify it");
  AddDirectory(command, *flags)->required();
  AddId(command, *flags);
  command->add_option("--data", flags->data, "Directory of the new ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  command->add_option("--key-file", flags->key_file,
                      "The ledger's signing key; the backup's own where it has one");
  context.SetAction(command, [flags, &context] { return Restore(*flags, context); });
}

}  // namespace

void RegisterBackup(CLI::App& app, cli::CliContext& context) {
  CLI::App* noun = app.add_subcommand("backup", "Copies of a ledger");
  noun->require_subcommand(1);
  const auto flags = std::make_shared<BackupFlags>();
  AddCreate(noun, flags, context);
  CLI::App* list = noun->add_subcommand("list", "List the backups of a directory");
  AddDirectory(list, *flags)->required();
  context.SetAction(list, [flags, &context] { return List(*flags, context); });
  CLI::App* verify = noun->add_subcommand("verify", "Read a backup as fsck reads a ledger");
  AddDirectory(verify, *flags)->required();
  AddId(verify, *flags);
  context.SetAction(verify, [flags, &context] { return Verify(*flags, context); });
  AddRestore(noun, flags, context);
  CLI::App* prune = noun->add_subcommand("prune", "Delete all but the newest backups");
  AddDirectory(prune, *flags)->required();
  prune->add_option("--keep", flags->keep, "How many to keep")
      ->required()
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  context.SetAction(prune,
                    [flags] { return ledger::PruneBackups(flags->backup_directory, flags->keep); });
}

}  // namespace credence::server
