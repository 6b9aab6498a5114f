#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "credence/event/v1/evidence_model.pb.h"

namespace credence::cli {

// An evidence item as flags: what it says in one of several forms, or a file.
struct EvidenceFlags {
  std::string file;
  std::string node, summary, url, source, grade, occur_time, half_life, cluster;
  std::optional<double> reliability, noise_likelihood, cluster_correlation, spread_decibans;
  std::optional<double> likelihood_ratio, decibans, hazard_ratio;
  std::vector<double> likelihoods, new_marginal, stated;
  std::string observed;
  std::string count, events;
  std::optional<double> measured, deviation, sample_deviation;
  std::optional<int64_t> sample_count;
  std::vector<double> success_probabilities;
};
void AddEvidenceFlags(CLI::App* command, EvidenceFlags* flags);

// The item of the flags, which stand above the file's values.
[[nodiscard]] absl::StatusOr<event::v1::EvidenceModel> MakeEvidence(CliContext& context,
                                                                    const EvidenceFlags& flags);

// What an item says, in a few words: "likelihood ratio 0.5".
[[nodiscard]] std::string StatementText(const event::v1::EvidenceModel& model);

}  // namespace credence::cli
