#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "credence/event/v1/attribute.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "google/protobuf/timestamp.pb.h"

// Checks of single fields that several commands share. Pure functions; errors name the field.
namespace credence::server {

inline constexpr size_t kTextBytesMax = 16'384;
inline constexpr size_t kUrlBytesMax = 2'048;
inline constexpr size_t kLabelBytesMax = 64;
inline constexpr int kTagCountMax = 32;
inline constexpr int kAttributeCountMax = 64;

// An RFC 1034 label in lower case: a letter, then letters, digits and hyphens, not a hyphen last,
// at most 63 characters. INVALID_ARGUMENT (NAME_INVALID; FIELD_REQUIRED where empty).
[[nodiscard]] absl::Status CheckId(std::string_view id, std::string_view field);

// CheckId for an id that the client chose where the server makes its own of `letter` and a
// position: those are refused (NAME_INVALID), so that the two never clash.
[[nodiscard]] absl::Status CheckChosenId(std::string_view id, char letter, std::string_view field);

// At most `bytes_max` bytes, and not what a text that was erased or lost reads as. INVALID_ARGUMENT
// (FIELD_TOO_LARGE, metadata limit; FIELD_INVALID).
[[nodiscard]] absl::Status CheckText(std::string_view text, std::string_view field,
                                     size_t bytes_max = kTextBytesMax);

// A state of a node as it is named on command lines and in filters: 1 to 128 printable ASCII
// characters without spaces and double quotes. INVALID_ARGUMENT (NAME_INVALID).
[[nodiscard]] absl::Status CheckState(std::string_view state, std::string_view field);

// CheckText, and not empty.
[[nodiscard]] absl::Status CheckRequiredText(std::string_view text, std::string_view field);

// At most kAttributeCountMax attributes, each with a key of 1 to kLabelBytesMax bytes and a text.
[[nodiscard]] absl::Status CheckAttributes(
    const google::protobuf::RepeatedPtrField<event::v1::Attribute>& attributes,
    std::string_view field);

// The id in a name such as "questions/x". INVALID_ARGUMENT (NAME_INVALID) saying the right form.
[[nodiscard]] absl::StatusOr<std::string> ParseName(std::string_view name,
                                                    std::string_view collection,
                                                    std::string_view field);

// A timestamp within years 1 to 9999. INVALID_ARGUMENT (TIME_INVALID).
[[nodiscard]] absl::StatusOr<absl::Time> ParseTime(const google::protobuf::Timestamp& timestamp,
                                                   std::string_view field);

[[nodiscard]] absl::Status NotFound(std::string_view resource);
[[nodiscard]] absl::Status AlreadyExists(std::string_view resource);
// FAILED_PRECONDITION (WRONG_STATE) about `resource`.
[[nodiscard]] absl::Status WrongState(std::string_view resource, std::string_view why);

// Probabilities of `states` by position. INVALID_ARGUMENT (PROBABILITY_INVALID) unless each is in
// [0, 1] and they sum to 1 within 1e-9.
[[nodiscard]] absl::Status CheckProbabilities(const std::vector<double>& probabilities,
                                              std::string_view field);

}  // namespace credence::server
