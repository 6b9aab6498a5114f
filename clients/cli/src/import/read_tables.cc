#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "google/protobuf/util/json_util.h"
#include "import/cdf_points.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/formats.h"
#include "import/json.h"

// The tables that `score file` reads. A row is read through a function from column to text, so that
// CSV and lines of JSON come to the same.
namespace credence::cli {
namespace {

using Fields = std::function<std::string(std::string_view column)>;

void AddEnd(const Fields& fields, const std::string& external,
            const std::vector<std::string>& states, bool numeric, Place place, Plan& plan) {
  const std::string outcome = fields("outcome");
  if (outcome.empty()) return;
  std::optional<absl::Time> time = ParseInstant(fields("resolve_time"));
  if (!time) time = ParseInstant(fields("close_time"));
  if (!time) return plan.AddProblem(place, "is resolved at no time");
  PlannedEnd end;
  const bool named = std::find(states.begin(), states.end(), outcome) != states.end();
  const std::optional<double> fraction = ParseNumber(outcome);
  if (named || (!numeric && states.empty() && (outcome == "yes" || outcome == "no"))) {
    end.outcome = outcome;
  } else if (outcome == "void" || outcome == "ambiguous" || outcome == "annulled") {
    end.kind = outcome == "void"        ? PlannedEnd::Kind::kVoid
               : outcome == "ambiguous" ? PlannedEnd::Kind::kAmbiguous
                                        : PlannedEnd::Kind::kAnnulled;
  } else if (numeric && fraction) {
    end.kind = PlannedEnd::Kind::kNumber;
    end.number = *fraction;
  } else if (!numeric && states.empty() && fraction && *fraction >= 0.0 && *fraction <= 1.0) {
    end.kind = PlannedEnd::Kind::kFraction;
    end.fraction = *fraction;
  } else {
    return plan.AddProblem(place, Cat("outcome \"", outcome, "\" is not one of the question's"));
  }
  plan.AddEndRow(place, external, *time, std::move(end));
}

void AddQuestion(const Fields& fields, Attributes attributes, Place place, Plan& plan) {
  const std::string external = fields("question");
  const std::string type = fields("type");
  if (external.empty()) return plan.AddProblem(place, "names no question");
  PlannedQuestion question;
  question.place = place;
  question.id = LedgerId(external, 'q');
  question.title = fields("title");
  question.resolution_criteria = fields("resolution_criteria");
  for (const auto tag : absl::StrSplit(fields("tags"), '|', absl::SkipEmpty())) {
    question.tags.emplace_back(tag);
  }
  for (const auto option : absl::StrSplit(fields("options"), '|', absl::SkipEmpty())) {
    question.states.emplace_back(option);
  }
  question.numeric = type == "numeric" && question.states.empty();
  if (question.numeric) question.unit = fields("unit");
  // The bins of a number are states in order.
  question.ordered = question.states.size() > 2 && (type == "ordered" || type == "numeric");
  question.attributes = std::move(attributes);
  for (const auto& [column, time] : {std::pair("open_time", &question.open_time),
                                     std::pair("close_time", &question.close_time)}) {
    const std::string text = fields(column);
    if (text.empty()) continue;
    *time = ParseInstant(text);
    if (!time->has_value())
      return plan.AddProblem(place, Cat(column, " \"", text, "\" is no time"));
  }
  const std::vector<std::string> states = question.states;
  const bool numeric = question.numeric;
  plan.AddQuestion(external, std::move(question));
  AddEnd(fields, external, states, numeric, place, plan);
}

// Forecasts, put together from the rows of their options.
class ForecastTable {
 public:
  explicit ForecastTable(Plan& plan) : plan_(plan) {}

