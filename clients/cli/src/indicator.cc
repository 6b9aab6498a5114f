#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "target.h"

namespace credence::cli {
namespace {

constexpr int kBarCells = 20;

std::string OutcomeText(const v1::IndicatorRank& rank) {
  return absl::StrJoin(
      rank.outcomes(), ", ", [](std::string* out, const v1::IndicatorOutcome& outcome) {
        absl::StrAppend(out, outcome.state(), " -> ", Percent(outcome.target_probability()));
      });
}

Table RankTable(const v1::RankIndicatorsResponse& response, bool unicode) {
  double bits_max = 0;
  for (const v1::IndicatorRank& rank : response.indicators()) {
    bits_max = std::max(bits_max, rank.mutual_information_bits());
  }
  Table table({{"NODE"},
               {"BITS", Table::Align::kRight},
               {""},
               {"BRIER GAIN", Table::Align::kRight},
               {"IF SEEN"}});
  for (const v1::IndicatorRank& rank : response.indicators()) {
    const double bits = rank.mutual_information_bits();
    table.AddRow(
        {rank.node(),
         {Rounded(bits), Exact(bits)},
         {Bar(bits, bits_max, kBarCells, unicode), ""},
         {Rounded(rank.expected_brier_reduction()), Exact(rank.expected_brier_reduction())},
         OutcomeText(rank)});
  }
  return table;
}

}  // namespace

void AddIndicatorCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "indicator", "What to watch next");
  struct Flags : TargetFlags {
    bool drivers = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "rank", "Rank what would tell most about a question",
      [&context, flags]() -> absl::Status {
        v1::RankIndicatorsRequest request;
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_target(), MakeTarget(context, *flags));
        request.set_include_drivers(flags->drivers);
        CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                  CallRpc<v1::RankIndicatorsResponse>(context, std::move(request)));
        const bool unicode = context.environment().unicode;
        Presentation presentation{"indicators", [&] { return RankTable(response, unicode); },
                                  nullptr};
        return Emit(context, response, presentation);
      });
  AddTargetFlags(verb, flags.get());
  verb->add_flag("--drivers", flags->drivers, "Rank drivers too, which are never seen directly");
}

}  // namespace credence::cli
