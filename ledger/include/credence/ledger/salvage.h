#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "credence/ledger/fsck.h"
#include "credence/ledger/tree.h"

// Takes out of a damaged ledger what can be proved of it.
//
// Thread-safe: everything here is a pure function of the files.
namespace credence::ledger {

struct SalvageOptions {
  // Of the damaged ledger, which nobody has open. Nothing in it is changed.
  std::string directory;
  // Gets the new ledger. There must be none.
  std::string out_directory;
  // Called now and then, on the caller's thread. May be empty.
  std::function<void(const FsckProgress&)> progress = nullptr;
};

struct SalvageReport {
  std::string origin;
  // The new ledger. Its root is the one that the damaged ledger's tree has at this size, which a
  // head that it recorded proves.
  TreeHead head;
  // The largest head that was found recorded in the damaged ledger; its size less that of `head` is
  // what is lost.
  TreeHead recorded;
  // Entries beyond `head` that are whole, and that nothing proves or a gap parts from it.
  int64_t unproved_count = 0;
  // Writes whose request record is lost: a repeat of one is refused, as if it had another body.
  int64_t forgotten_request_count = 0;
  // Texts that are lost, or whose erasure is: they read as kLostText.
  int64_t lost_text_count = 0;
  // Files and places that could not be read, as the database names them.
  std::vector<std::string> unread;
};

// Reads every table file and every write-ahead log by itself, whatever the database thinks of them;
// finds the longest run of entries from the first on that are chained and that a recorded head
// proves, cut to whole writes; and writes it into a new ledger, with its indexes derived anew. The
// signing key goes along where it is there. The new ledger has no anchor: to be written again it
// has to be shown the last checkpoint that was published. NOT_FOUND where there is no ledger,
// FAILED_PRECONDITION where it is open or a newer program wrote it, ALREADY_EXISTS where there is
// one in `out_directory`, DATA_LOSS where nothing can be proved. Takes as much disk as the log
// twice, for a while.
[[nodiscard]] absl::StatusOr<SalvageReport> Salvage(const SalvageOptions& options);

}  // namespace credence::ledger
