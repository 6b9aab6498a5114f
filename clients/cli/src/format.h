#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

// Numbers, times and names as people read them.
namespace credence::cli {

// "12.34 %"; with more digits near 0 and 1, where two would hide the difference.
[[nodiscard]] std::string Percent(double probability);

// "+1.23 pp": a difference of probabilities in percentage points.
[[nodiscard]] std::string PercentagePoints(double difference);

// "+3.4": decibans with their sign.
[[nodiscard]] std::string Decibans(double decibans);

// Shortest text that reads back as the same number.
[[nodiscard]] std::string Exact(double number);

// Four significant digits.
[[nodiscard]] std::string Rounded(double number);

// Where a bar begins, and so on which side its half cell lies.
enum class BarSide { kRightward, kLeftward };

// A bar that fills `cells` where `length` is `length_max`, to the nearest half cell (whole cell
// without Unicode); empty for less than that.
[[nodiscard]] std::string Bar(double length, double length_max, int cells, bool unicode,
                              BarSide side = BarSide::kRightward);

// First bytes of a hash in hexadecimal digits, and all of them.
[[nodiscard]] std::string ShortHex(std::string_view bytes);
[[nodiscard]] std::string Hex(std::string_view bytes);

// RFC 3339 in UTC without needless digits.
[[nodiscard]] std::string FormatInstant(absl::Time time);
[[nodiscard]] std::string FormatInstant(const google::protobuf::Timestamp& time);

[[nodiscard]] absl::Time ToTime(const google::protobuf::Timestamp& time);
[[nodiscard]] google::protobuf::Timestamp ToProto(absl::Time time);
[[nodiscard]] google::protobuf::Duration ToProto(absl::Duration duration);

// `collection`/`id`, or `id` itself where it is a full name already.
[[nodiscard]] std::string NameIn(std::string_view collection, std::string_view id);

// Last segment of a resource name.
[[nodiscard]] std::string IdOf(std::string_view name);

}  // namespace credence::cli
