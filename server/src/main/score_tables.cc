#include "main/score_tables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/time.h"
#include "main/csv.h"
#include "main/text.h"

namespace credence::server {
namespace {

using scoring::ForecastRow;
using scoring::Outcome;
using scoring::QuestionKind;
using scoring::ScoredQuestion;

void NoteUnknown(const std::string& file, const CsvReader& csv,
                 const std::vector<std::string_view>& known, std::ostream& notes) {
  for (const std::string& column : csv.columns()) {
    if (std::find(known.begin(), known.end(), column) == known.end()) {
      notes << "note: " << file << ": the column " << column << " is not known and ignored\n";
    }
  }
}

// Wrong rows, gathered so that one error names many of them.
class RowErrors {
 public:
  explicit RowErrors(std::string file) : file_(std::move(file)) {}

  void Add(int line, std::string_view text) {
    if (full()) return;
    detail_.reason = "FIELD_INVALID";
    detail_.fields.push_back({Cat(file_, ":", line), std::string(text)});
  }
  [[nodiscard]] bool full() const { return detail_.fields.size() >= kErrorsMax; }

  // Says how many; the rows themselves are the violations, which are shown one a line.
  [[nodiscard]] absl::Status ToStatus() const {
    if (detail_.fields.empty()) return absl::OkStatus();
    const size_t count = detail_.fields.size();
    const std::string message =
        Cat(file_, ": ", full() ? "at least " : "", count, count == 1 ? " row is" : " rows are",
            " wrong; nothing was scored");
    return MakeError(absl::StatusCode::kInvalidArgument, message, detail_);
  }

 private:
  static constexpr size_t kErrorsMax = 100;
  std::string file_;
  ErrorDetail detail_;
};

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && std::isfinite(number)) {
    return number;
  }
  // What from_chars does not take, such as a leading plus or blanks.
  if (absl::SimpleAtod(ToAbsl(text), &number) && std::isfinite(number)) return number;
  return std::nullopt;
}

absl::StatusOr<double> ReadNumber(const CsvReader& csv, int column, std::string_view name) {
  if (const std::optional<double> number = ParseNumber(csv.Field(column))) return *number;
  return csv.Error(Cat(name, ": '", csv.Field(column), "' is not a number"));
}

