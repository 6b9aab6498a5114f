#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "credence/client/verify/entry.h"
#include "credence/client/verify/source.h"

// Checks the texts that lie beside a log against what its entries say of them: their salted
// digests, and the events that erased them (docs/reference/texts.md).
namespace credence::client {

// Of the entries that were taken.
struct TextCounts {
  // Shown, with the right digest.
  int64_t shown = 0;
  // Erased; the event that did it says so, or stands beyond the checkpoint.
  int64_t erased = 0;
  // Neither: a copy may be without texts, and proves as much.
  int64_t not_shown = 0;
};

// Memory follows the number of texts that were erased. Not thread-safe.
class TextChecker {
 public:
  // `source` must outlive it.
  TextChecker(LogSource& source, int64_t tree_size) : source_(source), tree_size_(tree_size) {}

  // The next entry. VERIFICATION_FAILED where its digests are malformed.
  [[nodiscard]] absl::Status Take(const EntryView& entry);

  // After the last entry of the bundle `index`: its texts. VERIFICATION_FAILED, with the position,
  // where a text does not have the digest of the entry, or belongs to none.
  [[nodiscard]] absl::Status EndBundle(int64_t index);

  // After the last entry of all. VERIFICATION_FAILED where a text is said to be erased by an event
  // that does not say so, or is still shown though an event erased it.
  [[nodiscard]] absl::Status Finish();

  [[nodiscard]] const TextCounts& counts() const { return counts_; }

 private:
  // Position of an entry, and path of a field in it.
  using Place = std::pair<int64_t, std::string>;

  absl::Status TakeErasure(const EntryView& entry);
  absl::Status CheckGone(const Place& place, int64_t event);

  LogSource& source_;
  const int64_t tree_size_;
  // Of the bundle at hand: the digests of its entries.
  std::map<Place, std::string> digests_;
  // Texts that are said to be erased, and the event that is said to have done it.
  std::map<Place, int64_t> claimed_;
  // Texts that events erased, and their positions.
  std::map<Place, int64_t> erased_;
  int64_t first_ = -1;
  TextCounts counts_;
};

// "text/x001/234", the file of the texts of the entries in the bundle 1234.
[[nodiscard]] std::string TextBundlePath(int64_t index);

// The index in such a path; -1 for another one.
[[nodiscard]] int64_t ParseTextBundlePath(std::string_view path);

// Whether an entry, or a bundle of them, may hold digests of texts: false only where it holds none.
[[nodiscard]] bool MayHoldTexts(std::string_view bytes);

}  // namespace credence::client
