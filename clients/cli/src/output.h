#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credence/cli/context.h"
#include "credence/cli/table.h"
#include "google/protobuf/message.h"

// Data on standard output in the form that the flags ask for.
namespace credence::cli {

// How an answer is shown.
struct Presentation {
  // Repeated field with the items of a list; empty where the answer is one thing.
  std::string items;
  // The answer as a table: for people, and for CSV.
  std::function<Table()> table;
  // For people in place of the table, where one does not do.
  std::function<void(std::ostream&)> text;
};

// Writes `response`.
[[nodiscard]] absl::Status Emit(CliContext& context, const google::protobuf::Message& response,
                                const Presentation& presentation);

// Writes the answer of a write. For people: the resource, how far each question moved, the receipt.
[[nodiscard]] absl::Status EmitWrite(CliContext& context,
                                     const google::protobuf::Message& response);

// Writes one message of a stream: a line of JSON, or `line` for people. Flushes. A UsageError for
// CSV, which has no form for streams; ask for it with CheckStreamOutput before the stream begins.
[[nodiscard]] absl::Status CheckStreamOutput(const CliContext& context);
[[nodiscard]] absl::Status EmitStreamed(CliContext& context,
                                        const google::protobuf::Message& message,
                                        const std::string& line);

// Canonical protobuf JSON.
[[nodiscard]] absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                                 bool pretty);

// A table of two columns, one row for each pair.
[[nodiscard]] Table FieldTable(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace credence::cli