// The digits at [first, first + count) as a number; -1 where one is none.
int Digits(std::string_view text, size_t first, size_t count) {
  int number = 0;
  for (size_t i = first; i < first + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = 10 * number + (text[i] - '0');
  }
  return number;
}

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// YYYY-MM-DDTHH:MM:SSZ, as nearly every file has it, read without the detours of a general parser.
std::optional<absl::Time> ParsePlainTime(std::string_view text) {
  const bool shaped = text.size() == 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
                      text[13] == ':' && text[16] == ':' && text[19] == 'Z';
  if (!shaped) return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  const bool in_range = year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
                        day <= DaysInMonth(year, month) && hour >= 0 && hour < 24 && minute >= 0 &&
                        minute < 60 && second >= 0 && second < 60;
  // Leap seconds and mistakes are left to the general parser, which has words for them.
  if (!in_range) return std::nullopt;
  // Days since 1970 in the proleptic Gregorian calendar, years starting in March (Hinnant 2013).
  const int shifted = month <= 2 ? year - 1 : year;
  const int era = shifted / 400;
  const int year_of_era = shifted - era * 400;
  const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const std::int64_t days = std::int64_t{era} * 146'097 + day_of_era - 719'468;
  return absl::FromUnixSeconds(days * 86'400 + hour * 3600 + minute * 60 + second);
}

// A time of either table. RFC 3339 lets a space stand for the T, as spreadsheets write it.
absl::StatusOr<absl::Time> ParseTableTime(const std::string& text) {
  if (const std::optional<absl::Time> plain = ParsePlainTime(text)) return *plain;
  constexpr size_t kDateSize = 10;
  if (text.size() <= kDateSize || text[kDateSize] != ' ') {
    return cli::ParseFixedTime(text, absl::ZeroDuration());
  }
  std::string joined = text;
  joined[kDateSize] = 'T';
  const auto time = cli::ParseFixedTime(joined, absl::ZeroDuration());
  return time.ok() ? time : cli::ParseFixedTime(text, absl::ZeroDuration());
}

absl::StatusOr<absl::Time> ReadTime(const CsvReader& csv, int column, std::string_view name) {
  const auto time = ParseTableTime(csv.Field(column));
  if (time.ok()) return time;
  return csv.Error(Cat(name, ": ", time.status().message()));
}

absl::StatusOr<std::optional<absl::Time>> ReadTimeIfAny(const CsvReader& csv, int column,
                                                        std::string_view name) {
  if (csv.Field(column).empty()) return std::optional<absl::Time>();
  CREDENCE_ASSIGN_OR_RETURN(const absl::Time time, ReadTime(csv, column, name));
  return std::optional(time);
}

// Index of a text in a list, or -1.
int IndexIn(const std::vector<std::string>& list, const std::string& text) {
  const auto found = std::find(list.begin(), list.end(), text);
  return found == list.end() ? -1 : static_cast<int>(found - list.begin());
}

// Names numbered by first appearance; an empty one is a name of its own each time.
class Numbering {
 public:
  std::uint32_t Of(const std::string& name) {
    if (name.empty()) return next_++;
    const auto [found, added] = numbers_.emplace(name, next_);
    if (added) ++next_;
    return found->second;
  }

 private:
  absl::flat_hash_map<std::string, std::uint32_t> numbers_;
  std::uint32_t next_ = 0;
};

// Reads resolutions record by record.
class ResolutionReader {
 public:
  ResolutionReader(CsvReader csv, ResolutionTable* table) : csv_(std::move(csv)), table_(*table) {}

  absl::Status Read(std::ostream& notes) {
    CREDENCE_ASSIGN_OR_RETURN(question_, csv_.RequireColumn("question"));
    CREDENCE_ASSIGN_OR_RETURN(open_time_, csv_.RequireColumn("open_time"));
    CREDENCE_ASSIGN_OR_RETURN(close_time_, csv_.RequireColumn("close_time"));
    CREDENCE_ASSIGN_OR_RETURN(resolve_time_, csv_.RequireColumn("resolve_time"));
    CREDENCE_ASSIGN_OR_RETURN(outcome_, csv_.RequireColumn("outcome"));
    type_ = csv_.FindColumn("type");
    options_ = csv_.FindColumn("options");
    spot_time_ = csv_.FindColumn("spot_time");
    weight_ = csv_.FindColumn("weight");
    open_bounds_ = csv_.FindColumn("open_bounds");
    bin_width_ = csv_.FindColumn("bin_width");
    cluster_ = csv_.FindColumn("cluster");
    stratum_ = csv_.FindColumn("stratum");
    NoteUnknown(
        table_.file, csv_,
        {"question", "open_time", "close_time", "resolve_time", "outcome", "type", "options",
         "spot_time", "weight", "open_bounds", "bin_width", "cluster", "stratum"},
        notes);
    while (true) {
      CREDENCE_ASSIGN_OR_RETURN(const bool found, csv_.Next());
      if (!found) return absl::OkStatus();
      CREDENCE_RETURN_IF_ERROR(ReadQuestion());
    }
  }

 private:
  absl::Status ReadQuestion() {
    ScoredQuestion question;
    question.id = csv_.Field(question_);
    if (question.id.empty()) return csv_.Error("question: must be given");
    CREDENCE_ASSIGN_OR_RETURN(question.open_time, ReadTime(csv_, open_time_, "open_time"));
    CREDENCE_ASSIGN_OR_RETURN(question.close_time, ReadTime(csv_, close_time_, "close_time"));
    CREDENCE_ASSIGN_OR_RETURN(question.resolve_time,
                              ReadTimeIfAny(csv_, resolve_time_, "resolve_time"));
    CREDENCE_ASSIGN_OR_RETURN(question.spot_time, ReadTimeIfAny(csv_, spot_time_, "spot_time"));
    if (!csv_.Field(weight_).empty()) {
      CREDENCE_ASSIGN_OR_RETURN(question.weight, ReadNumber(csv_, weight_, "weight"));
    }
    std::vector<std::string> options = SplitList(csv_.Field(options_), '|');
    CREDENCE_RETURN_IF_ERROR(CheckOptions(options));
    CREDENCE_ASSIGN_OR_RETURN(question.kind, ReadKind(!options.empty()));
    // Yes is the first state of a yes/no question, in whatever order the file names them.
    if (question.kind == QuestionKind::kBinary && options.size() == 2 && options[1] == "yes") {
      std::swap(options[0], options[1]);
    }
    if (!options.empty()) question.state_count = options.size();
    CREDENCE_ASSIGN_OR_RETURN(question.outcome, ReadOutcome(options));
    CREDENCE_RETURN_IF_ERROR(ReadBins(&question));
    if (const absl::Status valid = scoring::CheckQuestion(question); !valid.ok()) {
      return csv_.Error(FromAbsl(valid.message()));
    }
    const auto number = static_cast<std::uint32_t>(table_.questions.size());
    if (!table_.index.emplace(question.id, number).second) {
      return csv_.Error(Cat("the question ", question.id, " is there twice"));
    }
    table_.questions.push_back(std::move(question));
    table_.options.push_back(std::move(options));
    table_.lines.push_back(csv_.line());
    table_.bounds_given.push_back(!csv_.Field(open_bounds_).empty());
    if (cluster_ >= 0) table_.clusters.push_back(cluster_numbers_.Of(csv_.Field(cluster_)));
    if (stratum_ >= 0) {
      // Questions without a stratum are one of their own together.
      const std::string& name = csv_.Field(stratum_);
      table_.strata.push_back(stratum_numbers_.Of(name.empty() ? std::string("\n") : name));
    }
    return absl::OkStatus();
  }

  absl::Status ReadBins(ScoredQuestion* question) const {
    const std::string& bounds = csv_.Field(open_bounds_);
    if (!bounds.empty()) {
      if (bounds.size() != 1 || bounds[0] < '0' || bounds[0] > '2') {
        return csv_.Error(Cat("open_bounds: '", bounds, "' is none of 0, 1, 2"));
      }
      question->open_bound_count = bounds[0] - '0';
    }
    if (!csv_.Field(bin_width_).empty()) {
      CREDENCE_ASSIGN_OR_RETURN(question->bin_width, ReadNumber(csv_, bin_width_, "bin_width"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckOptions(const std::vector<std::string>& options) const {
    absl::flat_hash_set<std::string_view> seen;
    for (const std::string& option : options) {
      if (option.empty()) return csv_.Error("options: one has no name");
      if (!seen.insert(option).second) {
        return csv_.Error(Cat("options: ", option, " is there twice"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<QuestionKind> ReadKind(bool has_options) const {
    const std::string& type = csv_.Field(type_);
    if (type.empty()) return has_options ? QuestionKind::kMultipleChoice : QuestionKind::kBinary;
    if (type == "binary") return QuestionKind::kBinary;
    if (!has_options) return csv_.Error(Cat("options: a question of type ", type, " needs them"));
    if (type == "multiple_choice") return QuestionKind::kMultipleChoice;
    if (type == "ordered") return QuestionKind::kOrdered;
    if (type == "numeric") return QuestionKind::kNumeric;
    return csv_.Error(
        Cat("type: '", type, "' is none of binary, multiple_choice, ordered, numeric"));
  }

  absl::StatusOr<Outcome> ReadOutcome(const std::vector<std::string>& options) const {
    const std::string& text = csv_.Field(outcome_);
    if (const int state = IndexIn(options, text); state >= 0) {
      return Outcome::State(static_cast<size_t>(state));
    }
    if (text == "void") return Outcome::Void();
    if (text == "ambiguous") return Outcome::Ambiguous();
    if (text == "annulled") return Outcome::Annulled();
    if (!options.empty()) return csv_.Error(Cat("outcome: '", text, "' is none of the options"));
    if (text == "yes") return Outcome::State(0);
    if (text == "no") return Outcome::State(1);
    const std::optional<double> share = ParseNumber(text);
    if (!share || !(*share >= 0 && *share <= 1)) {
      return csv_.Error(Cat("outcome: '", text,
                            "' is none of yes, no, a fraction in [0, 1], void, ambiguous, "
                            "annulled"));
    }
    // The ends are no fractions: such questions count in the calibration.
    if (!(*share < 1)) return Outcome::State(0);
    if (!(*share > 0)) return Outcome::State(1);
    return Outcome::Fraction(*share);
  }

  CsvReader csv_;
  ResolutionTable& table_;
  int question_ = -1, open_time_ = -1, close_time_ = -1, resolve_time_ = -1, outcome_ = -1;
  int type_ = -1, options_ = -1, spot_time_ = -1, weight_ = -1;
  int open_bounds_ = -1, bin_width_ = -1, cluster_ = -1, stratum_ = -1;
  Numbering cluster_numbers_;
  Numbering stratum_numbers_;
};

// Reads forecasts record by record. A wrong row is remembered and the next one read, so that one
// run names all of them.
class ForecastReader {
 public:
  ForecastReader(CsvReader csv, const ResolutionTable& resolutions, const ForecastReading& reading,
                 ForecastTable* table)
      : csv_(std::move(csv)),
        resolutions_(resolutions),
        reading_(reading),
        table_(*table),
        errors_(table->file) {}

  absl::Status Read(std::ostream& notes) {
    CREDENCE_ASSIGN_OR_RETURN(forecaster_, csv_.RequireColumn("forecaster"));
    CREDENCE_ASSIGN_OR_RETURN(question_, csv_.RequireColumn("question"));
    CREDENCE_ASSIGN_OR_RETURN(time_, csv_.RequireColumn("time"));
    CREDENCE_ASSIGN_OR_RETURN(probability_, csv_.RequireColumn("probability"));
    option_ = csv_.FindColumn("option");
    NoteUnknown(table_.file, csv_, {"forecaster", "question", "time", "probability", "option"},
                notes);
    while (!errors_.full()) {
      CREDENCE_ASSIGN_OR_RETURN(const bool found, csv_.Next());
      if (!found) break;
      if (const std::string wrong = ReadRow(); !wrong.empty()) errors_.Add(csv_.line(), wrong);
    }
    CREDENCE_RETURN_IF_ERROR(errors_.ToStatus());
    WriteNotes(notes);
    return absl::OkStatus();
  }

 private:
  // What is wrong with the row; empty where it was taken or left out.
  std::string ReadRow() {
    if (csv_.Field(forecaster_).empty()) return "forecaster: must be given";
    if (csv_.Field(question_).empty()) return "question: must be given";
    ForecastRow row;
    const absl::StatusOr<absl::Time> time = ParseTableTime(csv_.Field(time_));
    if (!time.ok()) return Cat("time: ", time.status().message());
    row.time = *time;
    const std::string& probability = csv_.Field(probability_);
    row.withdrawn = probability == "withdraw";
    // Only an option can be one that was not offered yet.
    if (probability.empty() && !csv_.Field(option_).empty()) return "";
    if (std::string wrong = ReadProbability(probability, row); !wrong.empty()) return wrong;
    if (!FindQuestion()) {
      if (!reading_.skip_unresolved) {
        return Cat("question: ", csv_.Field(question_), " has no resolution in ",
                   resolutions_.file);
      }
      if (++unresolved_count_ == 1) unresolved_line_ = csv_.line();
      return "";
    }
    row.question = last_question_;
    if (std::string wrong = CheckTime(row); !wrong.empty()) return wrong;
    if (std::string wrong = ReadOption(row); !wrong.empty()) return wrong;
    if (table_.rows.size() == std::numeric_limits<std::uint32_t>::max()) {
      return "the file has more forecasts than can be scored at once";
    }
    row.forecaster = FindForecaster();
    table_.rows.push_back(row);
    table_.lines.push_back(csv_.line());
    return "";
  }

  static std::string ReadProbability(const std::string& text, ForecastRow& row) {
    if (row.withdrawn) return "";
    const std::optional<double> number = ParseNumber(text);
    if (!number) return Cat("probability: '", text, "' is not a number");
    if (!(*number >= 0 && *number <= 1)) return Cat("probability: ", text, " is not in [0, 1]");
    row.probability = *number;
    return "";
  }

  // Files tend to have the rows of a question or of a forecaster together.
  bool FindQuestion() {
    const std::string& name = csv_.Field(question_);
    if (name == last_question_name_) return last_question_known_;
    last_question_name_ = name;
    const auto found = resolutions_.index.find(name);
    last_question_known_ = found != resolutions_.index.end();
    if (last_question_known_) last_question_ = found->second;
    return last_question_known_;
  }

  std::uint32_t FindForecaster() {
    const std::string& name = csv_.Field(forecaster_);
    if (!table_.forecasters.empty() && table_.forecasters[last_forecaster_] == name) {
      return last_forecaster_;
    }
    const auto [found, added] =
        index_.try_emplace(name, static_cast<std::uint32_t>(table_.forecasters.size()));
    if (added) table_.forecasters.push_back(name);
    return last_forecaster_ = found->second;
  }

  // What was said after the close could not be wrong any more and never counts; what was said
  // before the open is wrong too, or counts from there on request. A withdrawal after the close
  // ends what has ended already.
  std::string CheckTime(const ForecastRow& row) {
    if (row.withdrawn) return "";
    const ScoredQuestion& question = resolutions_.questions[row.question];
    if (row.time < question.open_time) {
      if (!reading_.count_early) {
        return Cat("time: ", csv_.Field(time_), " is before the open of ", question.id, ", ",
                   TimeText(question.open_time), " (--count-early lets it count from there)");
      }
      if (++early_count_ == 1) early_line_ = csv_.line();
    }
    if (row.time < question.close_time) return "";
    return Cat("time: ", csv_.Field(time_), " is not before the close of ", question.id, ", ",
               TimeText(question.close_time));
  }

  static std::string TimeText(absl::Time time) {
    return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
  }

  // A withdrawal ends the whole forecast, whatever option its row names.
  std::string ReadOption(ForecastRow& row) {
    const std::string& name = csv_.Field(option_);
    const std::vector<std::string>& options = resolutions_.options[row.question];
    if (name.empty()) {
      const bool needed = resolutions_.questions[row.question].kind != QuestionKind::kBinary;
      return needed && !row.withdrawn ? "option: must name one of the question's options" : "";
    }
    if (options.empty()) return Cat("option: the question ", csv_.Field(question_), " has none");
    row.option = FindOption(row.question, options, name);
    return row.option < 0 ? Cat("option: '", name, "' is none of the question's") : "";
  }

  int FindOption(std::uint32_t question, const std::vector<std::string>& options,
                 const std::string& name) {
    constexpr size_t kFew = 8;
    if (options.size() <= kFew) return IndexIn(options, name);
    auto [found, added] = option_index_.try_emplace(question);
    if (added) {
      for (size_t i = 0; i < options.size(); ++i) {
        found->second.emplace(options[i], static_cast<int>(i));
      }
    }
    const auto option = found->second.find(name);
    return option == found->second.end() ? -1 : option->second;
  }

  void WriteNotes(std::ostream& notes) const {
    if (unresolved_count_ > 0) {
      notes << "note: " << table_.file << ": " << unresolved_count_
            << " forecasts are on questions without a resolution and left out, the first on line "
            << unresolved_line_ << "\n";
    }
    if (early_count_ > 0) {
      notes << "note: " << table_.file << ":" << early_line_ << ": " << early_count_
            << " forecasts were made before their question opened and count from there on, this "
               "one first\n";
    }
  }

  CsvReader csv_;
  const ResolutionTable& resolutions_;
  const ForecastReading reading_;
  ForecastTable& table_;
  RowErrors errors_;
  absl::flat_hash_map<std::string, std::uint32_t> index_;
  absl::flat_hash_map<std::uint32_t, absl::flat_hash_map<std::string, int>> option_index_;
  int forecaster_ = -1, question_ = -1, time_ = -1, probability_ = -1, option_ = -1;
  std::string last_question_name_;
  bool last_question_known_ = false;
  std::uint32_t last_question_ = 0;
  std::uint32_t last_forecaster_ = 0;
  std::int64_t unresolved_count_ = 0;
  int unresolved_line_ = 0;
  std::int64_t early_count_ = 0;
  int early_line_ = 0;
};

// "forecasts[7].option" as "F.csv:9: option"; any other path as it is.
std::string AtLine(const std::string& path, std::string_view list, const std::string& file,
                   const std::vector<int>& lines) {
  const size_t close = path.find(']');
  const size_t digits = list.size() + 1;
  if (close == std::string::npos || path.compare(0, digits, Cat(list, "[")) != 0) return path;
  std::uint32_t index = 0;
  if (!absl::SimpleAtoi(path.substr(digits, close - digits), &index) || index >= lines.size()) {
    return path;
  }
  const std::string rest = path.substr(std::min(path.size(), close + 2));
  return Cat(file, ":", lines[index], rest.empty() ? "" : ": ", rest);
}

}  // namespace

absl::StatusOr<ResolutionTable> ReadResolutions(const std::string& file, std::string_view text,
                                                std::ostream& notes) {
  ResolutionTable table;
  table.file = file;
  CREDENCE_ASSIGN_OR_RETURN(CsvReader csv, CsvReader::Open(file, text));
  CREDENCE_RETURN_IF_ERROR(ResolutionReader(std::move(csv), &table).Read(notes));
  return table;
}

absl::StatusOr<ForecastTable> ReadForecasts(const std::string& file, std::string_view text,
                                            const ResolutionTable& resolutions,
                                            const ForecastReading& reading, std::ostream& notes) {
  ForecastTable table;
  table.file = file;
  CREDENCE_ASSIGN_OR_RETURN(CsvReader csv, CsvReader::Open(file, text));
  ForecastReader reader(std::move(csv), resolutions, reading, &table);
  CREDENCE_RETURN_IF_ERROR(reader.Read(notes));
  return table;
}

void InferOpenBounds(const ForecastTable& forecasts, ResolutionTable& resolutions) {
  // Of each question, whether its first and its last bin are possible.
  std::vector<std::array<bool, 2>> possible(resolutions.questions.size());
  const auto mark = [&](size_t question, size_t state) {
    if (state == 0) possible[question][0] = true;
    if (state + 1 == resolutions.questions[question].state_count) possible[question][1] = true;
  };
  for (size_t q = 0; q < resolutions.questions.size(); ++q) {
    const Outcome& outcome = resolutions.questions[q].outcome;
    if (outcome.kind() == Outcome::Kind::kState) mark(q, outcome.state());
  }
  for (const ForecastRow& row : forecasts.rows) {
    const bool counts = !row.withdrawn && row.option >= 0 && row.probability > 0;
    if (counts) mark(row.question, static_cast<size_t>(row.option));
  }
  for (size_t q = 0; q < resolutions.questions.size(); ++q) {
    if (resolutions.bounds_given[q]) continue;
    resolutions.questions[q].open_bound_count = (possible[q][0] ? 1 : 0) + (possible[q][1] ? 1 : 0);
  }
}

absl::Status AtLines(const absl::Status& status, const ForecastTable& forecasts,
                     const ResolutionTable& resolutions) {
  ErrorDetail detail = GetErrorDetail(status);
  if (status.ok() || detail.fields.empty()) return status;
  for (FieldViolation& violation : detail.fields) {
    violation.field = AtLine(violation.field, "forecasts", forecasts.file, forecasts.lines);
    violation.field = AtLine(violation.field, "questions", resolutions.file, resolutions.lines);
  }
  const FieldViolation& first = detail.fields.front();
  return MakeError(status.code(), Cat(first.field, ": ", first.description), detail);
}

}  // namespace credence::server