  void Add(const Fields& fields, Attributes attributes, Place place) {
    const std::string external = fields("question");
    const auto question = plan_.FindQuestion(external);
    if (!question) {
      return plan_.AddProblem(place,
                              Cat("question \"", external, "\" is not among the resolutions"));
    }
    const auto time = ParseInstant(fields("time"));
    if (!time) return plan_.AddProblem(place, Cat("time \"", fields("time"), "\" is no time"));
    const std::string forecaster = fields("forecaster");
    if (forecaster.empty()) return plan_.AddProblem(place, "names no forecaster");
    PlannedRow row;
    row.place = place;
    row.question = *question;
    row.forecaster = plan_.Forecaster(forecaster);
    row.time = *time;
    if (!attributes.empty()) row.attributes = plan_.AddAttributes(std::move(attributes));
    const std::string text = fields("probability");
    if (text == "withdraw") {
      row.kind = PlannedRow::Kind::kWithdrawal;
      return plan_.AddRow(std::move(row));
    }
    if (plan_.questions()[*question].numeric) return AddPoint(std::move(row), fields);
    const auto probability = ParseNumber(text);
    if (!probability)
      return plan_.AddProblem(place, Cat("probability \"", text, "\" is no number"));
    AddProbability(std::move(row), fields("option"), *probability);
  }

  // The forecasts over options; an option without a row has 0. And those of numbers.
  void Finish() {
    for (auto& [key, row] : open_) plan_.AddRow(std::move(row));
    open_.clear();
    for (auto& [key, function] : functions_) {
      auto distribution = DistributionFromCdf(function.values, function.cumulative);
      if (!distribution.ok()) {
        plan_.AddProblem(function.row.place, FromAbsl(distribution.status().message()));
        continue;
      }
      function.row.distribution = plan_.AddDistribution(*std::move(distribution));
      plan_.AddRow(std::move(function.row));
    }
    functions_.clear();
  }

 private:
  using Key = std::tuple<size_t, size_t, absl::Time>;
  // A distribution function as far as its rows have come.
  struct Function {
    PlannedRow row;
    std::vector<double> values;
    std::vector<double> cumulative;
  };

  // A whole distribution in the API's form, or one point of its function.
  void AddPoint(PlannedRow row, const Fields& fields) {
    const std::string json = fields("distribution");
    if (!json.empty()) {
      event::v1::NumericDistribution distribution;
      if (!google::protobuf::util::JsonStringToMessage(json, &distribution).ok()) {
        return plan_.AddProblem(row.place, "distribution is not one of the API's in JSON");
      }
      row.distribution = plan_.AddDistribution(std::move(distribution));
      return plan_.AddRow(std::move(row));
    }
    const auto value = ParseNumber(fields("value"));
    const auto cumulative = ParseNumber(fields("cumulative"));
    if (!value || !cumulative) {
      return plan_.AddProblem(row.place,
                              "is on a number and needs value and cumulative, or distribution");
    }
    Function& function =
        functions_.try_emplace(Key(row.question, row.forecaster, row.time)).first->second;
    if (function.values.empty()) function.row = std::move(row);
    function.values.push_back(*value);
    function.cumulative.push_back(*cumulative);
  }

  void AddProbability(PlannedRow row, const std::string& option, double probability) {
    const std::vector<std::string>& states = plan_.questions()[row.question].states;
    if (option.empty()) {
      if (states.size() > 2) return plan_.AddProblem(row.place, "names no option of several");
      row.probabilities = {probability};
      return plan_.AddRow(std::move(row));
    }
    static const std::vector<std::string> kYesNo = {"yes", "no"};
    const std::vector<std::string>& options = states.empty() ? kYesNo : states;
    const auto found = std::find(options.begin(), options.end(), option);
    if (found == options.end()) {
      return plan_.AddProblem(row.place,
                              Cat("option \"", option, "\" is not one of the question's"));
    }
    PlannedRow& joined =
        open_.try_emplace(Key(row.question, row.forecaster, row.time), std::move(row))
            .first->second;
    joined.probabilities.resize(options.size(), 0.0);
    joined.probabilities[static_cast<size_t>(found - options.begin())] = probability;
  }

