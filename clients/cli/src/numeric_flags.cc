#include "numeric_flags.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "credence/base/status_macros.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/suggestion.h"
#include "format.h"
#include "google/protobuf/message.h"

namespace credence::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A word of the command line and the field that it fills.
struct Family {
  const char* word;
  const char* field;
};

bool IsMedian(const event::v1::QuantilePoint& point) {
  return std::abs(point.probability() - 0.5) < 1e-9;
}

constexpr Family kModels[] = {{"normal", "normal"},
                              {"log-normal", "normal"},
                              {"unknown-variance", "normal_inverse_gamma"},
                              {"beta-binomial", "beta_binomial"},
                              {"gamma-poisson", "gamma_poisson"}};

constexpr Family kDistributions[] = {{"point", "point"},
                                     {"normal", "normal"},
                                     {"student", "student"},
                                     {"log-normal", "log_normal"},
                                     {"beta-binomial", "beta_binomial"},
                                     {"negative-binomial", "negative_binomial"}};

std::string Hyphens(const std::string& name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }

// "mean, standard-deviation": the numbers of a family.
std::vector<std::string> NumberNames(const google::protobuf::Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor::CppType kind = type.field(i)->cpp_type();
    if (kind == FieldDescriptor::CPPTYPE_DOUBLE || kind == FieldDescriptor::CPPTYPE_INT64) {
      names.push_back(Hyphens(type.field(i)->name()));
    }
  }
  return names;
}

absl::Status SetNumber(const std::string& flag, const std::string& pair, Message* family) {
  const std::vector<std::string> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
  const std::vector<std::string> names = NumberNames(*family->GetDescriptor());
  if (parts.size() != 2 || std::find(names.begin(), names.end(), parts[0]) == names.end()) {
    return UsageError(absl::StrCat(flag, ": '", pair,
                                   "' must be NAME=NUMBER with one of the names ",
                                   absl::StrJoin(names, ", "), DidYouMean(parts[0], names)));
  }
  const FieldDescriptor* field =
      family->GetDescriptor()->FindFieldByName(absl::StrReplaceAll(parts[0], {{"-", "_"}}));
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    int64_t count = 0;
    if (!absl::SimpleAtoi(parts[1], &count)) {
      return UsageError(absl::StrCat(flag, ": ", pair, ": must be a whole number"));
    }
    family->GetReflection()->SetInt64(family, field, count);
    return absl::OkStatus();
  }
  double number = 0;
  if (!absl::SimpleAtod(parts[1], &number) || !std::isfinite(number)) {
    return UsageError(absl::StrCat(flag, ": ", pair, ": must be a number"));
  }
  family->GetReflection()->SetDouble(family, field, number);
  return absl::OkStatus();
}

template <size_t kCount>
std::string HelpOf(const Family (&families)[kCount], const google::protobuf::Descriptor& type) {
  std::vector<std::string> texts;
  for (const Family& family : families) {
    const auto* field = type.FindFieldByName(family.field);
    texts.push_back(absl::StrCat(family.word, ":",
                                 absl::StrJoin(NumberNames(*field->message_type()), "=,"), "="));
  }
  return absl::StrJoin(texts, "; ");
}

// Reads "FAMILY:NAME=NUMBER,..." and returns the family's word.
template <size_t kCount>
absl::StatusOr<std::string> FillFamily(const std::string& flag, const Family (&families)[kCount],
                                       const std::string& text, Message* message) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  std::vector<std::string> words;
  for (const Family& family : families) words.emplace_back(family.word);
  const auto found = std::find(words.begin(), words.end(), parts[0]);
  if (found == words.end()) {
    return UsageError(absl::StrCat(flag, ": '", parts[0], "' is none of ",
                                   absl::StrJoin(words, ", "), DidYouMean(parts[0], words)));
  }
  const Family& family = families[found - words.begin()];
  Message* filled = message->GetReflection()->MutableMessage(
      message, message->GetDescriptor()->FindFieldByName(family.field));
  if (parts.size() == 2 && !parts[1].empty()) {
    for (const auto pair : absl::StrSplit(parts[1], ',')) {
      CREDENCE_RETURN_IF_ERROR(SetNumber(flag, std::string(pair), filled));
    }
  }
  return parts[0];
}

}  // namespace

std::string NumericModelHelp() {
  return absl::StrCat("The question asks for a number. FAMILY:NAME=NUMBER,... with the families ",
                      HelpOf(kModels, *event::v1::NumericModel::descriptor()));
}

