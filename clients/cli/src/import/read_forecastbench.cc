#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/forecastbench_sets.h"
#include "import/formats.h"
#include "import/json.h"

// ForecastBench has four kinds of files; each is known by its columns or members.
namespace credence::cli {
namespace {

namespace json = boost::json;

absl::Status WrongFile(const TextFile& file, std::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(file.name, ": ", ToAbsl(why)),
                   {});
}

// All columns of a row as they stand.
Attributes RowAttributes(const CsvReader& rows) {
  Attributes attributes;
  for (size_t i = 0; i < rows.columns().size(); ++i) {
    attributes.emplace_back(rows.columns()[i], std::string(rows.Get(i)));
  }
  return attributes;
}

std::string Platform(std::string_view question) {
  return std::string(question.substr(0, question.find('/')));
}

// 0 and 1 are the states; what lies between is a settlement between them.
void AddEnd(double value, Plan& plan, PlannedRow& row, std::string rationale = "") {
  PlannedEnd end;
  end.rationale = std::move(rationale);
  if (value > 0.0 && value < 1.0) {
    end.kind = PlannedEnd::Kind::kFraction;
    end.fraction = value;
  } else {
    end.outcome = value > 0.0 ? "yes" : "no";
  }
  row.kind = PlannedRow::Kind::kEnd;
  row.end = plan.AddEnd(std::move(end));
}

// --- Tables of changes ---

absl::Status ReadQuestionTable(const TextFile& file, CsvReader rows, Plan& plan) {
  const size_t number = plan.AddFile(file.name);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return absl::OkStatus();
    PlannedQuestion question;
    question.place = {number, rows.line()};
    const std::string external(rows.Get("question"));
    question.id = LedgerId(external, 'q');
    question.title = std::string(rows.Get("title"));
    question.resolution_criteria = std::string(rows.Get("resolution_criteria"));
    question.tags = {Platform(external)};
    question.attributes = RowAttributes(rows);
    for (const auto& [column, time] :
         {std::pair("opened", &question.open_time), std::pair("closes", &question.close_time)}) {
      if (rows.Get(column).empty()) continue;
      *time = ParseInstant(rows.Get(column));
      if (!time->has_value()) {
        plan.AddProblem(question.place, Cat(column, " \"", rows.Get(column), "\" is no time"));
      }
    }
    plan.AddQuestion(external, std::move(question));
  }
}

// The question of a change; one that no table describes is known by its name alone.
size_t QuestionOf(std::string_view external, Place place, Plan& plan) {
  if (const auto found = plan.FindQuestion(external)) return *found;
  PlannedQuestion question;
  question.place = place;
  question.id = LedgerId(external, 'q');
  question.tags = {Platform(external)};
  question.attributes = {{"question", std::string(external)}};
  plan.AddQuestion(std::string(external), std::move(question));
  return *plan.FindQuestion(external);
}

void ReadChange(const CsvReader& rows, Place place, Plan& plan) {
  const std::string_view external = rows.Get("question");
  const std::string_view kind = rows.Get("kind");
  const std::optional<absl::Time> time = ParseInstant(rows.Get("observed_time"));
  const std::optional<double> value = ParseNumber(rows.Get("value"));
  if (!time) {
    return plan.AddProblem(place,
                           Cat("observed_time \"", rows.Get("observed_time"), "\" is no time"));
  }
  if (!value || !(*value >= 0.0 && *value <= 1.0)) {
    return plan.AddProblem(place,
                           Cat("value \"", rows.Get("value"), "\" must be a number from 0 to 1"));
  }
  if (kind != "forecast" && kind != "resolution" && kind != "correction") {
    return plan.AddProblem(place,
                           Cat("kind \"", kind, "\" must be forecast, resolution or correction"));
  }
  PlannedRow row;
  row.place = place;
  row.question = QuestionOf(external, place, plan);
  row.time = *time;
  if (kind == "forecast") {
    row.forecaster = plan.Forecaster(Platform(external));
    row.probabilities = {*value};
  } else {
    AddEnd(*value, plan, row);
  }
  plan.AddRow(std::move(row));
}

absl::Status ReadChangeTable(const TextFile& file, CsvReader rows, Plan& plan) {
  const size_t number = plan.AddFile(file.name);
  while (true) {
    CREDENCE_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return absl::OkStatus();
    ReadChange(rows, {number, rows.line()}, plan);
  }
}

