#include "credence/client/verify/entry_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/failure.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "verify/payload_type.h"

namespace credence::client {
namespace {

using event::v1::ForecastRecorded;
using event::v1::ForecastRevealed;
using event::v1::ForecastSealed;
using event::v1::ForecastWithdrawn;
using event::v1::LedgerCreated;
using event::v1::SigningKeyRotated;
using event::v1::StreamHeadsRecorded;

constexpr std::string_view kLedgerStream = "ledger";

std::string_view TextField(const EntryView& view, int number) {
  return BytesField(view.payload, static_cast<uint32_t>(number)).value_or(std::string_view());
}

int64_t IntField(const EntryView& view, int number) {
  return static_cast<int64_t>(NumberField(view.payload, static_cast<uint32_t>(number)).value_or(0));
}

// Forecasts of a forecaster, wherever their questions are, are one stream more: so that "all of
// them" can be proved.
bool IsForecastsStreamOf(std::string_view stream, std::string_view forecaster) {
  constexpr std::string_view kPrefix = "forecasters/";
  constexpr std::string_view kSuffix = "/forecasts";
  return stream.size() == kPrefix.size() + forecaster.size() + kSuffix.size() &&
         stream.substr(0, kPrefix.size()) == kPrefix &&
         stream.substr(kPrefix.size(), forecaster.size()) == forecaster &&
         stream.substr(kPrefix.size() + forecaster.size()) == kSuffix;
}

absl::Status BadState(std::string_view what) {
  return InvalidField("FIELD_INVALID", "state", what);
}

}  // namespace

absl::Status EntryChecker::Take(std::string_view entry) {
  absl::Status status = ParseEntry(entry, view_);
  if (status.ok()) status = Check(view_);
  if (!status.ok()) return VerificationFailedAt(size_, FromAbsl(status.message()));
  ++counts_.entries;
  counts_.bytes += static_cast<int64_t>(entry.size());
  ++size_;
  return absl::OkStatus();
}

absl::Status EntryChecker::Check(const EntryView& view) {
  if (view.position != size_) {
    return VerificationFailed(Cat("the entry says that it stands at position ", view.position));
  }
  CREDENCE_RETURN_IF_ERROR(CheckTimes(view));
  CREDENCE_RETURN_IF_ERROR(CheckMapInterval(view));
  // Before the streams move: a record covers what is before it.
  CREDENCE_RETURN_IF_ERROR(CheckPayload(view));
  CREDENCE_RETURN_IF_ERROR(authors_.Take(key_.name, size_, view));
  CREDENCE_RETURN_IF_ERROR(seals_.Take(key_.name, view));
  CREDENCE_RETURN_IF_ERROR(CheckStream(view.place));
  for (const StreamPlace& link : view.links) CREDENCE_RETURN_IF_ERROR(CheckStream(link));
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckStream(const StreamPlace& place) {
  const auto found = streams_.find(ToAbsl(place.stream));
  const bool known = found != streams_.end();
  const StreamHead last = known ? map_.head(found->second) : StreamHead{-1, -1};
  if (place.version != last.version + 1) {
    return VerificationFailed(Cat("the entry has version ", place.version, " of stream ",
                                  place.stream, ", which has ", last.version + 1, " events"));
  }
  if (place.previous != (known ? std::optional(last.position) : std::nullopt)) {
    return VerificationFailed(
        Cat("the entry is not linked to its predecessor in stream ", place.stream,
            known ? Cat(" at position ", last.position) : ", of which it is the first"));
  }
  const StreamHead head{place.version, size_};
  if (known) {
    map_.Set(found->second, head);
  } else {
    streams_.emplace(ToAbsl(place.stream), map_.Add(StreamMapKey(place.stream), head));
  }
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckTimes(const EntryView& view) {
  if (size_ > 0 && view.record_time < record_time_) {
    return VerificationFailed("the entry was recorded before the entry before it");
  }
  begins_write_ = size_ == 0 || view.record_time > record_time_;
  record_time_ = view.record_time;
  if (view.effective_time > view.record_time) {
    return VerificationFailed("the entry counts from a time after it was recorded");
  }
  if (!view.backfilled && view.effective_time != view.record_time) {
    return VerificationFailed("the entry counts from before it was recorded and does not say so");
  }
  if (view.backfilled) ++counts_.backfilled;
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckMapInterval(const EntryView& view) const {
  const int64_t uncovered = size_ - last_map_record_.value_or(0);
  if (!begins_write_ || uncovered < kUncoveredEntriesLimit) return absl::OkStatus();
  if (Is<StreamHeadsRecorded>(view)) return absl::OkStatus();
  return VerificationFailed(Cat("the heads of the streams should have been recorded by now: ",
                                uncovered, " entries were written since they last were"));
}

absl::Status EntryChecker::CheckPayload(const EntryView& view) {
  // What is to be checked of each type of event; of others nothing is known here.
  struct Rule {
    std::string_view type;
    absl::Status (EntryChecker::*check)(const EntryView&);
  };
  static const Rule kRules[] = {
      {FromAbsl(ForecastRecorded::descriptor()->full_name()), &EntryChecker::CheckForecast},
      {FromAbsl(ForecastWithdrawn::descriptor()->full_name()), &EntryChecker::CheckForecast},
      {FromAbsl(ForecastSealed::descriptor()->full_name()), &EntryChecker::CheckForecast},
      {FromAbsl(ForecastRevealed::descriptor()->full_name()), &EntryChecker::CheckForecast},
      {FromAbsl(StreamHeadsRecorded::descriptor()->full_name()), &EntryChecker::CheckMapRecord},
      {FromAbsl(SigningKeyRotated::descriptor()->full_name()), &EntryChecker::CheckRotation},
  };
  if (size_ == 0) return CheckCreation(view);
  for (const Rule& rule : kRules) {
    if (view.payload_type == rule.type) return (this->*rule.check)(view);
  }
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckCreation(const EntryView& view) {
  if (!Is<LedgerCreated>(view) || view.place.stream != kLedgerStream) {
    return VerificationFailed("the first entry does not create a ledger");
  }
  const std::string_view origin = TextField(view, LedgerCreated::kOriginFieldNumber);
  if (origin != key_.name) {
    return VerificationFailed(
        Cat("the ledger was created as ", origin, ", not as ", key_.name, " as the key says"));
  }
  const absl::StatusOr<VerifierKey> key =
      ParseVerifierKey(TextField(view, LedgerCreated::kVerifierKeyFieldNumber));
  if (!key.ok() || key->name != key_.name) {
    return VerificationFailed("the ledger was created without a key of its name");
  }
  keys_.push_back({0, *key});
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckRotation(const EntryView& view) {
  const VerifierKey& old_key = keys_.back().key;
  const std::string_view text = TextField(view, SigningKeyRotated::kVerifierKeyFieldNumber);
  const absl::StatusOr<VerifierKey> new_key = ParseVerifierKey(text);
  if (!new_key.ok() || new_key->name != key_.name) {
    return VerificationFailed("the new signing key is not a key of the ledger's name");
  }
  const absl::StatusOr<SignedNote> statement =
      ParseNote(TextField(view, SigningKeyRotated::kStatementFieldNumber));
  if (!statement.ok() ||
      statement->text != Cat(key_.name, "\nkey-rotation/v1\n", size_, "\n",
                             FormatVerifierKey(old_key), "\n", text, "\n") ||
      !VerifyNote(*statement, old_key).ok() || !VerifyNote(*statement, *new_key).ok()) {
    return VerificationFailed(
        "the rotation of the signing key is not stated by the old key and by the new one");
  }
  keys_.push_back({size_, *new_key});
  ++counts_.rotations;
  return absl::OkStatus();
}

absl::StatusOr<VerifierKey> EntryChecker::KeyAt(int64_t size) const {
  const bool known = std::any_of(keys_.begin(), keys_.end(),
                                 [&](const Period& period) { return period.key == key_; });
  if (!known) return VerificationFailed("the key that was given is none of the ledger's keys");
  const VerifierKey* key = &keys_.front().key;
  for (const Period& period : keys_) {
    if (period.from < size) key = &period.key;
  }
  return *key;
}

absl::Status EntryChecker::CheckMapRecord(const EntryView& view) {
  if (view.place.stream != kLedgerStream) {
    return VerificationFailed(Cat("stream heads are recorded in stream ", view.place.stream));
  }
  const int64_t covered = IntField(view, StreamHeadsRecorded::kTreeSizeFieldNumber);
  if (covered != size_) {
    return VerificationFailed(Cat("the recorded stream heads cover ", covered, " entries, not the ",
                                  size_, " before them"));
  }
  const int64_t count = IntField(view, StreamHeadsRecorded::kStreamCountFieldNumber);
  if (count != map_.size()) {
    return VerificationFailed(
        Cat("the record speaks of ", count, " streams; there are ", map_.size()));
  }
  const Hash root = map_.Root();
  if (TextField(view, StreamHeadsRecorded::kMapRootFieldNumber) != BytesOf(root)) {
    return VerificationFailed(
        Cat("the recorded map root is not the one that the entries before "
            "it give, ",
            ToHex(root)));
  }
  last_map_record_ = size_;
  ++counts_.map_records;
  return absl::OkStatus();
}

absl::Status EntryChecker::CheckForecast(const EntryView& view) {
  static_assert(int{ForecastSealed::kForecasterFieldNumber} ==
                int{ForecastRecorded::kForecasterFieldNumber});
  static_assert(int{ForecastRevealed::kForecasterFieldNumber} ==
                int{ForecastRecorded::kForecasterFieldNumber});
  const bool withdrawn = Is<ForecastWithdrawn>(view);
  const int number = withdrawn ? int{ForecastWithdrawn::kForecasterFieldNumber}
                               : int{ForecastRecorded::kForecasterFieldNumber};
  const std::string_view forecaster = TextField(view, number);
  for (const StreamPlace& link : view.links) {
    if (!IsForecastsStreamOf(link.stream, forecaster)) continue;
    ++counts_.chained_forecasts;
    return absl::OkStatus();
  }
  return VerificationFailed(
      Cat("the forecast is not among those of its forecaster: it lacks a link to forecasters/",
          forecaster, "/forecasts"));
}

// A line of numbers, one line a key, the lines of authors and seals, then one line a stream in the
// order of their addition:
//
//   size seconds nanos last-map-record-or--1 map-records chained-forecasts backfilled bytes keys
//       author-lines seal-lines
//   position verifier-key
//   as AuthorChecker::Save
//   as SealChecker::Save
//   version position C-escaped-name
std::string EntryChecker::Save() const {
  const std::string authors = authors_.Save();
  const std::string seals = seals_.Save();
  std::string text = Cat(size_, " ", record_time_.seconds, " ", record_time_.nanos, " ",
                         last_map_record_.value_or(-1), " ", counts_.map_records, " ",
                         counts_.chained_forecasts, " ", counts_.backfilled, " ", counts_.bytes,
                         " ", keys_.size(), " ", std::count(authors.begin(), authors.end(), '\n'),
                         " ", std::count(seals.begin(), seals.end(), '\n'), "\n");
  for (const Period& period : keys_) {
    absl::StrAppend(&text, period.from, " ", FormatVerifierKey(period.key), "\n");
  }
  text += Cat(authors, seals);
  std::vector<std::string_view> names(streams_.size());
  for (const auto& [name, index] : streams_) names[index] = name;
  for (StreamMap::Index i = 0; i < names.size(); ++i) {
    const StreamHead& head = map_.head(i);
    absl::StrAppend(&text, head.version, " ", head.position, " ", absl::CEscape(ToAbsl(names[i])),
                    "\n");
  }
  return text;
}

absl::Status EntryChecker::LoadKeys(const std::vector<absl::string_view>& lines) {
  for (const absl::string_view line : lines) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    int64_t from = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &from)) {
      return BadState("has a bad line of a key");
    }
    CREDENCE_ASSIGN_OR_RETURN(VerifierKey key, ParseVerifierKey(FromAbsl(parts[1])));
    keys_.push_back({from, std::move(key)});
  }
  return absl::OkStatus();
}

absl::Status EntryChecker::Load(std::string_view text) {
  const std::vector<absl::string_view> lines =
      absl::StrSplit(ToAbsl(text), '\n', absl::SkipEmpty());
  if (lines.empty()) return BadState("is empty");
  std::vector<int64_t> numbers;
  for (const absl::string_view part : absl::StrSplit(lines.front(), ' ')) {
    if (!absl::SimpleAtoi(part, &numbers.emplace_back())) return BadState("has a bad first line");
  }
  const auto line_count = static_cast<int64_t>(lines.size());
  if (numbers.size() != 11 || numbers[8] < 0 || numbers[8] >= line_count || numbers[9] < 0 ||
      numbers[9] >= line_count - numbers[8] || numbers[10] < 0 ||
      numbers[10] >= line_count - numbers[8] - numbers[9]) {
    return BadState("has a bad first line");
  }
  const auto authors = lines.begin() + 1 + numbers[8];
  const auto seals = authors + numbers[9];
  const auto streams = seals + numbers[10];
  CREDENCE_RETURN_IF_ERROR(LoadKeys({lines.begin() + 1, authors}));
  const auto views = [](auto begin, auto end) {
    std::vector<std::string_view> made;
    std::transform(begin, end, std::back_inserter(made), FromAbsl);
    return made;
  };
  CREDENCE_RETURN_IF_ERROR(authors_.Load(views(authors, seals)));
  CREDENCE_RETURN_IF_ERROR(seals_.Load(views(seals, streams)));
  size_ = numbers[0];
  record_time_ = {numbers[1], numbers[2]};
  if (numbers[3] >= 0) last_map_record_ = numbers[3];
  counts_ = {size_, numbers[7], numbers[4], numbers[8] - 1, numbers[5], numbers[6]};
  for (auto line = streams; line != lines.end(); ++line) {
    const std::vector<absl::string_view> parts = absl::StrSplit(*line, absl::MaxSplits(' ', 2));
    StreamHead head;
    std::string name;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &head.version) ||
        !absl::SimpleAtoi(parts[1], &head.position) || !absl::CUnescape(parts[2], &name) ||
        streams_.contains(name)) {
      return BadState("has a bad line of a stream");
    }
    const Hash key = StreamMapKey(name);
    streams_.emplace(std::move(name), map_.Add(key, head));
  }
  return absl::OkStatus();
}

}  // namespace credence::client
