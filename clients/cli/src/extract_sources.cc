#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <ostream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "credence/base/status_macros.h"
#include "extract_files.h"
#include "format.h"
#include "google/protobuf/util/json_util.h"

// `credence extract metaculus|gjp|manifold|jsonl DIRECTORY`: the rows of other systems' files, made
// of what imports keep of them, so that importing them again changes nothing.
namespace credence::cli {
namespace {

namespace json = boost::json;

using AttributeList = google::protobuf::RepeatedPtrField<event::v1::Attribute>;

// Columns in the order in which rows have them; one that only later rows have stands after the one
// before it there.
class Columns {
 public:
  void Add(const AttributeList& row) {
    size_t place = 0;
    for (const auto& attribute : row) {
      const auto found = std::find(names_.begin(), names_.end(), attribute.key());
      if (found != names_.end()) {
        place = static_cast<size_t>(found - names_.begin()) + 1;
      } else {
        names_.insert(names_.begin() + static_cast<std::ptrdiff_t>(place++), attribute.key());
      }
    }
  }
  void Append(const char* name) { names_.emplace_back(name); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  // The row's fields in the order of the columns; those in `more` are put in their places.
  [[nodiscard]] std::vector<std::string> Fields(
      const AttributeList& row, const std::map<std::string, std::string>& more = {}) const {
    std::map<std::string, std::string> values = more;
    for (const auto& attribute : row) values.emplace(attribute.key(), attribute.value());
    std::vector<std::string> fields;
    for (const std::string& name : names_) fields.push_back(values[name]);
    return fields;
  }

 private:
  std::vector<std::string> names_;
};

ExtractFlags Tagged(const ExtractFlags& flags, const char* tag) {
  ExtractFlags tagged = flags;
  if (tagged.tag.empty()) tagged.tag = tag;
  return tagged;
}

// The columns of the questions and of their forecasts.
struct SourceColumns {
  Columns questions;
  Columns forecasts;
  int64_t question_count = 0;
};

absl::StatusOr<SourceColumns> FindColumns(CliContext& context, const ExtractFlags& flags) {
  SourceColumns columns;
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&](const v1::Question& question) {
    columns.questions.Add(question.attributes());
    ++columns.question_count;
    return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
      columns.forecasts.Add(forecast.attributes());
    });
  }));
  return columns;
}

void Tell(CliContext& context, const ExtractFlags& flags, int64_t question_count,
          const char* files) {
  context.err() << question_count << " questions, in " << flags.directory << "/" << files << "\n";
}

// A number or truth as JSON has it, any other text as a text; names stay texts.
json::value ToJson(const std::string& key, const std::string& text) {
  if (absl::EndsWithIgnoreCase(key, "id")) return json::string(text);
  if (text == "true" || text == "false") return text == "true";
  if (!text.empty() && (text.front() == '{' || text.front() == '[')) {
    boost::system::error_code error;
    json::value nested = json::parse(text, error);
    if (!error) return nested;
  }
  double number = 0.0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return json::string(text);
  // What would be written otherwise is kept as it stands.
  std::int64_t whole = 0;
  const auto as_whole = std::from_chars(text.data(), end, whole);
  if (as_whole.ec == std::errc() && as_whole.ptr == end && absl::StrCat(whole) == text) {
    return whole;
  }
  return Exact(number) == text ? json::value(number) : json::value(json::string(text));
}

json::object ToObject(const AttributeList& row) {
  json::object object;
  for (const auto& attribute : row) {
    object[attribute.key()] = ToJson(attribute.key(), attribute.value());
  }
  return object;
}

// The market of a question, without its answers; an answer's members have a name of two parts.
constexpr const char* kAnswerPrefix = "answer.";

json::object MarketOf(const v1::Question& question) {
  json::object market;
  for (const auto& attribute : question.attributes()) {
    if (absl::StartsWith(attribute.key(), kAnswerPrefix)) continue;
    market[attribute.key()] = ToJson(attribute.key(), attribute.value());
  }
  if (!question.resolution_criteria().empty()) {
    market["textDescription"] = question.resolution_criteria();
  }
  return market;
}

json::object AnswerOf(const v1::Question& question) {
  json::object answer;
  const size_t prefix_size = std::string(kAnswerPrefix).size();
  for (const auto& attribute : question.attributes()) {
    if (!absl::StartsWith(attribute.key(), kAnswerPrefix)) continue;
    const std::string key = attribute.key().substr(prefix_size);
    answer[key] = ToJson(key, attribute.value());
  }
  return answer;
}

// What stands in a row of `import jsonl` with a meaning; other attributes go beside it.
void AddOthers(const AttributeList& row, json::object& line) {
  static const std::set<std::string> known = {"question",    "title",        "resolution_criteria",
                                              "tags",        "open_time",    "close_time",
                                              "outcome",     "resolve_time", "type",
                                              "options",     "unit",         "forecaster",
                                              "time",        "option",       "probability",
                                              "kind",        "value",        "cumulative",
                                              "distribution"};
  for (const auto& attribute : row) {
    if (!known.contains(attribute.key())) line[attribute.key()] = attribute.value();
  }
}

json::object QuestionLine(const v1::Question& question) {
  json::object line;
  line["question"] = IdOf(question.name());
  line["title"] = question.title();
  if (!question.resolution_criteria().empty()) {
    line["resolution_criteria"] = question.resolution_criteria();
  }
  line["tags"] = absl::StrJoin(question.tags(), "|");
  line["open_time"] = FormatInstant(question.open_time());
  line["close_time"] = FormatInstant(question.close_time());
  if (question.resolution().has_resolve_time()) {
    line["resolve_time"] = FormatInstant(question.resolution().resolve_time());
  }
  line["outcome"] = OutcomeText(question);
  if (question.has_numeric()) {
    line["type"] = "numeric";
    line["unit"] = question.numeric().unit();
  } else if (!IsYesNo(question)) {
    line["options"] = absl::StrJoin(question.states(), "|");
    if (question.ordered()) line["type"] = "ordered";
  }
  AddOthers(question.attributes(), line);
  return line;
}

