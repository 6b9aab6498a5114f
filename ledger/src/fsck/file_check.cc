#include "fsck/file_check.h"

#include <rocksdb/file_checksum.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/options_util.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "credence/base/strings.h"
#include "durable_file.h"
#include "signing_key.h"
#include "table_tail.h"

namespace credence::ledger {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

std::string InDatabase(std::string_view name) { return Cat("log/", name); }

void CheckLogFile(std::string_view part, const LogFileReport& log, Findings& findings) {
  if (!log.scan.defect.has_value()) return;
  const std::string where = Cat(InDatabase(log.file), " byte ", log.scan.defect->offset);
  if (log.scan.intact_after_defect) {
    findings.Damage(part, where, Cat(log.scan.defect->what, ", and whole records follow"));
    return;
  }
  // Whether anything acknowledged is gone shows in the size of the log, which is checked later.
  findings.Warn(part, where, Cat(log.scan.defect->what, ", and nothing follows"),
                "nothing, if the last process was killed or lost power: this is what a write that "
                "was never acknowledged leaves");
}

void CheckOptionsFile(const std::string& path, rocksdb::Env* env, Findings& findings) {
  std::string name;
  if (!rocksdb::GetLatestOptionsFileName(path, env, &name).ok()) {
    findings.Warn("options", InDatabase("OPTIONS-*"), "there is no options file",
                  "nothing: the program brings its own options and writes the file anew");
    return;
  }
  rocksdb::ConfigOptions config;
  config.env = env;
  rocksdb::DBOptions options;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const rocksdb::Status status =
      rocksdb::LoadOptionsFromFile(config, Cat(path, "/", name), &options, &families);
  if (status.ok()) return;
  findings.Warn("options", InDatabase(name), Cat("cannot be read: ", status.ToString()),
                "nothing: the program brings its own options and writes the file anew");
}

// The checksum of a whole file, read in pieces.
rocksdb::Status ChecksumFile(const std::string& path, rocksdb::Env* env, uint32_t& checksum,
                             int64_t& size) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  rocksdb::Status status = env->NewSequentialFile(path, &file, rocksdb::EnvOptions());
  if (!status.ok()) return status;
  const std::unique_ptr<rocksdb::FileChecksumGenerator> generator =
      rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  std::string buffer(kReadBytes, '\0');
  size = 0;
  while (true) {
    rocksdb::Slice piece;
    status = file->Read(buffer.size(), &piece, buffer.data());
    if (!status.ok()) return status;
    if (piece.empty()) break;
    generator->Update(piece.data(), piece.size());
    size += static_cast<int64_t>(piece.size());
  }
  generator->Finalize();
  checksum = 0;
  for (const char byte : generator->GetChecksum()) {
    checksum = checksum << 8 | static_cast<uint8_t>(byte);
  }
  return rocksdb::Status::OK();
}

rocksdb::Status CheckBlocks(const std::string& path, rocksdb::Env* env) {
  if (const absl::Status tail = CheckTableTail(path, env); !tail.ok()) {
    return rocksdb::Status::Corruption(std::string(tail.message()));
  }
  rocksdb::Options options;
  options.env = env;
  rocksdb::SstFileReader reader(options);
  const rocksdb::Status status = reader.Open(path);
  return status.ok() ? reader.VerifyChecksum() : status;
}

void CheckTableFile(const std::string& path, rocksdb::Env* env, const TableFile& table,
                    Findings& findings) {
  const std::string where =
      Cat(InDatabase(table.name), table.family.empty() ? "" : Cat(" (", table.family, ")"));
  const std::string file = Cat(path, "/", table.name);
  uint32_t checksum = 0;
  int64_t size = 0;
  const rocksdb::Status read = ChecksumFile(file, env, checksum, size);
  if (!read.ok()) {
    return findings.Damage("table", where, Cat("cannot be read: ", read.ToString()));
  }
  findings.report().byte_count += size;
  if (table.size != size) {
    return findings.Damage("table", where, Cat("has ", size, " bytes instead of ", table.size));
  }
  const rocksdb::Status blocks = CheckBlocks(file, env);
  if (!blocks.ok()) return findings.Damage("table", where, blocks.ToString());
  if (table.checksum.has_value() && *table.checksum != checksum) {
    findings.Damage("table", where, "does not have the checksum that the manifest gives it");
  }
}