absl::Status FillNumericModel(const std::string& text, event::v1::NumericModel* model) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string word, FillFamily("--numeric", kModels, text, model));
  if (word == "log-normal") model->mutable_normal()->set_logarithmic(true);
  return absl::OkStatus();
}

std::string DistributionHelp() {
  return absl::StrCat("Distribution of a number. FAMILY:NAME=NUMBER,... with the families ",
                      HelpOf(kDistributions, *event::v1::NumericDistribution::descriptor()));
}

absl::Status FillDistribution(const std::string& text,
                              event::v1::NumericDistribution* distribution) {
  return FillFamily("--distribution", kDistributions, text, distribution).status();
}

absl::Status FillQuantiles(const std::string& flag, const std::vector<std::string>& texts,
                           event::v1::NumericDistribution* distribution) {
  std::map<double, double> points;
  for (const std::string& text : texts) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    double probability = 0;
    double value = 0;
    if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &probability) ||
        !absl::SimpleAtod(parts[1], &value)) {
      return UsageError(
          absl::StrCat(flag, ": '", text, "' is no PROBABILITY=VALUE such as 0.5=120"));
    }
    if (!points.emplace(probability, value).second) {
      return UsageError(absl::StrCat(flag, ": the quantile ", parts[0], " is given twice"));
    }
  }
  for (const auto& [probability, value] : points) {
    auto* point = distribution->mutable_quantiles()->add_points();
    point->set_probability(probability);
    point->set_value(value);
  }
  return absl::OkStatus();
}

std::string DistributionText(const event::v1::NumericDistribution& distribution) {
  const auto* family = distribution.GetReflection()->GetOneofFieldDescriptor(
      distribution, distribution.GetDescriptor()->FindOneofByName("family"));
  if (family == nullptr) return "";
  if (distribution.has_quantiles()) {
    return absl::StrCat(distribution.quantiles().points_size(), " quantiles");
  }
  std::vector<std::string> parts = {absl::StrReplaceAll(family->name(), {{"_", " "}})};
  const Message& numbers = distribution.GetReflection()->GetMessage(distribution, family);
  const auto* type = numbers.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const double number =
        field->cpp_type() == FieldDescriptor::CPPTYPE_INT64
            ? static_cast<double>(numbers.GetReflection()->GetInt64(numbers, field))
            : numbers.GetReflection()->GetDouble(numbers, field);
    parts.push_back(
        absl::StrCat(absl::StrReplaceAll(field->name(), {{"_", " "}}), " ", Rounded(number)));
  }
  return absl::StrJoin(parts, ", ");
}

std::optional<double> MedianOf(const v1::NumericPosterior& posterior) {
  if (posterior.distribution().has_point()) return posterior.distribution().point().value();
  for (const auto& point : posterior.quantiles()) {
    if (IsMedian(point)) return point.value();
  }
  return std::nullopt;
}

std::string NumericText(const v1::NumericPosterior& posterior) {
  const std::optional<double> middle = MedianOf(posterior);
  std::string text = middle.has_value() ? Rounded(*middle) : "";
  if (posterior.distribution().has_point()) return text;
  std::vector<std::string> others;
  for (int i = 0; i < posterior.quantiles_size(); ++i) {
    const auto& point = posterior.quantiles(i);
    if (!IsMedian(point) && (i == 0 || i + 1 == posterior.quantiles_size())) {
      others.push_back(
          absl::StrCat(Rounded(100 * point.probability()), " % ", Rounded(point.value())));
    }
  }
  return others.empty() ? text : absl::StrCat(text, " (", absl::StrJoin(others, ", "), ")");
}

void AddNumericRows(const std::string& node, const v1::NumericPosterior& posterior, Table* table) {
  const std::string unit = posterior.unit().empty() ? "" : absl::StrCat(" ", posterior.unit());
  for (const auto& point : posterior.quantiles()) {
    table->AddRow({node,
                   absl::StrCat("quantile ", Rounded(100 * point.probability()), " %"),
                   {absl::StrCat(Rounded(point.value()), unit), Exact(point.value())}});
  }
  for (const auto& point : posterior.cumulative()) {
    table->AddRow({node,
                   absl::StrCat("at most ", Rounded(point.value()), unit),
                   {Percent(point.probability()), Exact(point.probability())}});
  }
}

}  // namespace credence::cli
