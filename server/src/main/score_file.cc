#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/read_file.h"
#include "credence/cli/table.h"
#include "credence/scoring/measures.h"
#include "credence/scoring/rules.h"
#include "main/commands.h"
#include "main/score_output.h"
#include "main/score_tables.h"
#include "main/text.h"

namespace credence::server {
namespace {

using scoring::Rule;

struct ScoreFlags {
  std::string forecasts;
  std::string resolutions;
  std::vector<std::string> rules;
  bool skip_unresolved = false;
  bool count_early = false;
  bool calibration = false;
  bool reliability = false;
  bool adjusted = false;
  int bootstrap = 0;  // resamples; 0 for none
  std::string compare;
  std::uint64_t seed = 1;
};

// Where no number of resamples is given.
constexpr int kResamples = 1999;

absl::StatusOr<std::vector<const Rule*>> FindRules(const std::vector<std::string>& lists) {
  std::vector<const Rule*> rules;
  std::set<std::string> seen;
  for (const std::string& list : lists) {
    for (const std::string& id : SplitList(list)) {
      CREDENCE_ASSIGN_OR_RETURN(const Rule* rule, scoring::FindRule(id));
      if (rule->kernel == scoring::Kernel::kEvidenceGain) {
        return cli::UsageError(
            Cat("--rule: ", id, " scores sources, of which tables of forecasts have none"));
      }
      if (seen.insert(id).second) rules.push_back(rule);
    }
  }
  if (rules.empty()) return cli::UsageError("--rule: must name a rule");
  return rules;
}

// The scores under one rule as the comparisons take them, without the questions that nobody has.
class DenseScores {
 public:
  DenseScores(const Scored& scored, size_t rule)
      : forecaster_count_(scored.forecasts.forecasters.size()) {
    // Questions in the order of their close, so that the series of differences runs in time.
    const auto& questions = scored.resolutions.questions;
    std::vector<std::uint32_t> order;
    for (const scoring::TableEntry& entry : scored.table.entries()) {
      if (order.empty() || order.back() != entry.question) order.push_back(entry.question);
    }
    std::stable_sort(order.begin(), order.end(), [&questions](std::uint32_t a, std::uint32_t b) {
      return questions[a].ScoringWindow().end < questions[b].ScoringWindow().end;
    });
    std::vector<size_t> row_of(questions.size());
    for (size_t row = 0; row < order.size(); ++row) row_of[order[row]] = row;
    values_.assign(order.size() * forecaster_count_, std::numeric_limits<double>::quiet_NaN());
    for (size_t e = 0; e < scored.table.entries().size(); ++e) {
      const scoring::TableEntry& entry = scored.table.entries()[e];
      const std::optional<double> value = scored.table.Value(e, rule);
      if (value) values_[row_of[entry.question] * forecaster_count_ + entry.forecaster] = *value;
    }
    for (const std::uint32_t question : order) {
      weights_.push_back(questions[question].weight);
      const ResolutionTable& resolutions = scored.resolutions;
      if (!resolutions.clusters.empty()) clusters_.push_back(resolutions.clusters[question]);
      if (!resolutions.strata.empty()) strata_.push_back(resolutions.strata[question]);
    }
  }

  [[nodiscard]] scoring::ScoreMatrix matrix() const {
    return {.forecaster_count = forecaster_count_,
            .question_count = weights_.size(),
            .values = values_,
            .weights = weights_,
            .clusters = clusters_,
            .strata = strata_};
  }

