#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "import/cdf_points.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/formats.h"

// A data download of Metaculus. Rows without a forecaster's id are aggregates, which are
// forecasters under the name of their method. A forecast ends at its end time, where the same
// forecaster's next one does not begin there. Numbers, counts and dates are forecast by the values
// of a distribution function over the question's range; a date is a number of seconds since 1970.
namespace credence::cli {
namespace {

// What stays of a row: every field that is not empty.
Attributes FilledFields(const CsvReader& rows) {
  Attributes attributes;
  for (size_t i = 0; i < rows.columns().size(); ++i) {
    if (!rows.Get(i).empty()) attributes.emplace_back(rows.columns()[i], std::string(rows.Get(i)));
  }
  return attributes;
}

std::optional<absl::Time> FirstTime(const CsvReader& rows,
                                    std::initializer_list<std::string_view> columns) {
  for (const std::string_view column : columns) {
    if (const auto time = ParseInstant(rows.Get(column))) return time;
  }
  return std::nullopt;
}

// A number, or a time in seconds since 1970.
std::optional<double> ParseValue(std::string_view text) {
  if (const auto number = ParseNumber(text)) return number;
  const auto time = ParseInstant(text);
  return time ? std::optional(absl::FDivDuration(*time - absl::UnixEpoch(), absl::Seconds(1)))
              : std::nullopt;
}

// The values at which a distribution function is stated; empty where the row has none.
std::vector<double> RangeOf(const CsvReader& rows) {
  std::vector<double> range;
  const auto list = ParseList(rows.Get("Continuous Range"));
  if (!list) return range;
  for (const std::string& text : *list) {
    const auto value = ParseValue(text);
    if (!value) return {};
    range.push_back(*value);
  }
  return range;
}

// What was beyond the range is known to lie at its end or farther: there the forecasts' mass
// stands.
std::optional<double> ResolvedNumber(const std::string& resolution,
                                     const std::vector<double>& range, Plan& plan) {
  if (range.empty()) return std::nullopt;
  const std::string lower = absl::AsciiStrToLower(resolution);
  const bool above = lower == "above_upper_bound";
  if (!above && lower != "below_lower_bound") return ParseValue(resolution);
  plan.Note("resolutions beyond a question's range: taken for its end");
  return above ? range.back() : range.front();
}

void AddResolution(const CsvReader& rows, const std::string& external,
                   const std::vector<std::string>& states, const std::vector<double>& range,
                   Place place, Plan& plan) {
  const std::string resolution(rows.Get("Resolution"));
  const std::string lower = absl::AsciiStrToLower(resolution);
  if (resolution.empty()) return;
  const std::optional<absl::Time> time =
      FirstTime(rows, {"Resolution Known Time", "Actual Close Time", "Scheduled Close Time"});
  if (!time) return plan.AddProblem(place, "is resolved at no time");
  PlannedEnd end;
  if (lower == "annulled") {
    end.kind = PlannedEnd::Kind::kAnnulled;
  } else if (lower == "ambiguous") {
    end.kind = PlannedEnd::Kind::kAmbiguous;
  } else if (const auto number = ResolvedNumber(resolution, range, plan)) {
    end.kind = PlannedEnd::Kind::kNumber;
    end.number = *number;
  } else if (range.empty() && states.empty() && (lower == "yes" || lower == "no")) {
    end.outcome = lower;
  } else if (std::find(states.begin(), states.end(), resolution) != states.end()) {
    end.outcome = resolution;
  } else {
    return plan.AddProblem(place,
                           Cat("resolution \"", resolution,
                               range.empty() ? "\" is not one of its options" : "\" is no number"));
  }
  plan.AddEndRow(place, external, *time, std::move(end));
}

// The ranges of the questions that ask for a number, by id; and the questions that are not read.
struct Known {
  std::map<std::string, std::vector<double>> ranges;
  std::map<std::string, std::string> unread;
};

bool IsNumeric(const std::string& type) {
  return type == "numeric" || type == "discrete" || type == "date";
}

absl::Status ReadQuestions(const TextFile& file, Known& known, Plan& plan) {
  CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
  const size_t number = plan.AddFile(file.name);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return absl::OkStatus();
    const Place place{number, rows.line()};
    const std::string external(rows.Get("Question ID"));
    const std::string type = absl::AsciiStrToLower(ToAbsl(rows.Get("Question Type")));
    const bool numeric = IsNumeric(type);
    if (!numeric && type != "binary" && type != "multiple_choice" && type != "multiple choice") {
      known.unread[external] = type;
      plan.Skip(place, Cat("is a question of type ", type));
      continue;
    }
    PlannedQuestion question;
    question.place = place;
    question.id = LedgerId(Cat("metaculus/", external), 'q');
    question.title = std::string(rows.Get("Question Title"));
    question.tags = {"metaculus"};
    question.attributes = FilledFields(rows);
    question.open_time = FirstTime(rows, {"Open Time", "Post Published Time"});
    question.close_time = FirstTime(rows, {"Scheduled Close Time", "Actual Close Time"});
    std::vector<double> range;
    if (numeric) {
      range = RangeOf(rows);
      if (range.size() < 2) {
        plan.Skip(place,
                  "asks for a number without a Continuous Range to state distributions over");
        known.unread[external] = type;
        continue;
      }
      question.numeric = true;
      if (type == "date") question.unit = "seconds since 1970";
      known.ranges[external] = range;
    } else if (type != "binary") {
      const auto options = ParseList(rows.Has("MC Options (All)") ? rows.Get("MC Options (All)")
                                                                  : rows.Get("MC Options"));
      if (!options || options->size() < 2) {
        plan.AddProblem(place, "has no list of options");
        known.unread[external] = type;
        continue;
      }
      question.states = *options;
    }
    const std::vector<std::string> states = question.states;
    plan.AddQuestion(external, std::move(question));
    AddResolution(rows, external, states, range, place, plan);
  }
}

std::string ForecasterName(const CsvReader& rows) {
  const std::string id(rows.Has("Forecaster (Anonymized)") ? rows.Get("Forecaster (Anonymized)")
                                                           : rows.Get("Forecaster ID"));
  const std::string name(rows.Get("Forecaster Username"));
  if (id.empty()) return Cat("metaculus/", name);
  return name.empty() ? Cat("metaculus/", id) : Cat("metaculus/", id, "-", name);
}

// The numbers of a list; an option that could not be chosen yet has 0.
std::vector<double> NumbersOf(std::string_view text) {
  std::vector<double> numbers;
  const auto list = ParseList(text);
  if (!list) return numbers;
  for (const std::string& item : *list) numbers.push_back(ParseNumber(item).value_or(0.0));
  return numbers;
}

// The probabilities of a row on a question of so many states, of 0 for yes and no; nothing where it
// has none. The geometric means are stated by masses also where that is no and yes.
std::vector<double> Probabilities(const CsvReader& rows, size_t state_count) {
  if (const auto yes = ParseNumber(rows.Get("Probability Yes"))) return {*yes};
  std::vector<double> probabilities = NumbersOf(rows.Get("Probability Yes Per Category"));
  if (state_count == 0 && probabilities.size() == 2) return {probabilities[1]};
  return probabilities;
}

// The distribution function of a row at the values of the range.
std::vector<double> Cumulative(const CsvReader& rows, size_t value_count) {
  std::vector<double> cumulative = NumbersOf(rows.Get("Continuous CDF"));
  if (!cumulative.empty()) return cumulative;
  // The geometric means are stated by masses: below the range, between its values, above it.
  const std::vector<double> masses = NumbersOf(rows.Get("Probability Yes Per Category"));
  if (masses.size() != value_count + 1) return {};
  double sum = 0.0;
  for (size_t i = 0; i < value_count; ++i) {
    sum = std::min(1.0, sum + masses[i]);
    cumulative.push_back(sum);
  }
  return cumulative;
}

struct Ending {
  absl::Time time;
  Place place;
};

class ForecastReader {
 public:
  ForecastReader(const Known& known, Plan& plan) : known_(known), plan_(plan) {}

