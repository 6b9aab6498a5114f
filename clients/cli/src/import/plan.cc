#include "import/plan.h"

#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <cmath>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/strings.h"
#include "format.h"

namespace credence::cli {
namespace {

constexpr size_t kProblemsMax = 100;
// What a source may miss by rounding, and what the server takes as it is.
constexpr double kSumTolerance = 1e-6;
constexpr double kSumExact = 1e-9;
constexpr size_t kIdSizeMax = 63;
constexpr size_t kDigestSize = 12;
// The longest text that the server takes.
constexpr size_t kTextBytesMax = 16'384;

std::string Digest(std::string_view name) {
  const boost::uuids::uuid hash =
      boost::uuids::name_generator_sha1(boost::uuids::ns::oid())(name.data(), name.size());
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash.data), 16))
      .substr(0, kDigestSize);
}

// An id that ends in a digest of the name.
std::string WithDigest(std::string id, std::string_view name) {
  id.resize(std::min(id.size(), kIdSizeMax - kDigestSize - 1));
  while (!id.empty() && id.back() == '-') id.pop_back();
  return absl::StrCat(id, "-", Digest(name));
}

// At most as many bytes as the server takes, whole characters of UTF-8.
bool Cut(std::string& text) {
  if (text.size() <= kTextBytesMax) return false;
  size_t end = kTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return true;
}

bool SameEnd(const PlannedEnd& a, const PlannedEnd& b) {
  return a.kind == b.kind && a.outcome == b.outcome && !(a.fraction < b.fraction) &&
         !(b.fraction < a.fraction) && !(a.number < b.number) && !(b.number < a.number);
}

}  // namespace

std::string LedgerId(std::string_view name, char first_letter) {
  std::string id;
  bool lossless = true;
  bool has_slash = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_islower(byte) || absl::ascii_isdigit(byte)) {
      id.push_back(c);
      continue;
    }
    // One slash after a plain word is the usual separator; as a hyphen it reads the same.
    const bool separates = c == '/' && !has_slash && id.find('-') == std::string::npos;
    has_slash = has_slash || c == '/';
    lossless = lossless && (c == '-' || separates) && !id.empty() && id.back() != '-';
    if (absl::ascii_isupper(byte)) {
      id.push_back(absl::ascii_tolower(byte));
    } else if (!id.empty() && id.back() != '-') {
      id.push_back('-');
    }
  }
  lossless = lossless && !id.empty() && id.back() != '-';
  if (id.empty() || !absl::ascii_islower(static_cast<unsigned char>(id.front()))) {
    id = absl::StrCat(std::string(1, first_letter), "-", id);
  }
  return lossless && id.size() <= kIdSizeMax ? id : WithDigest(std::move(id), name);
}

size_t Plan::AddFile(const std::string& name) {
  files_.push_back(name);
  return files_.size() - 1;
}

std::string Plan::PlaceText(Place place) const {
  return absl::StrCat(files_[place.file], ":", place.line);
}

void Plan::AddQuestion(const std::string& external_id, PlannedQuestion question) {
  if (!question_index_.emplace(external_id, questions_.size()).second) {
    AddProblem(question.place, Cat("question \"", external_id, "\" stands twice"));
    return;
  }
  if (question.title.empty()) question.title = external_id;
  if (!question_ids_.insert(question.id).second) {
    question.id = WithDigest(question.id, external_id);
    question_ids_.insert(question.id);
  }
  CutTexts(question.attributes);
  if (Cut(question.title) || Cut(question.resolution_criteria)) NoteCut();
  questions_.push_back(std::move(question));
}

std::optional<size_t> Plan::FindQuestion(std::string_view external_id) const {
  const auto found = question_index_.find(ToAbsl(external_id));
  if (found == question_index_.end()) return std::nullopt;
  return found->second;
}

void Plan::AddAttributes(size_t question, Attributes attributes) {
  CutTexts(attributes);
  for (auto& attribute : attributes)
    questions_[question].attributes.push_back(std::move(attribute));
}