void WriteForecastLines(const v1::Question& question, const v1::Forecast& forecast,
                        std::ostream& out) {
  json::object line;
  line["forecaster"] = IdOf(forecast.forecaster());
  line["question"] = IdOf(question.name());
  line["time"] = FormatInstant(forecast.effective_time());
  const auto write = [&](json::object one) {
    AddOthers(forecast.attributes(), one);
    out << json::serialize(one) << "\n";
  };
  if (forecast.withdrawn()) {
    line["probability"] = "withdraw";
    return write(std::move(line));
  }
  if (forecast.has_distribution()) {
    std::string distribution;
    const auto written =
        google::protobuf::util::MessageToJsonString(forecast.distribution(), &distribution);
    line["distribution"] = written.ok() ? distribution : std::string();
    return write(std::move(line));
  }
  if (IsYesNo(question)) {
    line["probability"] = forecast.probability();
    return write(std::move(line));
  }
  for (const v1::StateProbability& state : forecast.probabilities()) {
    json::object one = line;
    one["option"] = state.state();
    one["probability"] = state.probability();
    write(std::move(one));
  }
}

}  // namespace

absl::Status ExtractMetaculus(CliContext& context, const ExtractFlags& given) {
  const ExtractFlags flags = Tagged(given, "metaculus");
  CREDENCE_ASSIGN_OR_RETURN(const SourceColumns columns, FindColumns(context, flags));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream questions, OpenFile(flags, "question_data.csv"));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream forecasts, OpenFile(flags, "forecast_data.csv"));
  WriteRow(questions, columns.questions.names());
  WriteRow(forecasts, columns.forecasts.names());
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&](const v1::Question& question) {
    WriteRow(questions, columns.questions.Fields(question.attributes()));
    return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
      // A withdrawal is the end time of the forecast before it.
      if (forecast.withdrawn()) return;
      WriteRow(forecasts, columns.forecasts.Fields(forecast.attributes()));
    });
  }));
  Tell(context, flags, columns.question_count, "question_data.csv and forecast_data.csv");
  return CheckWritten(questions.good() && forecasts.good());
}

absl::Status ExtractGoodJudgment(CliContext& context, const ExtractFlags& given) {
  const ExtractFlags flags = Tagged(given, "gjp");
  CREDENCE_ASSIGN_OR_RETURN(SourceColumns columns, FindColumns(context, flags));
  columns.questions.Append("q_desc");
  columns.forecasts.Append("answer_option");
  columns.forecasts.Append("value");
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream questions, OpenFile(flags, "ifps.csv"));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream forecasts, OpenFile(flags, "survey_fcasts.csv"));
  WriteRow(questions, columns.questions.names());
  WriteRow(forecasts, columns.forecasts.names());
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&](const v1::Question& question) {
    WriteRow(questions, columns.questions.Fields(question.attributes(),
                                                 {{"q_desc", question.resolution_criteria()}}));
    return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
      if (forecast.withdrawn()) {
        WriteRow(forecasts, columns.forecasts.Fields(forecast.attributes()));
      }
      for (const v1::StateProbability& state : forecast.probabilities()) {
        WriteRow(forecasts, columns.forecasts.Fields(forecast.attributes(),
                                                     {{"answer_option", state.state()},
                                                      {"value", Plain(state.probability())}}));
      }
    });
  }));
  Tell(context, flags, columns.question_count, "ifps.csv and survey_fcasts.csv");
  return CheckWritten(questions.good() && forecasts.good());
}

absl::Status ExtractManifold(CliContext& context, const ExtractFlags& given) {
  const ExtractFlags flags = Tagged(given, "manifold");
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream markets, OpenFile(flags, "markets.jsonl"));
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream bets, OpenFile(flags, "bets.jsonl"));
  // Questions that are answers of one market are one market again.
  std::map<std::string, json::object> by_id;
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&](const v1::Question& question) {
    json::object& market = by_id.try_emplace(AttributeOf(question, "id")).first->second;
    if (market.empty()) market = MarketOf(question);
    const json::object answer = AnswerOf(question);
    if (!answer.empty()) {
      json::value& answers = market["answers"];
      if (!answers.is_array()) answers = json::array();
      answers.get_array().push_back(answer);
    }
    return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
      bets << json::serialize(ToObject(forecast.attributes())) << "\n";
    });
  }));
  for (const auto& [id, market] : by_id) markets << json::serialize(market) << "\n";
  Tell(context, flags, static_cast<int64_t>(by_id.size()), "markets.jsonl and bets.jsonl");
  return CheckWritten(markets.good() && bets.good());
}

absl::Status ExtractLines(CliContext& context, const ExtractFlags& flags) {
  CREDENCE_ASSIGN_OR_RETURN(std::ofstream lines, OpenFile(flags, "rows.jsonl"));
  int64_t question_count = 0;
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(context, flags, [&](const v1::Question& question) {
    ++question_count;
    lines << json::serialize(QuestionLine(question)) << "\n";
    return ForEachForecast(context, question.name(), [&](const v1::Forecast& forecast) {
      WriteForecastLines(question, forecast, lines);
    });
  }));
  Tell(context, flags, question_count, "rows.jsonl");
  return CheckWritten(lines.good());
}

}  // namespace credence::cli
