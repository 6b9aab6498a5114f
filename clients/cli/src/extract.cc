#include <algorithm>
#include <map>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "credence/base/error.h"
#include "credence/cli/exit_code.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "extract_files.h"
#include "format.h"
#include "google/protobuf/util/json_util.h"
#include "output.h"

// `credence extract FORM DIRECTORY`: what was forecast and how it ended, as files again.
namespace credence::cli {
namespace {

// --- Tables, as `score file` and `import csv` read them ---

void WriteForecast(const v1::Question& question, const v1::Forecast& forecast, std::ostream& out) {
  const std::string forecaster = IdOf(forecast.forecaster());
  const std::string time = FormatInstant(forecast.effective_time());
  const std::string id = IdOf(question.name());
  if (forecast.withdrawn()) return WriteRow(out, {forecaster, id, time, "", "withdraw"});
  if (IsYesNo(question)) {
    return WriteRow(out, {forecaster, id, time, "", Plain(forecast.probability())});
  }
  for (const v1::StateProbability& state : forecast.probabilities()) {
    WriteRow(out, {forecaster, id, time, state.state(), Plain(state.probability())});
  }
}

// Files of the questions that ask for a number, made when the first of them comes.
class NumberFiles {
 public:
  explicit NumberFiles(const ExtractFlags& flags) : flags_(flags) {}

  absl::Status Open() {
    if (resolutions_.is_open()) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(resolutions_, OpenFile(flags_, "number_resolutions.csv"));
    CREDENCE_ASSIGN_OR_RETURN(forecasts_, OpenFile(flags_, "number_forecasts.csv"));
    WriteRow(resolutions_, {"question", "title", "tags", "open_time", "close_time", "resolve_time",
                            "outcome", "type", "unit"});
    WriteRow(forecasts_, {"forecaster", "question", "time", "probability", "distribution"});
    return absl::OkStatus();
  }
  void AddResolution(std::vector<std::string> fields, const std::string& unit) {
    fields.insert(fields.end(), {"numeric", unit});
    WriteRow(resolutions_, fields);
  }
  void AddForecast(const v1::Question& question, const v1::Forecast& forecast) {
    std::string distribution;
    if (forecast.has_distribution()) {
      const auto written =
          google::protobuf::util::MessageToJsonString(forecast.distribution(), &distribution);
      if (!written.ok()) distribution.clear();
    }
    WriteRow(forecasts_, {IdOf(forecast.forecaster()), IdOf(question.name()),
                          FormatInstant(forecast.effective_time()),
                          forecast.withdrawn() ? "withdraw" : "", distribution});
  }
  [[nodiscard]] bool good() const { return resolutions_.good() && forecasts_.good(); }

 private:
  const ExtractFlags& flags_;
  std::ofstream resolutions_;
  std::ofstream forecasts_;
};

absl::Status ExtractTables(CliContext& context, const ExtractFlags& flags) {
  NumberFiles numbers(flags);
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream resolutions, OpenFile(flags, "resolutions.csv"));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream forecasts, OpenFile(flags, "forecasts.csv"));
  WriteRow(resolutions, {"question", "title", "tags", "open_time", "close_time", "resolve_time",
                         "outcome", "options", "type"});
  WriteRow(forecasts, {"forecaster", "question", "time", "option", "probability"});
  int64_t question_count = 0;
  CREDENCE_RETURN_IF_ERROR(
      ForEachQuestion(context, flags, [&](const v1::Question& question) -> absl::Status {
        const std::string outcome = OutcomeText(question);
        if (outcome.empty()) return absl::OkStatus();
        ++question_count;
        const std::string options = IsYesNo(question) ? "" : absl::StrJoin(question.states(), "|");
        const std::string resolve_time = question.resolution().has_resolve_time()
                                             ? FormatInstant(question.resolution().resolve_time())
                                             : "";
        std::vector<std::string> fields = {IdOf(question.name()),
                                           question.title(),
                                           absl::StrJoin(question.tags(), "|"),
                                           FormatInstant(question.open_time()),
                                           FormatInstant(question.close_time()),
                                           resolve_time,
                                           outcome};
        if (question.has_numeric()) {
          if (absl::Status opened = numbers.Open(); !opened.ok()) return opened;
          numbers.AddResolution(std::move(fields), question.numeric().unit());
          return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
            numbers.AddForecast(question, forecast);
          });
        }
        fields.insert(fields.end(), {options, question.ordered() ? "ordered" : ""});
        WriteRow(resolutions, fields);
        return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
          WriteForecast(question, forecast, forecasts);
        });
      }));
  context.err() << question_count << " questions that ended, in " << flags.directory
                << "/resolutions.csv and forecasts.csv; those that ask for a number in "
                   "number_resolutions.csv and number_forecasts.csv\n";
  return CheckWritten(forecasts.good() && resolutions.good() && numbers.good());
}