size_t Plan::Forecaster(const std::string& external_id) {
  const auto [found, is_new] = forecaster_index_.emplace(external_id, forecasters_.size());
  if (!is_new) return found->second;
  std::string id = LedgerId(external_id, 'f');
  if (!forecaster_ids_.insert(id).second) {
    id = WithDigest(id, external_id);
    forecaster_ids_.insert(id);
  }
  forecasters_.push_back({std::move(id), external_id});
  return found->second;
}

void Plan::NoteCut() { Note(Cat("texts cut to ", kTextBytesMax, " bytes")); }

void Plan::CutTexts(Attributes& attributes) {
  for (auto& [key, value] : attributes) {
    if (Cut(value)) NoteCut();
  }
}

size_t Plan::AddAttributes(Attributes attributes) {
  CutTexts(attributes);
  attributes_.push_back(std::move(attributes));
  return attributes_.size() - 1;
}

size_t Plan::AddDistribution(event::v1::NumericDistribution distribution) {
  distributions_.push_back(std::move(distribution));
  return distributions_.size() - 1;
}

size_t Plan::AddEnd(PlannedEnd end) {
  ends_.push_back(std::move(end));
  return ends_.size() - 1;
}

void Plan::AddEndRow(Place place, const std::string& question, absl::Time time, PlannedEnd end) {
  PlannedRow row;
  row.kind = PlannedRow::Kind::kEnd;
  row.place = place;
  row.question = *FindQuestion(question);
  row.time = time;
  row.end = AddEnd(std::move(end));
  AddRow(std::move(row));
}

void Plan::AddProblem(Place place, std::string_view why) {
  if (options_.skip_problems) return Skip(place, std::string(why));
  ++problem_count_;
  if (problems_.size() < kProblemsMax) {
    problems_.push_back(absl::StrCat(PlaceText(place), ": ", ToAbsl(why)));
  }
}

void Plan::Skip(Place place, const std::string& why) {
  Skipped& skipped = skipped_[why];
  if (skipped.count++ == 0) skipped.first = place;
}

// Whether a row's numbers are right; probabilities that miss one by rounding are divided by their
// sum.
bool Plan::Good(const PlannedRow& row) {
  if (row.time == absl::InfinitePast() || row.time == absl::InfiniteFuture()) {
    AddProblem(row.place, "the time is no time");
    return false;
  }
  if (row.time > options_.now) {
    if (row.kind == PlannedRow::Kind::kWithdrawal) {
      Skip(row.place, "ends at a time that is still to come");
    } else {
      AddProblem(row.place, Cat("time ", FormatInstant(row.time), " lies in the future"));
    }
    return false;
  }
  for (const double probability : row.probabilities) {
    if (probability >= 0.0 && probability <= 1.0) continue;
    AddProblem(row.place, Cat("probability ", Exact(probability), " must lie between 0 and 1"));
    return false;
  }
  if (row.kind != PlannedRow::Kind::kForecast || row.probabilities.size() == 1) return true;
  if (row.distribution.has_value()) return true;
  const double sum = std::accumulate(row.probabilities.begin(), row.probabilities.end(), 0.0);
  if (std::abs(sum - 1.0) <= kSumTolerance) return true;
  AddProblem(row.place, Cat("the probabilities sum to ", Exact(sum), "; they must sum to 1"));
  return false;
}

void Plan::OrderRows() {
  std::erase_if(rows_, [this](const PlannedRow& row) { return !Good(row); });
  for (PlannedRow& row : rows_) {
    if (row.probabilities.size() < 2) continue;
    const double sum = std::accumulate(row.probabilities.begin(), row.probabilities.end(), 0.0);
    if (std::abs(sum - 1.0) <= kSumExact) continue;
    for (double& probability : row.probabilities) probability /= sum;
  }
  // An end comes after what was said at the same instant.
  std::stable_sort(rows_.begin(), rows_.end(), [](const PlannedRow& a, const PlannedRow& b) {
    if (a.time != b.time) return a.time < b.time;
    return (a.kind == PlannedRow::Kind::kEnd) < (b.kind == PlannedRow::Kind::kEnd);
  });
}

