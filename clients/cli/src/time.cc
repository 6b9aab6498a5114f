#include "credence/cli/time.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/suggestion.h"

namespace credence::cli {
namespace {

struct Unit {
  std::string_view name;
  absl::Duration length;
};

// Longer names first, so that `ms` is not read as `m`.
constexpr Unit kUnits[] = {{"ms", absl::Milliseconds(1)}, {"w", absl::Hours(24 * 7)},
                           {"d", absl::Hours(24)},        {"h", absl::Hours(1)},
                           {"m", absl::Minutes(1)},       {"s", absl::Seconds(1)}};

// A century and a half: longer ones are slips of the hand.
constexpr double kSecondsMax = 150.0 * 366 * 86400;

bool IsBareDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const size_t index : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[index]))) return false;
  }
  return true;
}

// Takes a number and its unit off the front of `text`.
bool TakePart(std::string_view& text, absl::Duration& sum) {
  const size_t digits = text.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos) return false;
  double number = 0;
  if (!absl::SimpleAtod(ToAbsl(text.substr(0, digits)), &number)) return false;
  text.remove_prefix(digits);
  for (const Unit& unit : kUnits) {
    if (text.substr(0, unit.name.size()) != unit.name) continue;
    text.remove_prefix(unit.name.size());
    if (number * absl::ToDoubleSeconds(unit.length) > kSecondsMax) return false;
    sum += number * unit.length;
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  absl::Duration sum = absl::ZeroDuration();
  bool good = !rest.empty();
  while (good && !rest.empty()) good = TakePart(rest, sum);
  if (good) return sum;
  return UsageError(absl::StrCat("'", ToAbsl(text), "' is no duration such as 30d, 36h or 90s"));
}

absl::StatusOr<absl::Time> ParseFixedTime(std::string_view text, absl::Duration time_of_day) {
  absl::Time time;
  std::string error;
  if (IsBareDate(text)) {
    if (absl::ParseTime("%Y-%m-%d", ToAbsl(text), absl::UTCTimeZone(), &time, &error)) {
      return time + time_of_day;
    }
  } else if (!text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
             absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error)) {
    return time;
  }
  return UsageError(
      absl::StrCat("'", ToAbsl(text), "' is no time such as 2021-08-15T00:00:00Z or 2021-08-15"));
}

absl::StatusOr<absl::Time> ParseTime(std::string_view text, absl::Time now,
                                     absl::Duration time_of_day) {
  if (text == "now") return now;
  const bool ahead = !text.empty() && text[0] == '+';
  const bool ago = !text.empty() && text[0] == '-';
  const absl::StatusOr<absl::Duration> distance =
      ParseDuration(ahead || ago ? text.substr(1) : text);
  if (distance.ok()) return ahead ? now + *distance : now - *distance;
  absl::StatusOr<absl::Time> time = ParseFixedTime(text, time_of_day);
  if (time.ok()) return time;
  return UsageError(absl::StrCat("'", ToAbsl(text),
                                 "' is no time such as 2021-08-15T00:00:00Z, 2021-08-15, 7d "
                                 "(a week ago), +7d or now"));
}

}  // namespace credence::cli
