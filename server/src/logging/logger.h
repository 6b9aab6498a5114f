#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"

namespace credence::server {

// What the server says of itself while it runs: one line for each thing that happened, for people
// or as JSON for programs. Nothing that a caller sent goes into a line unless it is a name or an
// id; keys, tokens and the contents of requests never do.
//
// Thread-safe. A line below the level costs a comparison.
class Logger {
 public:
  enum class Severity { kDebug, kInfo, kWarning, kError };
  enum class Format { kText, kJson };

  // A name and a value. Of a text what is no printable UTF-8 is escaped, and what goes beyond 1 KiB
  // is cut off, so that no value can make a line of its own.
  struct Field {
    Field(std::string_view field_name, std::string_view text);
    Field(std::string_view field_name, int64_t number);
    std::string_view name;
    // As JSON.
    std::string value;
  };

  // Takes a whole line with its line feed; called from any thread.
  using Sink = std::function<void(const std::string& line)>;

  // Standard error, one write for each line.
  [[nodiscard]] static Sink StandardError();

  Logger(Sink sink, Format format, Severity least) : sink_(std::move(sink)), format_(format) {
    set_least(least);
  }

  // As text: "credence: message, name=value". As JSON: an object with time, severity, message and
  // the fields.
  void Log(Severity severity, std::string_view message,
           std::initializer_list<Field> fields = {}) const;

  void Info(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Severity::kInfo, message, fields);
  }
  void Warning(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Severity::kWarning, message, fields);
  }

  [[nodiscard]] bool Logs(Severity severity) const {
    return severity >= least_.load(std::memory_order_relaxed);
  }
  void set_least(Severity least) { least_.store(least, std::memory_order_relaxed); }

 private:
  const Sink sink_;
  const Format format_;
  std::atomic<Severity> least_{Severity::kInfo};
};

}  // namespace credence::server