 private:
  size_t forecaster_count_;
  std::vector<double> values_;
  std::vector<double> weights_;
  std::vector<std::uint32_t> clusters_;
  std::vector<std::uint32_t> strata_;
};

// What the resampled differences leave open: the test over time, and skill on shared questions.
void AddTests(const scoring::ScoreMatrix& matrix, size_t forecaster, size_t reference,
              const Rule& rule, ComparedForecaster& compared) {
  std::vector<double> differences;
  double own = 0;
  double other = 0;
  for (size_t q = 0; q < matrix.question_count; ++q) {
    const double difference = matrix.At(q, forecaster) - matrix.At(q, reference);
    if (std::isnan(difference)) continue;
    differences.push_back(difference);
    own += matrix.At(q, forecaster);
    other += matrix.At(q, reference);
  }
  const auto tested = scoring::DieboldMariano(differences, {});
  if (tested.ok()) compared.diebold_mariano = *tested;
  const std::optional<double> perfect = scoring::PerfectScore(rule);
  if (!perfect || differences.empty()) return;
  const auto count = static_cast<double>(differences.size());
  const auto skill = scoring::SkillScore(own / count, other / count, *perfect);
  if (skill.ok()) compared.skill = *skill;
}

absl::StatusOr<RuleComparison> CompareUnderRule(const Scored& scored, size_t rule_index,
                                                const ScoreFlags& flags,
                                                std::optional<size_t> reference) {
  const Rule& rule = *scored.rules[rule_index];
  const DenseScores dense(scored, rule_index);
  const scoring::ScoreMatrix matrix = dense.matrix();
  scoring::BootstrapOptions options;
  options.resample_count = flags.bootstrap;
  options.seed = flags.seed;
  RuleComparison comparison;
  // Nobody said anything on a question that is scored.
  if (matrix.question_count == 0) return comparison;
  CREDENCE_ASSIGN_OR_RETURN(comparison.leaderboard,
                            scoring::BootstrapLeaderboard(matrix, rule.orientation, options));
  if (!reference) return comparison;
  CREDENCE_ASSIGN_OR_RETURN(const auto differences,
                            scoring::BootstrapDifferences(matrix, *reference, options));
  std::vector<double> p_values;
  for (const auto& difference : differences) {
    if (difference) p_values.push_back(difference->p_two_sided);
  }
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<double> adjusted,
                            scoring::AdjustForFalseDiscovery(
                                p_values, scoring::FalseDiscoveryControl::kBenjaminiHochberg));
  size_t next = 0;
  for (size_t f = 0; f < differences.size(); ++f) {
    comparison.compared.emplace_back();
    if (!differences[f]) continue;
    ComparedForecaster compared;
    compared.bootstrap = *differences[f];
    compared.p_adjusted = adjusted[next++];
    AddTests(matrix, f, *reference, rule, compared);
    comparison.compared.back() = compared;
  }
  return comparison;
}

absl::Status AddComparisons(const ScoreFlags& flags, Scored& scored) {
  constexpr size_t kCellsMax = 200'000'000;
  const std::vector<std::string>& names = scored.forecasts.forecasters;
  if (scored.resolutions.questions.size() * names.size() > kCellsMax) {
    return cli::UsageError("--bootstrap: the table has too many questions times forecasters");
  }
  std::optional<size_t> reference;
  if (!flags.compare.empty()) {
    const auto found = std::find(names.begin(), names.end(), flags.compare);
    if (found == names.end()) {
      return cli::UsageError(
          Cat("--compare: ", flags.compare, " is no forecaster of ", scored.forecasts.file));
    }
    reference = static_cast<size_t>(found - names.begin());
    scored.reference = flags.compare;
  }
  for (size_t rule = 0; rule < scored.rules.size(); ++rule) {
    absl::StatusOr<RuleComparison> comparison = CompareUnderRule(scored, rule, flags, reference);
    if (!comparison.ok()) {
      return MakeError(comparison.status().code(),
                       Cat("--bootstrap: ", scored.rules[rule]->id, ": ",
                           FromAbsl(comparison.status().message())),
                       GetErrorDetail(comparison.status()));
    }
    scored.comparisons.push_back(*std::move(comparison));
  }
  return absl::OkStatus();
}

// The last standing forecasts of each forecaster on yes/no questions settled one way or the other.
absl::Status AddReliability(const ScoreFlags& flags, Scored& scored) {
  for (size_t f = 0; f < scored.forecasts.forecasters.size(); ++f) {
    scored.reliability.emplace_back();
    const std::vector<scoring::BinaryForecast> forecasts = scored.table.SettledForecasts(f);
    if (forecasts.empty()) continue;
    CREDENCE_ASSIGN_OR_RETURN(scored.reliability.back(),
                              scoring::DrawReliability(forecasts, {.seed = flags.seed}));
  }
  return absl::OkStatus();
}

absl::Status AddAdjusted(Scored& scored) {
  for (size_t rule = 0; rule < scored.rules.size(); ++rule) {
    if (scored.rules[rule]->kernel != scoring::Kernel::kBrierHalf) continue;
    const DenseScores dense(scored, rule);
    if (dense.matrix().question_count == 0) return absl::OkStatus();
    absl::StatusOr<scoring::DifficultyAdjustment> adjustment =
        scoring::AdjustForDifficulty(dense.matrix(), {});
    if (!adjustment.ok()) {
      return MakeError(adjustment.status().code(),
                       Cat("--difficulty-adjusted: ", FromAbsl(adjustment.status().message())),
                       GetErrorDetail(adjustment.status()));
    }
    scored.adjusted = AdjustedScores{scored.rules[rule], *std::move(adjustment)};
    return absl::OkStatus();
  }
  return cli::UsageError("--difficulty-adjusted: needs a half Brier rule, such as brier.half.last");
}

absl::Status ScoreFiles(ScoreFlags flags, cli::CliContext& context) {
  if (flags.forecasts == "-" && flags.resolutions == "-") {
    return cli::UsageError("score file: only one of the files can be standard input");
  }
  if (!flags.compare.empty() && flags.bootstrap == 0) flags.bootstrap = kResamples;
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<const Rule*> rules, FindRules(flags.rules));
  CREDENCE_ASSIGN_OR_RETURN(const std::string resolution_text,
                            cli::ReadFile(flags.resolutions, context.in()));
  CREDENCE_ASSIGN_OR_RETURN(ResolutionTable resolutions,
                            ReadResolutions(flags.resolutions, resolution_text, context.err()));
  CREDENCE_ASSIGN_OR_RETURN(std::string forecast_text,
                            cli::ReadFile(flags.forecasts, context.in()));
  CREDENCE_ASSIGN_OR_RETURN(
      const ForecastTable forecasts,
      ReadForecasts(flags.forecasts, forecast_text, resolutions,
                    {.skip_unresolved = flags.skip_unresolved, .count_early = flags.count_early},
                    context.err()));
  std::string().swap(forecast_text);
  InferOpenBounds(forecasts, resolutions);
  scoring::ScoreTableInput input;
  input.questions = resolutions.questions;
  input.forecaster_count = forecasts.forecasters.size();
  input.rows = forecasts.rows;
  input.rules = rules;
  input.calibration = flags.calibration || flags.reliability;
  const absl::StatusOr<scoring::ScoredTable> table = scoring::ScoreTable(input);
  if (!table.ok()) return AtLines(table.status(), forecasts, resolutions);
  Scored scored{.resolutions = resolutions,
                .forecasts = forecasts,
                .rules = rules,
                .table = *table,
                .with_calibration = input.calibration,
                .reliability = {},
                .comparisons = {},
                .adjusted = std::nullopt,
                .reference = {}};
  if (flags.reliability) CREDENCE_RETURN_IF_ERROR(AddReliability(flags, scored));
  if (flags.adjusted) CREDENCE_RETURN_IF_ERROR(AddAdjusted(scored));
  if (flags.bootstrap > 0) CREDENCE_RETURN_IF_ERROR(AddComparisons(flags, scored));
  WriteScored(scored, context);
  return absl::OkStatus();
}