// --- Changes, as `import forecastbench` reads them ---

struct ChangeRow {
  absl::Time time;
  std::string question;
  std::string kind;
  std::string value;
};

std::optional<ChangeRow> ToChange(const event::v1::EventEnvelope& envelope) {
  ChangeRow row;
  row.time = ToTime(envelope.effective_time());
  const google::protobuf::Any& payload = envelope.payload();
  if (payload.Is<event::v1::ForecastRecorded>()) {
    event::v1::ForecastRecorded forecast;
    if (!payload.UnpackTo(&forecast) || forecast.probabilities().empty()) return std::nullopt;
    row.kind = "forecast";
    row.value = Plain(forecast.probabilities(0));
    return row;
  }
  const std::optional<MarketEnd> end = MarketEndOf(envelope);
  if (!end.has_value()) return std::nullopt;
  row.kind = end->amends ? "correction" : "resolution";
  row.value = Plain(end->value);
  return row;
}

absl::Status AddChanges(CliContext& context, const v1::Question& question,
                        std::vector<ChangeRow>& rows) {
  return ForEachEvent(context, question.name(), [&](const event::v1::EventEnvelope& envelope) {
    std::optional<ChangeRow> row = ToChange(envelope);
    if (!row.has_value()) return;
    row->question = AttributeOf(question, "question");
    rows.push_back(*std::move(row));
  });
}

absl::Status ExtractChanges(CliContext& context, const ExtractFlags& flags) {
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream questions, OpenFile(flags, "questions.csv"));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream stream, OpenFile(flags, "stream.csv"));
  // By the source's own id, as the tables of changes have them.
  std::map<std::string, v1::Question> by_id;
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&by_id](const v1::Question& question) {
    const std::string id = AttributeOf(question, "question");
    // The member of a question set that has this name is the question's text.
    const bool is_of_set = !AttributeOf(question, "id").empty();
    if (!id.empty() && !is_of_set) by_id.emplace(id, question);
    return absl::OkStatus();
  }));
  std::vector<ChangeRow> rows;
  const std::vector<std::string> columns = {
      "question", "source", "title",        "resolution_criteria", "opened",
      "closes",   "url",    "question_set", "first_observed"};
  WriteRow(questions, columns);
  for (const auto& [id, question] : by_id) {
    std::vector<std::string> fields;
    for (const std::string& column : columns) fields.push_back(AttributeOf(question, column));
    WriteRow(questions, fields);
    CREDENCE_RETURN_IF_ERROR(AddChanges(context, question, rows));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ChangeRow& a, const ChangeRow& b) {
    return std::tie(a.time, a.question) < std::tie(b.time, b.question);
  });
  WriteRow(stream, {"observed_time", "question", "kind", "value", "resolved"});
  for (const ChangeRow& row : rows) {
    WriteRow(stream, {FormatInstant(row.time), row.question, row.kind, row.value,
                      row.kind == "forecast" ? "0" : "1"});
  }
  context.err() << by_id.size() << " questions and " << rows.size() << " changes, in "
                << flags.directory << "/questions.csv and stream.csv\n";
  return CheckWritten(questions.good() && stream.good());
}

void AddForm(CLI::App* noun, CliContext& context, const std::string& name,
             const std::string& description, Extractor extract) {
  auto flags = std::make_shared<ExtractFlags>();
  CLI::App* verb = AddVerb(noun, context, name, description,
                           [&context, flags, extract] { return extract(context, *flags); });
  verb->add_option("DIRECTORY", flags->directory, "Where the files are written")->required();
  verb->add_option("--tag", flags->tag, "Only questions with this tag");
}

}  // namespace

void AddExtractCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "extract", "Write forecasts and outcomes to files");
  AddForm(noun, context, "tables",
          "Tables of forecasts and resolutions, as `score file` and `import csv` read them",
          &ExtractTables);
  AddForm(noun, context, "changes",
          "Imported questions and their changes, as `import forecastbench` reads them",
          &ExtractChanges);
  AddForm(noun, context, "forecastbench",
          "Imported question, resolution and forecast sets of ForecastBench, as JSON",
          &ExtractForecastBench);
  AddForm(noun, context, "jsonl",
          "Questions, forecasts and what other systems said of them, as `import jsonl` reads them",
          &ExtractLines);
  AddForm(noun, context, "metaculus",
          "Questions imported from Metaculus, as its data downloads have them", &ExtractMetaculus);
  AddForm(noun, context, "gjp", "Questions imported from the Good Judgment Project, in its columns",
          &ExtractGoodJudgment);
  AddForm(noun, context, "manifold", "Markets and bets imported from Manifold, as lines of JSON",
          &ExtractManifold);
}

}  // namespace credence::cli
