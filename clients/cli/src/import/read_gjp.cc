#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/formats.h"

// The Good Judgment Project. Options are letters from "a" on; a forecast is one row for each
// option, one after the other. Times have no zone in the files and are read as UTC.
namespace credence::cli {
namespace {

bool IsMissing(std::string_view text) { return text.empty() || text == "NA"; }

Attributes FilledFields(const CsvReader& rows, std::initializer_list<std::string_view> but = {}) {
  Attributes attributes;
  for (size_t i = 0; i < rows.columns().size(); ++i) {
    const std::string& column = rows.columns()[i];
    if (IsMissing(rows.Get(i)) || std::find(but.begin(), but.end(), column) != but.end()) continue;
    attributes.emplace_back(column, ToUtf8(std::string(rows.Get(i))));
  }
  return attributes;
}

std::vector<std::string> Letters(size_t count) {
  std::vector<std::string> letters;
  for (size_t i = 0; i < count; ++i) letters.emplace_back(1, static_cast<char>('a' + i));
  return letters;
}

void AddEnd(const CsvReader& rows, const std::string& external, size_t option_count, Place place,
            Plan& plan) {
  const std::string status = absl::AsciiStrToLower(ToAbsl(rows.Get("q_status")));
  const std::string outcome(rows.Get("outcome"));
  if (status != "closed" && status != "voided") return;
  auto time = ParseInstant(rows.Get("date_closed"));
  if (!time) time = ParseInstant(rows.Get("date_to_close"));
  if (!time) return plan.AddProblem(place, "has ended on no date");
  PlannedEnd end;
  if (status == "voided") {
    end.kind = PlannedEnd::Kind::kVoid;
  } else if (outcome.size() == 1 && outcome[0] >= 'a' &&
             static_cast<size_t>(outcome[0] - 'a') < option_count) {
    end.outcome = outcome;
  } else {
    return plan.AddProblem(place, Cat("outcome \"", outcome, "\" is not one of its options"));
  }
  // A day's forecasts still count; what ended it is known at its end.
  plan.AddEndRow(place, external, *time + absl::Hours(24), std::move(end));
}

absl::Status ReadQuestions(const TextFile& file, Plan& plan) {
  CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
  const size_t number = plan.AddFile(file.name);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return absl::OkStatus();
    const Place place{number, rows.line()};
    const std::string external(rows.Get("ifp_id"));
    const double type = ParseNumber(rows.Get("q_type")).value_or(0.0);
    const double option_count = ParseNumber(rows.Get("n_opts")).value_or(2.0);
    if (!(option_count >= 2.0 && option_count <= 26.0)) {
      plan.AddProblem(place, Cat("n_opts \"", rows.Get("n_opts"), "\" must be 2 to 26"));
      continue;
    }
    PlannedQuestion question;
    question.place = place;
    question.id = LedgerId(Cat("gjp/", external), 'q');
    question.title = ToUtf8(std::string(rows.Get("q_text")));
    question.resolution_criteria = ToUtf8(std::string(rows.Get("q_desc")));
    question.states = Letters(static_cast<size_t>(option_count));
    question.tags = {"gjp"};
    if (type >= 1.0 && type <= 5.0) question.tags.emplace_back("conditional");
    if (type > 5.0) question.tags.emplace_back("ordered");
    question.ordered = type > 5.0 && option_count > 2.0;
    question.attributes = FilledFields(rows, {"q_desc"});
    question.open_time = ParseInstant(rows.Get("date_start"));
    question.close_time = ParseInstant(rows.Get("date_closed"));
    if (question.close_time) *question.close_time += absl::Hours(24);
    plan.AddQuestion(external, std::move(question));
    AddEnd(rows, external, static_cast<size_t>(option_count), place, plan);
  }
}

// Puts together the rows of one forecast.
class ForecastReader {
 public:
  ForecastReader(const TextFile& file, Plan& plan)
      : number_(plan.AddFile(file.name)), plan_(plan) {}