void AddFileFlags(CLI::App* command, ScoreFlags* flags) {
  command
      ->add_option("--forecasts", flags->forecasts,
                   "CSV: forecaster,question,time,[option,]probability; - for standard input")
      ->required();
  command
      ->add_option("--resolutions", flags->resolutions,
                   "CSV: question,open_time,close_time,resolve_time,outcome and optionally "
                   "type,options,spot_time,weight,open_bounds,bin_width,cluster,stratum; "
                   "- for standard input")
      ->required();
  command
      ->add_option("--rule", flags->rules,
                   "Rule ids, such as brier.half.daily,log.last; `credence score rules` lists them")
      ->required()
      ->allow_extra_args(false);
  command->add_flag("--skip-unresolved", flags->skip_unresolved,
                    "Leave out forecasts on questions without a resolution");
  command->add_flag("--count-early", flags->count_early,
                    "Let forecasts made before their question opened count from there on, as "
                    "Metaculus does, instead of refusing them");
}

void AddReportFlags(CLI::App* command, ScoreFlags* flags) {
  command->add_flag("--calibration", flags->calibration,
                    "Also decompose the half Brier scores of yes/no questions");
  command->add_flag("--reliability", flags->reliability,
                    "Also the reliability diagram with a 90 % consistency band, and a test");
  command
      ->add_option("--bootstrap", flags->bootstrap,
                   "Also intervals of means and ranks from this many resamples of the questions, "
                   "by cluster and within stratum where the resolutions have these columns")
      ->check(CLI::Range(0, scoring::kResamplesMax));
  command->add_option("--compare", flags->compare,
                      "Also each forecaster's difference to this one on shared questions, with "
                      "p-values; implies --bootstrap 1999");
  command->add_flag("--difficulty-adjusted", flags->adjusted,
                    "Also ForecastBench's adjusted score and Brier Index of the first half Brier "
                    "rule: who answered easier questions does not lead by that");
  command->add_option("--seed", flags->seed, "Of the resamples; 1 unless given");
}