  Plan& plan_;
  std::map<Key, PlannedRow> open_;
  std::map<Key, Function> functions_;
};

// Columns that mean something here; what else stands in a row is kept as it is.
Attributes Others(const std::vector<std::pair<std::string, std::string>>& row) {
  static const char* const kKnown[] = {"question",     "title",       "resolution_criteria",
                                       "tags",         "open_time",   "close_time",
                                       "resolve_time", "outcome",     "type",
                                       "options",      "forecaster",  "time",
                                       "option",       "probability", "kind",
                                       "value",        "cumulative",  "distribution"};
  Attributes attributes;
  for (const auto& [column, value] : row) {
    if (value.empty() ||
        std::find(std::begin(kKnown), std::end(kKnown), column) != std::end(kKnown)) {
      continue;
    }
    attributes.emplace_back(column, value);
  }
  return attributes;
}

Attributes OtherColumns(const CsvReader& rows) {
  std::vector<std::pair<std::string, std::string>> row;
  for (size_t i = 0; i < rows.columns().size(); ++i) {
    row.emplace_back(rows.columns()[i], std::string(rows.Get(i)));
  }
  return Others(row);
}

Attributes OtherMembers(const boost::json::object& object) {
  std::vector<std::pair<std::string, std::string>> row;
  for (const auto& member : object) {
    const std::string key(member.key());
    row.emplace_back(key, TextOf(object, key));
  }
  return Others(row);
}

template <typename Add>
absl::Status ForEachRow(const TextFile& file, CsvReader rows, Plan& plan, const Add& add) {
  const size_t number = plan.AddFile(file.name);
  const Fields fields = [&rows](std::string_view column) { return std::string(rows.Get(column)); };
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return absl::OkStatus();
    add(fields, OtherColumns(rows), Place{number, rows.line()});
  }
}

bool IsJson(const TextFile& file) {
  const size_t first = file.text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (file.text[first] == '{' || file.text[first] == '[');
}

// A line with a forecaster is a forecast, any other a question.
absl::Status ReadJson(const std::vector<const TextFile*>& files, Plan& plan, ForecastTable& table) {
  std::vector<size_t> numbers;
  for (const TextFile* file : files) numbers.push_back(plan.AddFile(file->name));
  for (const bool forecasts : {false, true}) {
    for (size_t i = 0; i < files.size(); ++i) {
      CREDENCE_RETURN_IF_ERROR(ForEachObject(*files[i], [&](const boost::json::object& object,
                                                            int64_t line) {
        if (HasMember(object, "forecaster") != forecasts) return;
        const Fields fields = [&object](std::string_view member) { return TextOf(object, member); };
        const Place place{numbers[i], line};
        if (forecasts) return table.Add(fields, OtherMembers(object), place);
        AddQuestion(fields, OtherMembers(object), place, plan);
      }));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadTables(const std::vector<TextFile>& files, Plan& plan) {
  ForecastTable table(plan);
  std::vector<const TextFile*> json_files;
  std::vector<std::pair<const TextFile*, CsvReader>> forecasts;
  for (const TextFile& file : files) {
    if (IsJson(file)) {
      json_files.push_back(&file);
      continue;
    }
    CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
    if (rows.Has("forecaster") &&
        (rows.Has("probability") || rows.Has("cumulative") || rows.Has("distribution"))) {
      forecasts.emplace_back(&file, std::move(rows));
    } else if (rows.Has("question") && rows.Has("outcome")) {
      CREDENCE_RETURN_IF_ERROR(ForEachRow(
          file, std::move(rows), plan, [&plan](const Fields& fields, Attributes others, Place at) {
            AddQuestion(fields, std::move(others), at, plan);
          }));
    } else {
      return MakeError(absl::StatusCode::kInvalidArgument,
                       absl::StrCat(file.name,
                                    ": has neither the columns of forecasts (forecaster, question, "
                                    "time, probability) nor those of resolutions (question, "
                                    "open_time, close_time, resolve_time, outcome)"),
                       {});
    }
  }
  CREDENCE_RETURN_IF_ERROR(ReadJson(json_files, plan, table));
  for (auto& [file, rows] : forecasts) {
    CREDENCE_RETURN_IF_ERROR(ForEachRow(
        *file, std::move(rows), plan, [&table](const Fields& fields, Attributes others, Place at) {
          table.Add(fields, std::move(others), at);
        }));
  }
  table.Finish();
  return absl::OkStatus();
}

}  // namespace credence::cli