// Drops what says nothing new or comes too late, and marks ends after the first as corrections.
void Plan::CheckSequence() {
  std::vector<std::optional<size_t>> last_end(questions_.size());
  std::vector<absl::flat_hash_map<size_t, bool>> stands(questions_.size());
  const auto drop = [&](PlannedRow& row) {
    auto& last = last_end[row.question];
    if (row.kind == PlannedRow::Kind::kEnd) {
      if (last.has_value() && SameEnd(ends_[*last], ends_[*row.end])) {
        Skip(row.place, "repeats how the question ended");
        return true;
      }
      row.amends = last.has_value();
      last = row.end;
      return false;
    }
    if (last.has_value()) {
      Skip(row.place, "comes after the question ended");
      return true;
    }
    bool& standing = stands[row.question][row.forecaster];
    if (row.kind == PlannedRow::Kind::kWithdrawal && !standing) {
      Skip(row.place, "withdraws a forecast that does not stand");
      return true;
    }
    standing = row.kind == PlannedRow::Kind::kForecast;
    return false;
  };
  std::erase_if(rows_, drop);
}

void Plan::SetTimes() {
  constexpr absl::Duration kTick = absl::Seconds(1);
  struct Span {
    absl::Time first = absl::InfiniteFuture();
    absl::Time last_said = absl::InfinitePast();
    absl::Time end = absl::InfinitePast();
  };
  std::vector<Span> spans(questions_.size());
  absl::Time last = absl::UnixEpoch();
  for (const PlannedRow& row : rows_) {
    Span& span = spans[row.question];
    span.first = std::min(span.first, row.time);
    if (row.kind == PlannedRow::Kind::kEnd) {
      if (span.end == absl::InfinitePast()) span.end = row.time;
    } else {
      span.last_said = std::max(span.last_said, row.time);
    }
    last = std::max(last, row.time);
  }
  for (size_t i = 0; i < questions_.size(); ++i) {
    PlannedQuestion& question = questions_[i];
    const Span& span = spans[i];
    if (!question.open_time.has_value() ||
        (options_.widen_windows && *question.open_time > span.first)) {
      if (question.open_time.has_value())
        Note("questions opened at their first forecast, before their open time");
      question.open_time = span.first == absl::InfiniteFuture() ? last : span.first;
    }
    const absl::Time least = std::max(*question.open_time, span.last_said) + kTick;
    if (!question.close_time.has_value()) {
      Note(
          "questions without a close time: closed when they ended, else a year after the last row");
      question.close_time = std::max(
          least, span.end != absl::InfinitePast() ? span.end : last + absl::Hours(24 * 365));
    } else if (options_.widen_windows && *question.close_time < least) {
      Note("questions closed after their last forecast, later than their close time");
      question.close_time = std::max(least, span.end);
    }
    question.effective_time = std::min(*question.open_time, span.first);
  }
}

absl::Status Plan::Finish() {
  OrderRows();
  CheckSequence();
  SetTimes();
  const auto outside = [this](const PlannedRow& row) {
    const PlannedQuestion& question = questions_[row.question];
    const bool ends = row.kind == PlannedRow::Kind::kEnd;
    if (row.time >= *question.open_time && (ends || row.time < *question.close_time)) return false;
    AddProblem(row.place, Cat("time ", FormatInstant(row.time), " lies outside the question's ",
                              FormatInstant(*question.open_time), " to ",
                              FormatInstant(*question.close_time)));
    return true;
  };
  std::erase_if(rows_, outside);
  if (problems_.empty()) return absl::OkStatus();
  ErrorDetail detail;
  std::string message = absl::StrCat(problem_count_, problem_count_ == 1 ? " row is" : " rows are",
                                     " wrong; nothing was imported");
  for (const std::string& problem : problems_) absl::StrAppend(&message, "\n  ", problem);
  return MakeError(absl::StatusCode::kInvalidArgument, std::move(message), detail);
}

}  // namespace credence::cli