void WriteRuleTable(std::ostream& out, bool csv) {
  cli::Table table({{"RULE"}, {"DIRECTION"}, {"RANGE"}, {"FORMULA"}});
  for (const Rule& rule : scoring::AllRules()) {
    const bool lower = rule.orientation == scoring::Orientation::kLowerIsBetter;
    table.AddRow({std::string(rule.id), lower ? "lower is better" : "higher is better",
                  std::string(rule.range), std::string(rule.formula)});
  }
  csv ? table.WriteCsv(out) : table.WriteText(out);
}

void WriteMeasures(JsonStream& json) {
  json.Name("measures");
  json.Open('[');
  for (const scoring::Measure& measure : scoring::AllMeasures()) {
    json.Open('{');
    const std::pair<std::string_view, std::string_view> members[] = {
        {"id", measure.id},           {"range", measure.range},
        {"formula", measure.formula}, {"convention", measure.convention},
        {"source", measure.source},   {"traps", measure.traps},
        {"check", measure.check}};
    for (const auto& [name, text] : members) {
      json.Name(name);
      json.Text(text);
    }
    json.Name("version");
    json.Count(static_cast<size_t>(measure.version));
    json.Close('}');
  }
  json.Close(']');
}

void WriteRuleJson(std::ostream& out) {
  {
    JsonStream json(out);
    json.Open('{');
    json.Name("rules");
    json.Open('[');
    for (const Rule& rule : scoring::AllRules()) {
      const bool lower = rule.orientation == scoring::Orientation::kLowerIsBetter;
      json.Open('{');
      const std::pair<std::string_view, std::string_view> members[] = {
          {"id", rule.id},
          {"direction", lower ? "LOWER_IS_BETTER" : "HIGHER_IS_BETTER"},
          {"range", rule.range},
          {"formula", rule.formula},
          {"convention", rule.convention},
          {"source", rule.source},
          {"traps", rule.traps},
          {"check", rule.check}};
      for (const auto& [name, text] : members) {
        json.Name(name);
        json.Text(text);
      }
      json.Name("version");
      json.Count(static_cast<size_t>(rule.version));
      json.Close('}');
    }
    json.Close(']');
    WriteMeasures(json);
    json.Close('}');
  }
  out << "\n";
}

absl::Status ShowRules(bool markdown, cli::CliContext& context) {
  if (markdown) {
    context.out() << scoring::RulesPage();
    return absl::OkStatus();
  }
  switch (context.flags().output) {
    case cli::OutputFormat::kJson:
    case cli::OutputFormat::kJsonl:
      WriteRuleJson(context.out());
      break;
    case cli::OutputFormat::kName:
      for (const Rule& rule : scoring::AllRules()) context.out() << rule.id << "\n";
      break;
    case cli::OutputFormat::kCsv:
    case cli::OutputFormat::kTable:
      WriteRuleTable(context.out(), context.flags().output == cli::OutputFormat::kCsv);
      break;
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterScoreFile(CLI::App& app, cli::CliContext& context) {
  CLI::App* noun = app.get_subcommand("score");
  CLI::App* command =
      noun->add_subcommand("file", "Score forecasts in CSV files, without a server");
  auto flags = std::make_shared<ScoreFlags>();
  AddFileFlags(command, flags.get());
  AddReportFlags(command, flags.get());
  context.SetAction(command, [flags, &context] { return ScoreFiles(*flags, context); });

  CLI::App* rules = noun->add_subcommand("rules", "List the scoring rules, without a server");
  auto markdown = std::make_shared<bool>(false);
  rules->add_flag("--markdown", *markdown, "The whole reference page, in Markdown");
  context.SetAction(rules, [markdown, &context] { return ShowRules(*markdown, context); });
}

}  // namespace credence::server
