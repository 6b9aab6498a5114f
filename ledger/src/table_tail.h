#pragma once

#include <rocksdb/env.h>

#include <string>

#include "absl/status/status.h"

// RocksDB reads the properties of a table file before it compares their checksum. Where a flipped
// bit makes that block claim a hash index that it has not, Debian's build ends the process by an
// assertion. So that bit is looked at before a file is handed over.
namespace credence::ledger {

// DATA_LOSS, naming the file, where opening the table file at `path` would end the process. What
// else may be wrong with it is left to RocksDB, which finds and tells it. Reads a few hundred
// bytes.
[[nodiscard]] absl::Status CheckTableTail(const std::string& path, rocksdb::Env* env);

// The same of every table file in the directory of a database. OK where that cannot be listed.
[[nodiscard]] absl::Status CheckTableTails(const std::string& directory, rocksdb::Env* env);

}  // namespace credence::ledger
