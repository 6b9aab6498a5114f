#include "logging/logger.h"

#include <unistd.h>

#include "absl/time/clock.h"
#include "convert/json_text.h"
#include "credence/base/strings.h"
#include "credence/base/utf8.h"

namespace credence::server {
namespace {

constexpr size_t kTextBytesMax = 1'024;

std::string_view SeverityText(Logger::Severity severity) {
  switch (severity) {
    case Logger::Severity::kDebug:
      return "DEBUG";
    case Logger::Severity::kInfo:
      return "INFO";
    case Logger::Severity::kWarning:
      return "WARNING";
    case Logger::Severity::kError:
      return "ERROR";
  }
  return "";
}

// One line of text: control characters would let a value begin a line of its own, or drive a
// terminal; and bytes that are no UTF-8 would spoil the JSON.
std::string Printable(std::string_view text) {
  std::string line(text.substr(0, kTextBytesMax));
  for (char& byte : line) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) byte = ' ';
  }
  if (!IsNoteText(line)) {
    for (char& byte : line) {
      if (static_cast<unsigned char>(byte) >= 0x80) byte = '?';
    }
  }
  if (line.size() < text.size()) line += "...";
  return line;
}

}  // namespace

Logger::Field::Field(std::string_view field_name, std::string_view text)
    : name(field_name), value(JsonText(Printable(text))) {}

Logger::Field::Field(std::string_view field_name, int64_t number)
    : name(field_name), value(Cat(number)) {}

Logger::Sink Logger::StandardError() {
  return [](const std::string& line) {
    // One call: other threads write there too. A log that cannot be written stops nothing.
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  };
}

void Logger::Log(Severity severity, std::string_view message,
                 std::initializer_list<Field> fields) const {
  if (!Logs(severity)) return;
  std::string line;
  if (format_ == Format::kText) {
    line = Cat("credence: ", Printable(message));
    for (const Field& field : fields) line += Cat(", ", field.name, "=", field.value);
  } else {
    line =
        Cat(R"({"time":")", absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone()),
            R"(","severity":")", SeverityText(severity), R"(","message":)",
            JsonText(Printable(message)));
    for (const Field& field : fields) line += Cat(",\"", field.name, "\":", field.value);
    line += "}";
  }
  sink_(line + "\n");
}

}  // namespace credence::server
