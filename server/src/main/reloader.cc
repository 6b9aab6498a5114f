#include "main/reloader.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "credence/base/strings.h"

namespace credence::server {

void Reloader::Add(std::set<std::string> options, std::function<void()> apply) {
  appliers_.push_back({std::move(options), std::move(apply)});
}

void Reloader::Reload() {
  const absl::StatusOr<Values> read = read_();
  if (!read.ok()) {
    report_(Cat("nothing reloaded: ", FromAbsl(read.status().message())));
    return;
  }
  std::set<std::string> changed;
  for (const auto& [name, value] : *read) {
    if (in_force_[name] != value) changed.insert(name);
  }
  std::vector<std::string> taken;
  for (const Applier& applier : appliers_) {
    bool touched = false;
    for (const std::string& name : applier.options) {
      if (changed.erase(name) == 0) continue;
      touched = true;
      taken.push_back(Cat(name, " = ", read->at(name)));
      in_force_[name] = read->at(name);
    }
    if (touched) applier.apply();
  }
  report_(Cat("reloaded: ", taken.empty() ? "no option changed" : absl::StrJoin(taken, ", ")));
  if (!changed.empty()) report_(Cat("needs a restart: ", absl::StrJoin(changed, ", ")));
}

}  // namespace credence::server
