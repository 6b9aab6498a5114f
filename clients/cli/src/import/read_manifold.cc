#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "import/fields.h"
#include "import/formats.h"
#include "import/json.h"

// Manifold's markets and bets, as its API and its dumps have them.
namespace credence::cli {
namespace {

namespace json = boost::json;

// A member as text; one with members of its own as JSON, unless questions are made of it or it is
// long.
std::string MemberText(const json::object& object, const std::string& key) {
  constexpr size_t kNestedBytesMax = 16'384;
  const json::value& value = object.at(key);
  if (!value.is_object() && !value.is_array()) return TextOf(object, key);
  if (key == "answers") return "";
  std::string text = json::serialize(value);
  return text.size() <= kNestedBytesMax ? text : std::string();
}

Attributes PlainMembers(const json::object& object) {
  Attributes attributes;
  for (const auto& member : object) {
    const std::string key(member.key());
    std::string text = MemberText(object, key);
    if (!text.empty() && key.size() <= 64) attributes.emplace_back(key, std::move(text));
    if (attributes.size() == 60) break;
  }
  return attributes;
}

// Markets whose price is one number: yes/no ones, and those on a number, which settle at the share
// of the way from its least value to its greatest.
bool HasOnePrice(const std::string& type) {
  return type.empty() || type == "BINARY" || type == "PSEUDO_NUMERIC" || type == "STONK";
}

// The share of a market on a number that `value` stands for, as its prices are told.
std::optional<double> ShareOf(const json::object& market, double value) {
  const auto least = ParseNumber(TextOf(market, "min"));
  const auto greatest = ParseNumber(TextOf(market, "max"));
  if (!least || !greatest || !(*greatest > *least)) return std::nullopt;
  const double share = TextOf(market, "isLogScale") == "true"
                           ? std::log(value - *least + 1.0) / std::log(*greatest - *least + 1.0)
                           : (value - *least) / (*greatest - *least);
  return std::clamp(share, 0.0, 1.0);
}

// How a market or one of its answers ended, by the text of its resolution; nothing where that is
// none.
std::optional<PlannedEnd> EndOf(const json::object& object, const std::string& resolution) {
  PlannedEnd end;
  if (resolution == "YES" || resolution == "NO") {
    end.outcome = resolution == "YES" ? "yes" : "no";
    return end;
  }
  if (resolution == "CANCEL") {
    end.kind = PlannedEnd::Kind::kVoid;
    return end;
  }
  auto share = ParseNumber(TextOf(object, "resolutionProbability"));
  const auto value = ParseNumber(TextOf(object, "resolutionValue"));
  if (!share && value) share = ShareOf(object, *value);
  if (resolution != "MKT" || !share) return std::nullopt;
  end.kind = PlannedEnd::Kind::kFraction;
  end.fraction = *share;
  return end;
}

void AddEnd(const json::object& market, const std::string& external, Place place, Plan& plan) {
  if (TextOf(market, "isResolved") != "true") return;
  const std::string resolution = TextOf(market, "resolution");
  const auto time = ParseUnixTime(TextOf(market, "resolutionTime"));
  if (!time) return plan.AddProblem(place, "is resolved at no time");
  std::optional<PlannedEnd> end = EndOf(market, resolution);
  if (end.has_value()) return plan.AddEndRow(place, external, *time, *std::move(end));
  plan.AddProblem(place, resolution == "MKT"
                             ? "is resolved to MKT without a resolutionProbability"
                             : Cat("resolution \"", resolution, "\" is not one of such a market"));
}

PlannedQuestion MakeQuestion(const json::object& market, const std::string& external, Place place) {
  PlannedQuestion question;
  question.place = place;
  question.id = LedgerId(Cat("manifold/", external), 'q');
  question.title = TextOf(market, "question");
  question.resolution_criteria = TextOf(market, "textDescription");
  question.tags = {"manifold"};
  question.attributes = PlainMembers(market);
  std::erase_if(question.attributes,
                [](const auto& attribute) { return attribute.first == "textDescription"; });
  question.open_time = ParseUnixTime(TextOf(market, "createdTime"));
  question.close_time = ParseUnixTime(TextOf(market, "closeTime"));
  return question;
}

// A number however JSON has it.
double NumberOf(const json::value& value) {
  if (const double* number = value.if_double()) return *number;
  if (const std::int64_t* number = value.if_int64()) return static_cast<double>(*number);
  if (const std::uint64_t* number = value.if_uint64()) return static_cast<double>(*number);
  return 0.0;
}

// How an answer ended where the market alone says so: the one it was resolved to happened, or
// several share it, and the others did not.
std::optional<PlannedEnd> EndFromMarket(const json::object& market, const std::string& answer) {
  const std::string resolution = TextOf(market, "resolution");
  PlannedEnd end;
  if (resolution == "CANCEL") {
    end.kind = PlannedEnd::Kind::kVoid;
    return end;
  }
  const json::value* shares = market.if_contains("resolutions");
  if (shares != nullptr && shares->is_object()) {
    double own = 0.0;
    double sum = 0.0;
    for (const auto& share : shares->get_object()) {
      sum += NumberOf(share.value());
      if (std::string_view(share.key().data(), share.key().size()) == answer) {
        own = NumberOf(share.value());
      }
    }
    end.kind = PlannedEnd::Kind::kFraction;
    end.fraction = sum > 0.0 ? own / sum : 0.0;
    return end;
  }
  if (resolution.empty() || resolution == "MKT" || resolution == "CHOOSE_MULTIPLE") {
    return std::nullopt;
  }
  end.outcome = resolution == answer ? "yes" : "no";
  return end;
}

// Each answer of a market with several is a yes/no question of its own: that is how it is traded,
// whether their prices are held to a sum of one or not.
void AddAnswer(const json::object& market, const json::object& answer, const std::string& external,
               Place place, Plan& plan) {
  const std::string id = TextOf(answer, "id");
  const std::string name = Cat(external, "/", id);
  PlannedQuestion question = MakeQuestion(market, name, place);
  question.title = Cat(question.title, " - ", TextOf(answer, "text"));
  constexpr size_t kAttributesMax = 64;
  for (const auto& [key, value] : PlainMembers(answer)) {
    if (question.attributes.size() == kAttributesMax) break;
    question.attributes.emplace_back(Cat("answer.", key), value);
  }
  plan.AddQuestion(name, std::move(question));
  const std::string resolution = TextOf(answer, "resolution");
  if (resolution.empty() && TextOf(market, "isResolved") != "true") return;
  auto time = ParseUnixTime(TextOf(answer, "resolutionTime"));
  if (!time) time = ParseUnixTime(TextOf(market, "resolutionTime"));
  if (!time) return plan.AddProblem(place, Cat("answer ", id, " is resolved at no time"));
  std::optional<PlannedEnd> end =
      resolution.empty() ? EndFromMarket(market, id) : EndOf(answer, resolution);
  if (!end.has_value()) {
    return plan.AddProblem(place, Cat("answer ", id, " has no resolution that is known"));
  }
  plan.AddEndRow(place, name, *time, *std::move(end));
}

void AddMarket(const json::object& market, Place place, std::vector<std::string>& unread,
               Plan& plan) {
  const std::string external = TextOf(market, "id");
  const std::string type = TextOf(market, "outcomeType");
  if (external.empty()) return plan.AddProblem(place, "is a market without an id");
  if (HasOnePrice(type)) {
    plan.AddQuestion(external, MakeQuestion(market, external, place));
    return AddEnd(market, external, place, plan);
  }
  const json::value* answers = market.if_contains("answers");
  if (answers == nullptr || !answers->is_array()) {
    unread.push_back(external);
    return plan.Skip(place, Cat("is a market of type ", type, " without answers"));
  }
  for (const json::value& answer : answers->get_array()) {
    if (answer.is_object()) AddAnswer(market, answer.get_object(), external, place, plan);
  }
}

void AddBet(const json::object& bet, Place place, bool by_trader,
            const std::vector<std::string>& unread, Plan& plan) {
  const std::string market = TextOf(bet, "contractId");
  const std::string answer = TextOf(bet, "answerId");
  const std::string external =
      answer.empty() || plan.FindQuestion(market) ? market : Cat(market, "/", answer);
  const auto question = plan.FindQuestion(external);
  if (!question) {
    if (std::binary_search(unread.begin(), unread.end(), market)) {
      return plan.Skip(place, "is a bet on a market that is not read");
    }
    return plan.AddProblem(place, Cat("market \"", external, "\" is not among the markets given"));
  }
  const auto price = ParseNumber(TextOf(bet, "probAfter"));
  const auto time = ParseUnixTime(TextOf(bet, "createdTime"));
  if (!price || !time) return plan.AddProblem(place, "needs probAfter and createdTime");
  if (by_trader && TextOf(bet, "isRedemption") == "true") {
    return plan.Skip(place, "redeems shares, which says nothing");
  }
  PlannedRow row;
  row.place = place;
  row.question = *question;
  row.forecaster =
      plan.Forecaster(by_trader ? Cat("manifold/", TextOf(bet, "userId")) : "manifold");
  row.time = *time;
  row.probabilities = {*price};
  row.attributes = plan.AddAttributes(PlainMembers(bet));
  plan.AddRow(std::move(row));
}

}  // namespace

absl::Status ReadManifold(const std::vector<TextFile>& files, bool by_trader, Plan& plan) {
  std::vector<size_t> numbers;
  numbers.reserve(files.size());
  for (const TextFile& file : files) numbers.push_back(plan.AddFile(file.name));
  std::vector<std::string> unread;
  for (size_t i = 0; i < files.size(); ++i) {
    CREDENCE_RETURN_IF_ERROR(ForEachObject(files[i], [&](const json::object& object, int64_t line) {
      if (!HasMember(object, "contractId")) AddMarket(object, {numbers[i], line}, unread, plan);
    }));
  }
  std::sort(unread.begin(), unread.end());
  for (size_t i = 0; i < files.size(); ++i) {
    CREDENCE_RETURN_IF_ERROR(ForEachObject(files[i], [&](const json::object& object, int64_t line) {
      if (HasMember(object, "contractId")) {
        AddBet(object, {numbers[i], line}, by_trader, unread, plan);
      }
    }));
  }
  return absl::OkStatus();
}

}  // namespace credence::cli