// --- Published sets ---

// Market questions are known by their source and id; questions on series of data are one question
// for each date.
bool IsMarket(std::string_view source) {
  return source == "infer" || source == "manifold" || source == "metaculus" ||
         source == "polymarket";
}

// A question on data asks what will have changed since the forecasts were due, so that rounds ask
// different ones.
std::string SetQuestionName(std::string_view source, std::string_view id, std::string_view due_date,
                            std::string_view date) {
  return IsMarket(source) ? Cat(source, "/", id) : Cat(source, "/", id, "@", due_date, "..", date);
}

// The lists of entries, one of which makes a set.
constexpr std::array<const char*, 3> kEntryLists = {"questions", "resolutions", "forecasts"};

// The members of an entry or of a set, all but its list of entries: texts as they are, others as
// JSON and named in kJsonMembers.
void AddMembers(const json::object& object, std::string_view prefix, Attributes& attributes,
                json::array& others) {
  for (const auto& member : object) {
    const std::string name(member.key());
    const bool is_list =
        std::find(kEntryLists.begin(), kEntryLists.end(), name) != kEntryLists.end();
    if (!prefix.empty() && is_list) continue;
    const std::string key = Cat(prefix, name);
    const json::value& value = member.value();
    if (!value.is_string()) others.emplace_back(key);
    attributes.emplace_back(key, value.is_string() ? TextOf(object, name) : json::serialize(value));
  }
}

// One that resolved, as its set states it.
struct ResolvedRow {
  size_t question = 0;
  absl::Time date;
  double value = 0.0;
  Place place;
};

struct SetReader {
  const TextFile& file;
  size_t number;
  Plan& plan;
  const json::object& set;
  std::string due_date;
  std::vector<ResolvedRow> resolved = {};

  // What an entry says, and what its set says of itself.
  [[nodiscard]] Attributes EntryAttributes(const json::object& entry) const {
    Attributes attributes;
    json::array others;
    AddMembers(entry, "", attributes, others);
    AddMembers(set, kSetPrefix, attributes, others);
    if (!others.empty()) attributes.emplace_back(kJsonMembers, json::serialize(others));
    return attributes;
  }

  void AddSetQuestion(const json::object& entry, const std::string& date, Place place) {
    const std::string source = TextOf(entry, "source");
    const std::string name = SetQuestionName(source, TextOf(entry, "id"), due_date, date);
    if (const auto known = plan.FindQuestion(name)) {
      // Of markets the frozen value tells which sets hold them.
      if (!IsMarket(source)) plan.AddAttributes(*known, SetOnly());
    } else {
      AddNewQuestion(entry, source, name, date, place);
    }
    if (IsMarket(source)) AddFrozenValue(entry, source, name, place);
  }

  void AddNewQuestion(const json::object& entry, const std::string& source, const std::string& name,
                      const std::string& date, Place place) {
    PlannedQuestion question;
    question.place = place;
    question.id = LedgerId(name, 'q');
    question.title = TextOf(entry, "question");
    question.resolution_criteria = TextOf(entry, "resolution_criteria");
    question.tags = {source};
    question.attributes = EntryAttributes(entry);
    if (!date.empty()) question.attributes.emplace_back("resolution_date", date);
    question.open_time = ParseInstant(IsMarket(source) ? TextOf(entry, "market_info_open_datetime")
                                                       : TextOf(entry, "freeze_datetime"));
    question.close_time =
        ParseInstant(IsMarket(source) ? TextOf(entry, "market_info_close_datetime") : date);
    plan.AddQuestion(name, std::move(question));
  }

  // That a question stands in this set too, with the same words as in the first.
  [[nodiscard]] Attributes SetOnly() const {
    json::object header;
    for (const auto& member : set) {
      if (!member.value().is_array()) header[member.key()] = member.value();
    }
    return {{kOtherSet, json::serialize(header)}};
  }

  // What the market said when the set was frozen.
  void AddFrozenValue(const json::object& entry, const std::string& source, const std::string& name,
                      Place place) {
    const std::optional<double> value = ParseNumber(TextOf(entry, "freeze_datetime_value"));
    const std::optional<absl::Time> time = ParseInstant(TextOf(entry, "freeze_datetime"));
    if (!value || !time) return plan.Skip(place, "has no price at the time of freezing");
    PlannedRow row;
    row.place = place;
    row.question = *plan.FindQuestion(name);
    row.forecaster = plan.Forecaster(source);
    row.time = *time;
    row.probabilities = {*value};
    row.attributes = plan.AddAttributes(EntryAttributes(entry));
    plan.AddRow(std::move(row));
  }

