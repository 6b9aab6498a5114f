#include "format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "credence/base/check.h"
#include "credence/cli/suggestion.h"

namespace credence::cli {
namespace {

constexpr size_t kShortHashBytes = 6;

}  // namespace

std::string Percent(double probability) {
  const double extreme = std::min(probability, 1 - probability);
  if (extreme > 0 && extreme < 0.001) return absl::StrFormat("%.4f %%", 100 * probability);
  return absl::StrFormat("%.2f %%", 100 * probability);
}

std::string PercentagePoints(double difference) {
  return absl::StrFormat("%+.2f pp", 100 * difference);
}

std::string Decibans(double decibans) { return absl::StrFormat("%+.2f", decibans); }

std::string Exact(double number) {
  char digits[32];
  const std::to_chars_result result = std::to_chars(digits, digits + sizeof(digits), number);
  CREDENCE_CHECK(result.ec == std::errc());
  return std::string(digits, result.ptr);
}

std::string Rounded(double number) { return absl::StrFormat("%.4g", number); }

std::string Bar(double length, double length_max, int cells, bool unicode, BarSide side) {
  if (!(length_max > 0) || !(length > 0)) return "";
  const double share = std::min(1.0, length / length_max);
  const int halves = unicode ? static_cast<int>(std::lround(share * cells * 2))
                             : 2 * static_cast<int>(std::lround(share * cells));
  std::string whole;
  for (int index = 0; index < halves / 2; ++index) whole += unicode ? "█" : "#";
  if (halves % 2 == 0) return whole;
  return side == BarSide::kRightward ? whole + "▌" : "▐" + whole;
}

std::string Hex(std::string_view bytes) { return absl::BytesToHexString(ToAbsl(bytes)); }

std::string ShortHex(std::string_view bytes) { return Hex(bytes.substr(0, kShortHashBytes)); }

std::string FormatInstant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::string FormatInstant(const google::protobuf::Timestamp& time) {
  return FormatInstant(ToTime(time));
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  const int64_t seconds = absl::ToInt64Seconds(duration);
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(seconds))));
  return proto;
}

std::string NameIn(std::string_view collection, std::string_view id) {
  if (id.empty() || id.find('/') != std::string_view::npos) return std::string(id);
  return absl::StrCat(ToAbsl(collection), "/", ToAbsl(id));
}

std::string IdOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  return std::string(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

}  // namespace credence::cli
