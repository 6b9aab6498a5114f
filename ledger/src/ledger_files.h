#pragma once

#include <string>

namespace credence::ledger {

// The files of a ledger's directory. The key is never in the database, so that a copy of the
// database gives nobody the power to sign.
[[nodiscard]] inline std::string KeyPath(const std::string& directory) {
  return directory + "/ledger.key";
}
// A key that an unfinished rotation made.
[[nodiscard]] inline std::string NextKeyPath(const std::string& key_path) {
  return key_path + ".next";
}
[[nodiscard]] inline std::string AnchorPath(const std::string& directory) {
  return directory + "/ledger.anchor";
}
[[nodiscard]] inline std::string DatabasePath(const std::string& directory) {
  return directory + "/log";
}
// Stands in a restored copy until it has met the last checkpoint that was published of its ledger.
[[nodiscard]] inline std::string RestoredMarkPath(const std::string& directory) {
  return directory + "/ledger.restored";
}
// Where a database is made before it gets its name, so that a half-made one is never opened.
[[nodiscard]] inline std::string NewDatabasePath(const std::string& directory) {
  return directory + "/log.new";
}

}  // namespace credence::ledger