  absl::Status Read(const TextFile& file) {
    CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
    const size_t number = plan_.AddFile(file.name);
    while (true) {
      CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
      if (!more) break;
      Add(rows, {number, rows.line()});
    }
    AddWithdrawals();
    return absl::OkStatus();
  }

 private:
  using Key = std::pair<size_t, size_t>;

  void Add(const CsvReader& rows, Place place) {
    const std::string external(rows.Get("Question ID"));
    const auto question = plan_.FindQuestion(external);
    if (!question) {
      if (known_.unread.contains(external))
        return plan_.Skip(place, "is on a question that is not read");
      return plan_.AddProblem(place,
                              Cat("question \"", external, "\" is not in question_data.csv"));
    }
    PlannedRow row;
    row.place = place;
    row.question = *question;
    const auto start = ParseInstant(rows.Get("Start Time"));
    if (!start) {
      return plan_.AddProblem(place, Cat("Start Time \"", rows.Get("Start Time"), "\" is no time"));
    }
    const auto range = known_.ranges.find(external);
    const bool stated = range == known_.ranges.end() ? TakeProbabilities(rows, row)
                                                     : TakeDistribution(rows, range->second, row);
    if (!stated) return;
    row.time = *start;
    row.forecaster = plan_.Forecaster(ForecasterName(rows));
    row.attributes = plan_.AddAttributes(FilledFields(rows));
    const Key key{row.question, row.forecaster};
    starts_[key].push_back(*start);
    if (const auto end = ParseInstant(rows.Get("End Time"))) ends_[key].push_back({*end, place});
    plan_.AddRow(std::move(row));
  }

