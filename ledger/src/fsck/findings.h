#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "credence/ledger/fsck.h"

// What the checks of a ledger share.
namespace credence::ledger {

inline constexpr std::string_view kRestoreAdvice =
    "restore a backup, or write what is provable into a new ledger with `credence salvage`";

// Collects into a report. Not thread-safe.
class Findings {
 public:
  Findings(const FsckOptions& options, FsckReport& report) : options_(options), report_(report) {}

  void Damage(std::string_view part, std::string_view where, std::string_view what,
              std::string_view advice = kRestoreAdvice) {
    Add(Severity::kDamage, part, where, what, advice);
  }
  void Warn(std::string_view part, std::string_view where, std::string_view what,
            std::string_view advice) {
    Add(Severity::kWarning, part, where, what, advice);
  }
  void Progress(std::string_view step, int64_t done, int64_t total) const {
    if (options_.progress != nullptr) options_.progress({step, done, total});
  }

  [[nodiscard]] bool stopped() const { return options_.stopped != nullptr && options_.stopped(); }

  [[nodiscard]] FsckReport& report() { return report_; }
  [[nodiscard]] const FsckOptions& options() const { return options_; }
  [[nodiscard]] int64_t damage_count() const { return damage_count_; }

 private:
  void Add(Severity severity, std::string_view part, std::string_view where, std::string_view what,
           std::string_view advice) {
    if (severity == Severity::kDamage) ++damage_count_;
    // The first damage is always kept, so that a report with warnings only is one without damage.
    const bool full = static_cast<int64_t>(report_.findings.size()) >= options_.findings_max;
    if (full && !(severity == Severity::kDamage && damage_count_ == 1)) {
      ++report_.omitted_finding_count;
      return;
    }
    report_.findings.push_back(
        {severity, std::string(part), std::string(where), std::string(what), std::string(advice)});
  }

  const FsckOptions& options_;
  FsckReport& report_;
  int64_t damage_count_ = 0;
};

}  // namespace credence::ledger