// A signer's text and a verifier's begin alike: name "+" id "+".
bool HasIdOf(std::string_view signer, std::string_view verifier, std::string_view origin) {
  constexpr size_t kIdBytes = 8;
  const std::string_view name_and_id = verifier.substr(0, origin.size() + kIdBytes + 2);
  return absl::StartsWith(ToAbsl(signer), Cat("PRIVATE+KEY+", name_and_id));
}

}  // namespace

void CheckDatabaseFiles(const std::string& path, rocksdb::Env* env, const LogFilesReport& logs,
                        Findings& findings) {
  if (!ReadCurrent(path, env).has_value()) {
    findings.Damage("current", InDatabase("CURRENT"), "does not name a manifest");
  } else if (!logs.manifest.has_value()) {
    findings.Damage("manifest", InDatabase(*ReadCurrent(path, env)), "is missing");
  } else {
    CheckLogFile("manifest", *logs.manifest, findings);
  }
  for (const LogFileReport& log : logs.write_ahead_logs) {
    CheckLogFile("write-ahead-log", log, findings);
  }
  CheckOptionsFile(path, env, findings);
  findings.report().file_count += static_cast<int64_t>(logs.write_ahead_logs.size()) + 3;
}

void CheckTableFiles(const std::string& path, rocksdb::Env* env,
                     const std::vector<TableFile>& tables, Findings& findings) {
  int64_t total = 0;
  for (const TableFile& table : tables) total += table.size;
  int64_t done = 0;
  for (const TableFile& table : tables) {
    if (findings.stopped()) return;
    findings.Progress("bytes of table files", done, total);
    CheckTableFile(path, env, table, findings);
    done += table.size;
    ++findings.report().file_count;
  }
  findings.Progress("bytes of table files", total, total);
}

void NameMissingTable(const std::string& path, rocksdb::Env* env, std::string_view message,
                      Findings& findings) {
  constexpr size_t kDigits = 6;
  // The database looks for the file under its name of old when it is not there.
  const size_t end = std::min(message.find(".ldb"), message.find(".sst"));
  if (end == std::string_view::npos || end < kDigits) return;
  const std::string_view number = message.substr(end - kDigits, kDigits);
  uint64_t parsed = 0;
  const std::string name = Cat(number, ".sst");
  if (!absl::SimpleAtoi(ToAbsl(number), &parsed) ||
      !env->FileExists(Cat(path, "/", name)).IsNotFound()) {
    return;
  }
  findings.Damage("table", InDatabase(name), "is missing");
}

std::vector<TableFile> ListTableFiles(const std::string& path, rocksdb::Env* env) {
  std::vector<std::string> names;
  env->GetChildren(path, &names).PermitUncheckedError();
  std::sort(names.begin(), names.end());
  std::vector<TableFile> tables;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".sst")) continue;
    uint64_t size = 0;
    env->GetFileSize(Cat(path, "/", name), &size).PermitUncheckedError();
    tables.push_back({name, {}, static_cast<int64_t>(size), std::nullopt});
  }
  return tables;
}

void CheckKeyFile(const std::string& path, const std::string& origin,
                  const std::string& verifier_key, Findings& findings) {
  constexpr std::string_view kName = "ledger.key";
  constexpr std::string_view kAdvice =
      "put the key back from where it is kept safe; without it nothing can be signed";
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return findings.Damage("key", kName, "is missing", kAdvice);
  }
  ++findings.report().file_count;
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return findings.Damage("key", kName, FromAbsl(text.status().message()), kAdvice);
  const absl::StatusOr<SigningKey> key = SigningKey::Read(path, origin);
  if (!key.ok()) {
    findings.Damage("key", kName, Cat("is not a key of ", origin), kAdvice);
  } else if (key->verifier_key() != verifier_key) {
    findings.Damage("key", kName, "is another key than the ledger names", kAdvice);
  } else if (!HasIdOf(*text, verifier_key, origin)) {
    findings.Damage("key", kName, "has an id that is not its key's", kAdvice);
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    findings.Warn("key", kName, "can be read by others", "chmod 600 it");
  }
}

}  // namespace credence::ledger
