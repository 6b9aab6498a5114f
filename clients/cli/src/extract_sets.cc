#include <boost/json.hpp>
#include <map>
#include <ostream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "credence/base/status_macros.h"
#include "extract_files.h"
#include "format.h"
#include "import/forecastbench_sets.h"

// `credence extract forecastbench DIRECTORY`: question, resolution and forecast sets, made of what
// imports keep of them.
namespace credence::cli {
namespace {

namespace json = boost::json;

using AttributeList = google::protobuf::RepeatedPtrField<event::v1::Attribute>;

// What one imported row came from: its entry, and the set's own members.
struct SetEntry {
  json::object header;
  json::object entry;
};

json::value MemberValue(const std::string& text, bool is_json) {
  if (!is_json) return json::string(text);
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  // Texts that were too long to keep whole are no JSON any more.
  return error ? json::value(json::string(text)) : value;
}

std::set<std::string> JsonMembers(const AttributeList& attributes) {
  std::set<std::string> names;
  for (const auto& attribute : attributes) {
    if (attribute.key() != kJsonMembers) continue;
    boost::system::error_code error;
    const json::value list = json::parse(attribute.value(), error);
    if (error || !list.is_array()) return names;
    for (const json::value& name : list.get_array()) {
      if (name.is_string()) names.emplace(name.get_string());
    }
  }
  return names;
}

SetEntry ReadEntry(const AttributeList& attributes) {
  const std::set<std::string> json_members = JsonMembers(attributes);
  const std::string prefix = kSetPrefix;
  SetEntry read;
  for (const auto& attribute : attributes) {
    const std::string& key = attribute.key();
    if (key == kJsonMembers || key == kOtherSet) continue;
    json::value value = MemberValue(attribute.value(), json_members.contains(key));
    if (absl::StartsWith(key, prefix)) {
      read.header[key.substr(prefix.size())] = std::move(value);
    } else {
      read.entry[key] = std::move(value);
    }
  }
  return read;
}

std::string TextIn(const json::object& object, const char* member) {
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Sets of one kind, told apart by their round, question set and forecaster; their entries are in
// the order of source, id and date.
class Sets {
 public:
  explicit Sets(const char* list) : list_(list) {}

  void Add(SetEntry entry) {
    std::string name;
    for (const char* member : {"forecast_due_date", "question_set", "organization", "model"}) {
      absl::StrAppend(&name, TextIn(entry.header, member), "\n");
    }
    Set& set = sets_[name];
    // What is known from a rationale alone lacks the members that tell nothing apart.
    if (set.header.size() < entry.header.size()) set.header = std::move(entry.header);
    const std::string key =
        absl::StrCat(TextIn(entry.entry, "source"), "\n", TextIn(entry.entry, "id"), "\n",
                     TextIn(entry.entry, "resolution_date"));
    set.entries.emplace(key, std::move(entry.entry));
  }

  [[nodiscard]] size_t count() const { return sets_.size(); }

  // `name` gives the file of a set by its members.
  template <typename Name>
  absl::Status Write(const ExtractFlags& flags, const Name& name) const {
    std::map<std::string, int> uses;
    for (const auto& [key, set] : sets_) {
      std::string file_name = name(set.header);
      for (char& c : file_name) {
        if (c == '/' || c == '\\') c = '-';
      }
      const int use = ++uses[file_name];
      file_name =
          use == 1 ? absl::StrCat(file_name, ".json") : absl::StrCat(file_name, "-", use, ".json");
      CREDENCE_ASSIGN_OR_RETURN(std::ofstream file, OpenFile(flags, file_name));
      json::object whole = set.header;
      json::array entries;
      for (const auto& [order, entry] : set.entries) entries.push_back(entry);
      whole[list_] = std::move(entries);
      file << json::serialize(whole) << "\n";
      CREDENCE_RETURN_IF_ERROR(CheckWritten(file.good()));
    }
    return absl::OkStatus();
  }

 private:
  struct Set {
    json::object header;
    std::map<std::string, json::object> entries;
  };

  const char* list_;
  std::map<std::string, Set> sets_;
};

class SetExtractor {
 public:
  explicit SetExtractor(CliContext& context) : context_(context) {}

  absl::Status Add(const v1::Question& question) {
    SetEntry first = ReadEntry(question.attributes());
    // What did not come from a set has none.
    if (first.header.empty()) return absl::OkStatus();
    ++question_count_;
    // Added to questions on data, which are one question for each date.
    if (first.entry.contains("resolution_dates") && first.entry["resolution_dates"].is_array()) {
      first.entry.erase("resolution_date");
    }
    for (const auto& attribute : question.attributes()) {
      if (attribute.key() != kOtherSet) continue;
      const json::value header = MemberValue(attribute.value(), true);
      if (header.is_object()) questions_.Add({header.get_object(), first.entry});
    }
    questions_.Add(std::move(first));
    CREDENCE_RETURN_IF_ERROR(ForEachForecast(
        context_, question.name(),
        [this](const v1::Forecast& forecast) { AddForecast(ReadEntry(forecast.attributes())); }));
    if (!question.has_resolution()) return absl::OkStatus();
    return ForEachEvent(context_, question.name(), [&](const event::v1::EventEnvelope& envelope) {
      if (const auto end = MarketEndOf(envelope)) AddEnd(question, *end);
    });
  }

  absl::Status Write(const ExtractFlags& flags) const {
    CREDENCE_RETURN_IF_ERROR(questions_.Write(flags, [](const json::object& header) {
      const std::string name = TextIn(header, "question_set");
      const std::string stem = name.substr(0, name.rfind(".json"));
      return stem.empty() ? std::string("question_set") : stem;
    }));
    CREDENCE_RETURN_IF_ERROR(resolutions_.Write(flags, [](const json::object& header) {
      return absl::StrCat(TextIn(header, "forecast_due_date"), "_resolution_set");
    }));
    CREDENCE_RETURN_IF_ERROR(forecasts_.Write(flags, [](const json::object& header) {
      return absl::StrCat(TextIn(header, "forecast_due_date"), ".", TextIn(header, "organization"),
                          ".", TextIn(header, "model"));
    }));
    context_.err() << question_count_ << " questions, in " << flags.directory << " as "
                   << questions_.count() << " question sets, " << resolutions_.count()
                   << " resolution sets and " << forecasts_.count() << " forecast sets\n";
    return absl::OkStatus();
  }

 private:
  // A forecast is an entry of a forecast set, what a market said on a date of a resolution set, or
  // its price when a question set was frozen.
  void AddForecast(SetEntry entry) {
    if (entry.header.empty()) return;
    if (entry.entry.contains("forecast")) return forecasts_.Add(std::move(entry));
    if (entry.entry.contains("resolved_to")) return resolutions_.Add(std::move(entry));
    questions_.Add(std::move(entry));
  }

  void AddEnd(const v1::Question& question, const MarketEnd& end) {
    const std::optional<SetEnd> stated = ParseSetEnd(end.rationale);
    if (!stated.has_value()) return;
    json::object header;
    if (!stated->due_date.empty()) header["forecast_due_date"] = stated->due_date;
    if (!stated->question_set.empty()) header["question_set"] = stated->question_set;
    for (const std::string& date : stated->dates) {
      json::object entry;
      entry["id"] = AttributeOf(question, "id");
      entry["source"] = AttributeOf(question, "source");
      entry["direction"] = nullptr;
      entry["resolution_date"] = date;
      entry["resolved_to"] = end.value;
      entry["resolved"] = true;
      resolutions_.Add({header, std::move(entry)});
    }
  }

  CliContext& context_;
  int64_t question_count_ = 0;
  Sets questions_{"questions"};
  Sets resolutions_{"resolutions"};
  Sets forecasts_{"forecasts"};
};

}  // namespace

absl::Status ExtractForecastBench(CliContext& context, const ExtractFlags& flags) {
  SetExtractor sets(context);
  CREDENCE_RETURN_IF_ERROR(ForEachQuestion(
      context, flags, [&sets](const v1::Question& question) { return sets.Add(question); }));
  return sets.Write(flags);
}

}  // namespace credence::cli
