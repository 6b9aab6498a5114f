#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace credence::server {

// Takes over the options of a running server that changed in its configuration, as far as they can
// be changed in one that runs, and names those that a restart is needed for.
//
// Not thread-safe.
class Reloader {
 public:
  // Value of each option, by its name.
  using Values = std::map<std::string, std::string>;
  // Reads the options anew, into where the appliers find them; an error leaves those as they were.
  using Read = std::function<absl::StatusOr<Values>()>;
  // Takes a line that says what happened.
  using Report = std::function<void(const std::string&)>;

  Reloader(Values in_force, Read read, Report report)
      : in_force_(std::move(in_force)), read_(std::move(read)), report_(std::move(report)) {}

  // `apply` is called where one of the options changed.
  void Add(std::set<std::string> options, std::function<void()> apply);

  void Reload();

 private:
  struct Applier {
    std::set<std::string> options;
    std::function<void()> apply;
  };

  Values in_force_;
  const Read read_;
  const Report report_;
  std::vector<Applier> appliers_;
};

}  // namespace credence::server