  absl::Status Read(CsvReader rows) {
    while (true) {
      CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
      if (!more) break;
      const std::string key =
          Cat(rows.Get("ifp_id"), "|", rows.Get("user_id"), "|", rows.Get("forecast_id"));
      if (key != key_) {
        Finish();
        Begin(key, rows);
      }
      if (open_) AddOption(rows);
    }
    Finish();
    return absl::OkStatus();
  }

 private:
  void Begin(const std::string& key, const CsvReader& rows) {
    key_ = key;
    open_ = false;
    const Place place{number_, rows.line()};
    const auto question = plan_.FindQuestion(rows.Get("ifp_id"));
    if (!question) {
      return plan_.AddProblem(place,
                              Cat("question \"", rows.Get("ifp_id"), "\" is not in ifps.csv"));
    }
    std::string_view when = rows.Get("timestamp");
    if (IsMissing(when)) when = rows.Get("fcast_date");
    const auto time = ParseInstant(when);
    if (!time) return plan_.AddProblem(place, Cat("timestamp \"", when, "\" is no time"));
    row_ = PlannedRow();
    row_.place = place;
    row_.question = *question;
    row_.forecaster = plan_.Forecaster(Cat("gjp/", rows.Get("user_id")));
    row_.time = *time;
    row_.kind =
        rows.Get("fcast_type") == "4" ? PlannedRow::Kind::kWithdrawal : PlannedRow::Kind::kForecast;
    row_.attributes = plan_.AddAttributes(FilledFields(rows, {"answer_option", "value"}));
    row_.probabilities.assign(plan_.questions()[*question].states.size(), 0.0);
    seen_.fill(false);
    open_ = true;
  }

  void AddOption(const CsvReader& rows) {
    const Place place{number_, rows.line()};
    const std::string_view option = rows.Get("answer_option");
    if (row_.kind == PlannedRow::Kind::kWithdrawal) return;
    const auto value = ParseNumber(rows.Get("value"));
    const size_t index = option.size() == 1 ? static_cast<size_t>(option[0] - 'a') : seen_.size();
    if (!value || index >= row_.probabilities.size()) {
      open_ = false;
      return plan_.AddProblem(place, Cat("option \"", option, "\" with value \"", rows.Get("value"),
                                         "\" is none of the question's"));
    }
    // Exact repetitions occur in the files.
    if (seen_[index]) return;
    seen_[index] = true;
    row_.probabilities[index] = *value;
  }

  void Finish() {
    if (open_) plan_.AddRow(std::move(row_));
    open_ = false;
  }

  size_t number_;
  Plan& plan_;
  std::string key_;
  PlannedRow row_;
  std::array<bool, 26> seen_{};
  bool open_ = false;
};

}  // namespace

absl::Status ReadGoodJudgment(const std::vector<TextFile>& files, Plan& plan) {
  std::vector<std::pair<const TextFile*, CsvReader>> forecasts;
  bool has_questions = false;
  for (const TextFile& file : files) {
    CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
    if (rows.Has("ifp_id") && rows.Has("q_text")) {
      has_questions = true;
      CREDENCE_RETURN_IF_ERROR(ReadQuestions(file, plan));
    } else if (rows.Has("ifp_id") && rows.Has("answer_option")) {
      forecasts.emplace_back(&file, std::move(rows));
    } else {
      return MakeError(absl::StatusCode::kInvalidArgument,
                       absl::StrCat(file.name, ": is neither ifps.csv nor a table of forecasts"),
                       {});
    }
  }
  if (!has_questions) {
    return MakeError(absl::StatusCode::kInvalidArgument, "ifps.csv, the questions, was not given",
                     {});
  }
  for (auto& [file, rows] : forecasts) {
    CREDENCE_RETURN_IF_ERROR(ForecastReader(*file, plan).Read(std::move(rows)));
  }
  return absl::OkStatus();
}

}  // namespace credence::cli
