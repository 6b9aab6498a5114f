#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "score_reports.h"

// `credence score calibration SUBJECT`
namespace credence::cli {
namespace {

Table StepTable(const v1::GetCalibrationResponse& response) {
  Table table({{"FROM", Table::Align::kRight},
               {"TO", Table::Align::kRight},
               {"OBSERVED", Table::Align::kRight},
               {"FORECASTS", Table::Align::kRight}});
  const auto cell = [](double value) { return Table::Cell(Percent(value), Exact(value)); };
  for (const v1::CalibrationStep& step : response.steps()) {
    table.AddRow({cell(step.probability_min()), cell(step.probability_max()),
                  cell(step.observed_rate()), absl::StrCat(step.forecast_count())});
  }
  return table;
}

Table PartTable(const v1::GetCalibrationResponse& response) {
  Table table({{"RULE"},
               {"MEAN", Table::Align::kRight},
               {"MISCALIBRATION", Table::Align::kRight},
               {"DISCRIMINATION", Table::Align::kRight},
               {"UNCERTAINTY", Table::Align::kRight}});
  const auto cell = [](double value) { return Table::Cell(Rounded(value), Exact(value)); };
  for (const v1::CorpParts& parts : response.corp()) {
    table.AddRow({parts.rule(), cell(parts.score()), cell(parts.miscalibration()),
                  cell(parts.discrimination()), cell(parts.uncertainty())});
  }
  return table;
}

Table BandTable(const v1::WeightCalibration& weights) {
  Table table({{"CLAIMED DECIBANS"},
               {"CLAIMS", Table::Align::kRight},
               {"EXPECTED", Table::Align::kRight},
               {"OBSERVED", Table::Align::kRight}});
  const auto cell = [](double value) { return Table::Cell(Percent(value), Exact(value)); };
  for (const v1::WeightBand& band : weights.bands()) {
    table.AddRow({band.has_weight_max() ? absl::StrCat(band.weight_min(), " to ", band.weight_max())
                                        : absl::StrCat(band.weight_min(), " and more"),
                  absl::StrCat(band.claim_count()), cell(band.expected_rate()),
                  cell(band.observed_rate())});
  }
  return table;
}

// What the slope says in words.
const char* SlopeText(double slope) {
  constexpr double kNear = 0.1;
  if (slope < 0.0) return "they misled";
  if (slope < 1.0 - kNear) return "they claimed too much";
  return slope > 1.0 + kNear ? "they claimed too little" : "borne out";
}

// For each band the expected share as a bar, and where the observed one lies.
void WriteBandBars(const CliContext& context, const v1::WeightCalibration& weights,
                   std::ostream& out) {
  constexpr int kCells = 40;
  constexpr std::string_view kExpected = "expected";
  const bool unicode = context.environment().unicode;
  for (const v1::WeightBand& band : weights.bands()) {
    for (const auto& [rate_name, rate] :
         {std::pair(kExpected, band.expected_rate()),
          std::pair(std::string_view("observed"), band.observed_rate())}) {
      const bool first = rate_name == kExpected;
      out << absl::StrFormat("%6s %-8s ", first ? absl::StrCat(band.weight_min(), " dB") : "",
                             rate_name)
          << Bar(rate, 1.0, kCells, unicode) << " " << Percent(rate) << "\n";
    }
  }
}

void WriteSourceCalibration(const CliContext& context, const v1::GetCalibrationResponse& response,
                            std::ostream& out) {
  const v1::WeightCalibration& weights = response.weights();
  out << response.subject() << ": " << weights.claims_size() << " claims on "
      << response.question_count() << " questions, mean coverage " << Percent(response.coverage())
      << "\n"
      << SettlementText(response.settlement()) << "\n";
  if (weights.bands().empty()) return;
  BandTable(weights).WriteText(out);
  WriteBandBars(context, weights, out);
  out << "share in which the state that a claim favoured came true, by its weight\n";
  if (weights.has_gain_decibans()) {
    out << "earned " << Rounded(weights.gain_decibans()) << " decibans a claim; expected "
        << Rounded(weights.expected_gain_decibans()) << " had each been right\n";
  }
  if (!weights.has_slope()) {
    out << "too few claims, or too much in line, to say how much of their weight was borne out\n";
    return;
  }
  out << "slope " << Rounded(weights.slope()) << " +- " << Rounded(weights.slope_standard_error())
      << " (1: as claimed): " << SlopeText(weights.slope()) << "; p-value of 1 "
      << Rounded(weights.p_value()) << "\n";
}

void WriteCalibration(const CliContext& context, const v1::GetCalibrationResponse& response,
                      std::ostream& out) {
  if (response.has_weights()) return WriteSourceCalibration(context, response, out);
  out << response.subject() << ": " << response.question_count()
      << " yes/no questions, mean coverage " << Percent(response.coverage()) << "\n"
      << SettlementText(response.settlement()) << "\n"
      << AcrossVersionsText(response.across_versions_count());
  if (response.question_count() == 0) return;
  DiagramStyle style;
  style.unicode = context.environment().unicode;
  WriteReliabilityDiagram(response, style, out);
  out << "\nmean = miscalibration - discrimination + uncertainty (lower is better)\n";
  PartTable(response).WriteText(out);
  const v1::MurphyParts& murphy = response.murphy();
  out << "half Brier by identical forecasts: reliability " << Rounded(murphy.reliability())
      << ", resolution " << Rounded(murphy.resolution()) << ", uncertainty "
      << Rounded(murphy.uncertainty()) << "\n"
      << "base rate " << Percent(response.base_rate()) << ", variance of the forecasts "
      << Rounded(response.forecast_variance()) << "\n";
  if (response.has_miscalibration_p_value()) {
    out << "p-value of this much miscalibration by chance: "
        << Rounded(response.miscalibration_p_value()) << "\n";
  }
}

}  // namespace

void AddScoreCalibration(CLI::App* noun, CliContext& context) {
  struct Flags {
    std::string subject;
    ScoreFilterFlags filter;
    int64_t resample_count = 0;
    int64_t seed = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "calibration",
      "Compare what a subject said, or what a source claimed, with what came true",
      [&context, flags]() -> absl::Status {
        v1::GetCalibrationRequest request;
        request.set_subject(SubjectName(flags->subject));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_filter(),
                                  MakeScoreFilter(context, flags->filter));
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        request.set_resample_count(flags->resample_count);
        request.set_seed(flags->seed);
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::GetCalibrationResponse>(context, std::move(request)));
        Presentation presentation;
        presentation.items = response.has_weights() ? "" : "steps";
        presentation.table = [&] {
          return response.has_weights() ? BandTable(response.weights()) : StepTable(response);
        };
        presentation.text = [&](std::ostream& out) { WriteCalibration(context, response, out); };
        return Emit(context, response, presentation);
      });
  verb->add_option("SUBJECT", flags->subject,
                   "Forecaster, model, pools/median, pools/log or sources/SOURCE")
      ->required();
  AddScoreFilterFlags(verb, &flags->filter);
  verb->add_option("--resamples", flags->resample_count,
                   "Resamples for the band and the p-value; 1000 where absent");
  verb->add_option("--seed", flags->seed, "Seed of the resamples");
}

}  // namespace credence::cli