  bool TakeProbabilities(const CsvReader& rows, PlannedRow& row) {
    const size_t state_count = plan_.questions()[row.question].states.size();
    row.probabilities = Probabilities(rows, state_count);
    if (row.probabilities.size() == std::max<size_t>(state_count, 1)) return true;
    plan_.AddProblem(row.place, "does not have a probability for each option");
    return false;
  }

  bool TakeDistribution(const CsvReader& rows, const std::vector<double>& range, PlannedRow& row) {
    auto distribution = DistributionFromCdf(range, Cumulative(rows, range.size()));
    if (!distribution.ok()) {
      plan_.AddProblem(row.place, FromAbsl(distribution.status().message()));
      return false;
    }
    row.distribution = plan_.AddDistribution(*std::move(distribution));
    return true;
  }

  void AddWithdrawals() {
    for (auto& [key, endings] : ends_) {
      std::vector<absl::Time>& starts = starts_[key];
      std::sort(starts.begin(), starts.end());
      for (const Ending& ending : endings) {
        if (std::binary_search(starts.begin(), starts.end(), ending.time)) continue;
        PlannedRow row;
        row.kind = PlannedRow::Kind::kWithdrawal;
        row.place = ending.place;
        row.question = key.first;
        row.forecaster = key.second;
        row.time = ending.time;
        // An expiry that lies after the close ends nothing that counts.
        const auto& close = plan_.questions()[row.question].close_time;
        if (close.has_value() && row.time >= *close) continue;
        plan_.AddRow(std::move(row));
      }
    }
  }

  const Known& known_;
  Plan& plan_;
  std::map<Key, std::vector<absl::Time>> starts_;
  std::map<Key, std::vector<Ending>> ends_;
};

}  // namespace

absl::Status ReadMetaculus(const std::vector<TextFile>& files, Plan& plan) {
  Known known;
  std::vector<const TextFile*> forecasts;
  bool has_questions = false;
  for (const TextFile& file : files) {
    if (!absl::EndsWithIgnoreCase(file.name, ".csv")) continue;
    CREDENCE_ASSIGN_OR_RETURN(const CsvReader header, CsvReader::Open(file));
    if (header.Has("Question ID") && header.Has("Question Type")) {
      has_questions = true;
      CREDENCE_RETURN_IF_ERROR(ReadQuestions(file, known, plan));
    } else if (header.Has("Question ID") && header.Has("Start Time")) {
      forecasts.push_back(&file);
    }
  }
  if (!has_questions) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     "no file with the columns of question_data.csv was given", {});
  }
  ForecastReader reader(known, plan);
  for (const TextFile* file : forecasts) CREDENCE_RETURN_IF_ERROR(reader.Read(*file));
  return absl::OkStatus();
}

}  // namespace credence::cli