  void ReadQuestion(const json::object& entry, int64_t index) {
    const Place place{number, index};
    if (const json::value* id = entry.if_contains("id"); id == nullptr || !id->is_string()) {
      return plan.Skip(place, "combines two questions");
    }
    const json::value* dates = entry.if_contains("resolution_dates");
    if (IsMarket(TextOf(entry, "source"))) return AddSetQuestion(entry, "", place);
    if (dates == nullptr || !dates->is_array()) {
      return plan.AddProblem(place, "has no resolution_dates");
    }
    for (const json::value& date : dates->get_array()) {
      if (date.is_string()) AddSetQuestion(entry, std::string(date.get_string()), place);
    }
  }

  std::optional<size_t> KnownQuestion(const json::object& entry, Place place) {
    if (const json::value* id = entry.if_contains("id"); id == nullptr || !id->is_string()) {
      plan.Skip(place, "combines two questions");
      return std::nullopt;
    }
    const std::string name = SetQuestionName(TextOf(entry, "source"), TextOf(entry, "id"), due_date,
                                             TextOf(entry, "resolution_date"));
    const auto found = plan.FindQuestion(name);
    if (!found) plan.AddProblem(place, Cat("question \"", name, "\" is in no question set"));
    return found;
  }

  void ReadResolution(const json::object& entry, int64_t index) {
    const Place place{number, index};
    const std::optional<size_t> question = KnownQuestion(entry, place);
    if (!question) return;
    const std::optional<double> value = ParseNumber(TextOf(entry, "resolved_to"));
    const std::optional<absl::Time> date = ParseInstant(TextOf(entry, "resolution_date"));
    if (!value) return plan.Skip(place, "has no value at its resolution date");
    if (!date || !(*value >= 0.0 && *value <= 1.0)) {
      return plan.AddProblem(place, "needs a resolution_date and a resolved_to from 0 to 1");
    }
    const std::string said = TextOf(entry, "resolved");
    if (said == "true" || said == "True" || said == "1") {
      resolved.push_back({*question, *date, *value, place});
      return;
    }
    PlannedRow row;
    row.place = place;
    row.question = *question;
    row.time = EndOfDay(*date);
    row.forecaster = plan.Forecaster(TextOf(entry, "source"));
    row.probabilities = {*value};
    row.attributes = plan.AddAttributes(EntryAttributes(entry));
    plan.AddRow(std::move(row));
  }

  // What holds on a date is known at its end.
  static absl::Time EndOfDay(absl::Time date) { return date + absl::Hours(24); }

  // A set repeats a market's outcome for each date of its round: that is one end, whose rationale
  // names the dates.
  void AddEnds() {
    std::stable_sort(resolved.begin(), resolved.end(), [](const auto& a, const auto& b) {
      return std::tie(a.question, a.date) < std::tie(b.question, b.date);
    });
    for (size_t i = 0; i < resolved.size();) {
      PlannedRow row;
      row.place = resolved[i].place;
      row.question = resolved[i].question;
      row.time = EndOfDay(resolved[i].date);
      SetEnd end{.question_set = TextOf(set, "question_set"),
                 .due_date = TextOf(set, "forecast_due_date"),
                 .dates = {}};
      const double value = resolved[i].value;
      for (; i < resolved.size() && resolved[i].question == row.question; ++i) {
        if (resolved[i].value < value || value < resolved[i].value) break;
        end.dates.push_back(absl::FormatTime("%Y-%m-%d", resolved[i].date, absl::UTCTimeZone()));
      }
      AddEnd(value, plan, row, SetEndText(end));
      plan.AddRow(std::move(row));
    }
  }

  void ReadForecast(const json::object& entry, const std::string& forecaster, int64_t index) {
    const Place place{number, index};
    const std::optional<size_t> question = KnownQuestion(entry, place);
    if (!question) return;
    const std::optional<double> value = ParseNumber(TextOf(entry, "forecast"));
    const std::optional<absl::Time> time = ParseInstant(due_date);
    if (!value || !time) {
      return plan.AddProblem(place, "needs a forecast, and the set a forecast_due_date");
    }
    PlannedRow row;
    row.place = place;
    row.question = *question;
    row.forecaster = plan.Forecaster(forecaster);
    row.time = *time;
    row.probabilities = {*value};
    row.attributes = plan.AddAttributes(EntryAttributes(entry));
    plan.AddRow(std::move(row));
  }
};

// The objects of an array member, with their index from 1.
template <typename Visit>
absl::Status ForEachIn(const TextFile& file, const json::object& set, std::string_view member,
                       const Visit& visit) {
  const json::value& list = set.at(json::string_view(member.data(), member.size()));
  if (!list.is_array()) return WrongFile(file, Cat("\"", member, "\" is no list"));
  int64_t index = 0;
  for (const json::value& entry : list.get_array()) {
    ++index;
    if (!entry.is_object()) return WrongFile(file, Cat(member, "[", index, "] is no object"));
    visit(entry.get_object(), index);
  }
  return absl::OkStatus();
}

// Question sets first, then resolutions, then forecasts: each needs the ones before.
size_t SetRank(const json::object& set) {
  const auto found = std::find_if(kEntryLists.begin(), kEntryLists.end(),
                                  [&set](const char* list) { return set.contains(list); });
  return static_cast<size_t>(found - kEntryLists.begin());
}

absl::Status ReadSet(const TextFile& file, const json::object& set, Plan& plan) {
  SetReader reader{.file = file,
                   .number = plan.AddFile(file.name),
                   .plan = plan,
                   .set = set,
                   .due_date = TextOf(set, "forecast_due_date")};
  switch (SetRank(set)) {
    case 0:
      return ForEachIn(file, set, "questions", [&reader](const json::object& entry, int64_t index) {
        reader.ReadQuestion(entry, index);
      });
    case 1:
      CREDENCE_RETURN_IF_ERROR(
          ForEachIn(file, set, "resolutions", [&reader](const json::object& entry, int64_t index) {
            reader.ReadResolution(entry, index);
          }));
      reader.AddEnds();
      return absl::OkStatus();
    case 2: {
      const std::string organization = TextOf(set, "organization");
      const std::string model = TextOf(set, "model");
      const std::string forecaster =
          organization.empty() ? model : absl::StrCat(organization, "/", model);
      return ForEachIn(file, set, "forecasts", [&](const json::object& entry, int64_t index) {
        reader.ReadForecast(entry, forecaster, index);
      });
    }
    default:
      return WrongFile(file, "holds neither questions nor resolutions nor forecasts");
  }
}

bool LooksLikeJson(const TextFile& file) {
  const size_t first = file.text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string::npos && (file.text[first] == '{' || file.text[first] == '[');
}

}  // namespace

absl::Status ReadForecastBench(const std::vector<TextFile>& files, Plan& plan) {
  std::vector<std::pair<const TextFile*, json::value>> sets;
  std::vector<std::pair<const TextFile*, CsvReader>> changes;
  for (const TextFile& file : files) {
    if (LooksLikeJson(file)) {
      CREDENCE_ASSIGN_OR_RETURN(json::value set, ParseJson(file));
      if (!set.is_object()) return WrongFile(file, "is no question, resolution or forecast set");
      sets.emplace_back(&file, std::move(set));
      continue;
    }
    CREDENCE_ASSIGN_OR_RETURN(CsvReader rows, CsvReader::Open(file));
    if (rows.Has("observed_time") && rows.Has("question") && rows.Has("kind")) {
      changes.emplace_back(&file, std::move(rows));
    } else if (rows.Has("question") && rows.Has("closes")) {
      CREDENCE_RETURN_IF_ERROR(ReadQuestionTable(file, std::move(rows), plan));
    } else {
      return WrongFile(file, "is neither a table of changes nor one of questions");
    }
  }
  std::stable_sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
    return SetRank(a.second.get_object()) < SetRank(b.second.get_object());
  });
  for (const auto& [file, set] : sets) {
    CREDENCE_RETURN_IF_ERROR(ReadSet(*file, set.get_object(), plan));
  }
  for (auto& [file, rows] : changes) {
    CREDENCE_RETURN_IF_ERROR(ReadChangeTable(*file, std::move(rows), plan));
  }
  return absl::OkStatus();
}

}  // namespace credence::cli
