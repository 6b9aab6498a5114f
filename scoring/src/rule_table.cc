#include "rule_table.h"

#include <array>

// The rules, in the order in which lists show them. docs/reference/scoring-rules.md is made from
// this table; tests/scoring checks each check value.
namespace credence::scoring {
namespace {

constexpr Orientation kLower = Orientation::kLowerIsBetter;
constexpr Orientation kHigher = Orientation::kHigherIsBetter;

constexpr std::array kRules = {
    Rule{
        .id = "brier.half.last",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "1/2 sum_k (f_k - o_k)^2; yes/no: (p - o)^2",
        .range = "0 to 1",
        .convention =
            "Half Brier score of the forecast in force at the end of the scoring window, which "
            "runs from the open time (included) to the earlier of scheduled close and resolution "
            "(excluded). For yes/no questions it is (p - o)^2, from 0 to 1; with more than two "
            "states it is half the full Brier score. A fractional settlement takes the place of "
            "o. A forecast withdrawn before the end leaves no score.",
        .source = "Brier 1950, halved as ForecastBench, Manifold and Metaculus quote it",
        .traps = "Half of what Good Judgment Open and Fatebook call the Brier score.",
        .check = "p = .271, no: 0.073441",
    },
    Rule{
        .id = "brier.full.last",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "sum_k (f_k - o_k)^2",
        .range = "0 to 2",
        .convention =
            "Full Brier score of the forecast in force at the end of the scoring window (as "
            "brier.half.last): the sum over all states of the squared difference between "
            "probability and outcome, from 0 to 2. For yes/no questions it is twice the half "
            "score.",
        .source = "Brier 1950, as Good Judgment Open and Fatebook quote it",
        .traps = "Twice what ForecastBench, Manifold and Metaculus call the Brier score.",
        .check = "p = .271, no: 0.146882",
    },
    Rule{
        .id = "brier.half.daily",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .formula = "1/D sum_d 1/2 sum_k (f_dk - o_k)^2",
        .range = "0 to 1",
        .convention =
            "Mean half Brier score over full UTC days. A day counts when it lies wholly inside "
            "the scoring window and a forecast stands at its end; that forecast is the day's, "
            "carried forward from earlier days where nothing changed. Days before the first "
            "forecast and after a withdrawal do not count. Partial first and last days do not "
            "count.",
        .source = "Good Judgment Open's daily averaging (full days only), with the half score",
        .traps = "Platforms differ in which forecast of a day counts and in whether the day of the "
                 "close does.",
        .check = "3 days at .9, 4 at .95, yes: 0.0057",
    },
    Rule{
        .id = "brier.full.daily",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .formula = "1/D sum_d sum_k (f_dk - o_k)^2",
        .range = "0 to 2",
        .convention =
            "Mean full Brier score over full UTC days, the days as in brier.half.daily, from 0 to "
            "2.",
        .source = "Good Judgment Open and Cultivate Forecasts: daily average, full days only",
        .traps = "Good Judgment Open shows this as the Brier score of a question.",
        .check = "3 days at .9, 4 at .95, yes: 0.0114",
    },
    Rule{
        .id = "brier.half.timeweighted",
        .kernel = Kernel::kBrierHalf,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .formula = "1/T int 1/2 sum_k (f_k(t) - o_k)^2 dt over the covered time T",
        .range = "0 to 1",
        .convention =
            "Half Brier score of every forecast that stood inside the scoring window, weighted by "
            "how long it stood there: the integral of the score over the covered time divided by "
            "the covered time. A forecast made before the open counts from the open on. Uncovered "
            "time does not count; the coverage stands beside the score.",
        .source = "Brier 1950; exact integral of a step function",
        .traps = "Not the score of the average forecast, which is never worse.",
        .check = "half the time at .5, half at .9, yes: 0.13",
    },
    Rule{
        .id = "brier.full.timeweighted",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .formula = "1/T int sum_k (f_k(t) - o_k)^2 dt over the covered time T",
        .range = "0 to 2",
        .convention =
            "Full Brier score of every forecast that stood inside the scoring window, weighted by "
            "how long it stood there, as brier.half.timeweighted.",
        .source = "Brier 1950; exact integral of a step function",
        .traps = "Not the score of the average forecast, which is never worse.",
        .check = "half the time at .5, half at .9, yes: 0.26",
    },
    Rule{
        .id = "brier.ordered.last",
        .kernel = Kernel::kBrierOrdered,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "1/(K-1) sum_{k<K} 2 (F_k - O_k)^2",
        .range = "0 to 2",
        .convention =
            "Ordered Brier score of the forecast in force at the end of the scoring window: each "
            "of the K - 1 cuts between neighbouring states makes a yes/no question, and the full "
            "Brier scores of these are averaged. Equals 2 / (K - 1) times the ranked probability "
            "score. Only for states in order, or two states.",
        .source = "Jose, Nau and Winkler 2009; Good Judgment Open and Cultivate Forecasts",
        .traps = "For the same forecast far below the plain Brier score.",
        .check = "(.15, .45, .25, .15), third: 0.27, where the plain score is 0.81",
    },
    Rule{
        .id = "brier.ordered.daily",
        .kernel = Kernel::kBrierOrdered,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .formula = "1/D sum_d 1/(K-1) sum_{k<K} 2 (F_dk - O_k)^2",
        .range = "0 to 2",
        .convention =
            "Mean over full UTC days (the days as in brier.half.daily) of the ordered Brier "
            "score: each of the K - 1 cuts between neighbouring states makes a yes/no question, "
            "and the full Brier scores of these are averaged. Equals 2 / (K - 1) times the ranked "
            "probability score. Only for states in order; for two states it is the full Brier "
            "score.",
        .source = "Good Judgment Open and Cultivate Forecasts; Jose, Nau and Winkler 2009",
        .traps = "For the same forecast far below the plain Brier score.",
        .check = "(.15, .45, .25, .15), third: 0.27, where the plain score is 0.81",
    },
    Rule{
        .id = "brier.full.daily.relative",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .comparison = Comparison::kDailyMedian,
        .formula = "1/D sum_d (S_d - median of all S_d)",
        .range = "-2 to 2",
        .convention =
            "Mean over the full UTC days on which one's own forecast stood of the difference "
            "between one's own full Brier score and the median over everybody whose forecast "
            "stood at that day's end, oneself included (the days as in brier.half.daily). Below 0 "
            "is better than the crowd's median. No score where only one forecaster has such a day "
            "on the question.",
        .source = "Good Judgment Open, relative Brier score",
        .traps = "The median of the scores, not the score of the median forecast. Days without a "
                 "forecast of one's own do not count.",
        .check = "forecasters at .9, .8, .5 for a day, yes: -0.06, 0, 0.42",
    },
    Rule{
        .id = "brier.ordered.daily.relative",
        .kernel = Kernel::kBrierOrdered,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .comparison = Comparison::kDailyMedian,
        .formula = "1/D sum_d (S_d - median of all S_d), S the ordered score",
        .range = "-2 to 2",
        .convention =
            "As brier.full.daily.relative with the ordered Brier score. Only for states in order; "
            "for two states it is brier.full.daily.relative.",
        .source = "Good Judgment Open, relative Brier score of ordered questions",
        .traps = "As brier.full.daily.relative.",
        .check = "two forecasters at (.15, .45, .25, .15) and the third state: +-0.135",
    },
    Rule{
        .id = "brier.full.daily.accuracy",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kDaily,
        .orientation = kLower,
        .comparison = Comparison::kDailyMedianAllDays,
        .formula = "sum_d (S_d - median of all S_d) / all full days",
        .range = "-2 to 2",
        .convention =
            "As brier.full.daily.relative, but divided by all full UTC days in the scoring "
            "window, so that days without a forecast of one's own earn 0: the relative score "
            "times the participation rate.",
        .source = "Good Judgment Open, accuracy score",
        .traps = "Participation multiplies the score, which makes a bad forecaster look better by "
                 "absence.",
        .check = "as brier.full.daily.relative for those who forecast on every day",
    },
    Rule{
        .id = "fatebook.brier",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kFatebookDays,
        .orientation = kLower,
        .formula = "(sum of full days' S + fraction x last S) / (days + fraction)",
        .range = "0 to 2",
        .convention =
            "Fatebook's absolute score. The scoring window is cut into periods of 24 hours from "
            "the open time, the last one being a fraction of a day. The forecast of a period is "
            "the average of what stood in it, weighted by time; where nothing stood at its start, "
            "the time before its first forecast counts for its last one. Its full Brier score "
            "counts whole, that of the last period by its fraction, and the sum is divided by the "
            "length of the window in days. Periods without a forecast add nothing to the sum but "
            "stay in the divisor, so that a late start lowers the score. A window shorter than a "
            "day counts as one whole period. Only for yes/no questions.",
        .source = "Fatebook (Sage), lib/_scoring.ts",
        .traps =
            "The Brier score of an averaged forecast; the divisor does not depend on coverage.",
        .check = "p = .7 throughout, yes: 0.18",
    },
    Rule{
        .id = "fatebook.relative",
        .kernel = Kernel::kBrierFull,
        .timing = Timing::kFatebookDays,
        .orientation = kLower,
        .comparison = Comparison::kDailyMedian,
        .formula = "as fatebook.brier, of S less the median S of the period",
        .range = "-2 to 2",
        .convention =
            "Fatebook's relative score: as fatebook.brier, but of the difference between one's "
            "own score of the period and the median over everybody who has one. No score where "
            "only one forecaster has a period on the question. Only for yes/no questions.",
        .source = "Fatebook (Sage), lib/_scoring.ts",
        .traps = "As fatebook.brier: absence earns 0.",
        .check = "p = .7 and .5 throughout, yes: -0.16 and 0.16",
    },
    Rule{
        .id = "log.last",
        .kernel = Kernel::kLog,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "-ln f_j",
        .range = "0 to infinity",
        .convention =
            "Minus the natural logarithm, in nats, of the probability that the forecast in force "
            "at the end of the scoring window gave to what happened; for a fractional settlement "
            "the mean over the shares. No floor: probability 0 for what happened scores infinity, "
            "which is reported as infinite and never as a number.",
        .source = "Good 1952",
        .traps = "Infinite at probability 0; packages differ in sign, base and floor.",
        .check = "p = .481, no: 0.6558514",
    },
    Rule{
        .id = "log.floor1e-2.last",
        .kernel = Kernel::kLog,
        .timing = Timing::kLast,
        .orientation = kLower,
        .floor = 0.01,
        .formula = "-ln max(f_j, 0.01)",
        .range = "0 to 4.6052",
        .convention =
            "As log.last, with every probability below 0.01 taken as 0.01. What is raised is not "
            "taken from the other states, so that the score of a vector with raised entries is "
            "not strictly proper.",
        .source = "Good 1952, with the floor that keeps one sure error finite",
        .traps = "Another floor is another rule: means move with it.",
        .check = "p = 0, yes: 4.6051702",
    },
    Rule{
        .id = "log.floor1e-3.last",
        .kernel = Kernel::kLog,
        .timing = Timing::kLast,
        .orientation = kLower,
        .floor = 0.001,
        .formula = "-ln max(f_j, 0.001)",
        .range = "0 to 6.9078",
        .convention =
            "As log.last, with every probability below 0.001 taken as 0.001. What is raised is "
            "not taken from the other states, so that the score of a vector with raised entries "
            "is not strictly proper.",
        .source = "Good 1952, with the floor that keeps one sure error finite",
        .traps = "Another floor is another rule: means move with it.",
        .check = "p = 0, yes: 6.9077553",
    },
    Rule{
        .id = "log.timeweighted",
        .kernel = Kernel::kLog,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .formula = "1/T int -ln f_j(t) dt over the covered time T",
        .range = "0 to infinity",
        .convention =
            "Log score in nats as in log.last, of every forecast that stood inside the scoring "
            "window, weighted by how long it stood there, over the covered time. No floor: one "
            "moment at probability 0 for what happened scores infinity.",
        .source = "Good 1952; exact integral of a step function",
        .traps = "Infinite after one moment at probability 0.",
        .check = "half the time at .5, half at .25, yes: 1.0397208",
    },
    Rule{
        .id = "log.floor1e-2.timeweighted",
        .kernel = Kernel::kLog,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .floor = 0.01,
        .formula = "1/T int -ln max(f_j(t), 0.01) dt",
        .range = "0 to 4.6052",
        .convention = "As log.timeweighted, with every probability below 0.01 taken as 0.01, as "
                      "log.floor1e-2.last does.",
        .source = "Good 1952, with the floor that keeps one sure error finite",
        .traps = "Another floor is another rule: means move with it.",
        .check = "p = 0 throughout, yes: 4.6051702",
    },
    Rule{
        .id = "log.floor1e-3.timeweighted",
        .kernel = Kernel::kLog,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .floor = 0.001,
        .formula = "1/T int -ln max(f_j(t), 0.001) dt",
        .range = "0 to 6.9078",
        .convention = "As log.timeweighted, with every probability below 0.001 taken as 0.001, as "
                      "log.floor1e-3.last does.",
        .source = "Good 1952, with the floor that keeps one sure error finite",
        .traps = "Another floor is another rule: means move with it.",
        .check = "p = 0 throughout, yes: 6.9077553",
    },
    Rule{
        .id = "ranked_log.last",
        .kernel = Kernel::kRankedLog,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "-sum_{k<K} ln of the probability of the side of cut k that happened",
        .range = "0 to infinity",
        .convention =
            "Ranked logarithmic score of the forecast in force at the end of the scoring window: "
            "each of the K - 1 cuts between neighbouring states makes a yes/no question, and the "
            "log scores of these, in nats, are added. Not divided by K - 1. No floor. Only for "
            "states in order, or two states.",
        .source = "Todter and Ahrens 2012",
        .traps = "Infinite where a cut was ruled out.",
        .check = "(.21, .31, .32, .16), second: 1.064002",
    },
    Rule{
        .id = "spherical.last",
        .kernel = Kernel::kSpherical,
        .timing = Timing::kLast,
        .orientation = kHigher,
        .formula = "f_j / sqrt(sum_k f_k^2)",
        .range = "0 to 1",
        .convention =
            "The probability that the forecast in force at the end of the scoring window gave to "
            "what happened, divided by the Euclidean length of its probability vector: a reward "
            "from 0 to 1. For a fractional settlement the mean over the shares.",
        .source = "Roby 1965",
        .traps = "R's scoring package gives 1 minus it.",
        .check = "p = .7, yes: 0.919145",
    },
    Rule{
        .id = "spherical.timeweighted",
        .kernel = Kernel::kSpherical,
        .timing = Timing::kTimeWeighted,
        .orientation = kHigher,
        .formula = "1/T int f_j(t) / sqrt(sum_k f_k(t)^2) dt",
        .range = "0 to 1",
        .convention =
            "Spherical score as in spherical.last, of every forecast that stood inside the "
            "scoring window, weighted by how long it stood there, over the covered time.",
        .source = "Roby 1965; exact integral of a step function",
        .traps = "R's scoring package gives 1 minus it.",
        .check = "p = .7 throughout, yes: 0.919145",
    },
    Rule{
        .id = "rps.last",
        .kernel = Kernel::kRankedProbability,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "sum_{k<K} (F_k - O_k)^2",
        .range = "0 to K - 1",
        .convention =
            "Ranked probability score of the forecast in force at the end of the scoring window: "
            "the sum over the K - 1 cuts between neighbouring states of the squared difference "
            "between the cumulative probability and the cumulative outcome, from 0 to K - 1; not "
            "divided by K - 1. Only for states in order, or two states.",
        .source = "Epstein 1969; Murphy 1971",
        .traps = "R's verification package divides by K - 1: rps.normalized.last.",
        .check = "(.01, .32, .44, .23), third: 0.1619",
    },
    Rule{
        .id = "rps.normalized.last",
        .kernel = Kernel::kRankedProbabilityNormalized,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "1/(K-1) sum_{k<K} (F_k - O_k)^2",
        .range = "0 to 1",
        .convention =
            "Ranked probability score as in rps.last, divided by the number of cuts, K - 1. For "
            "two states it is the half Brier score.",
        .source = "Epstein 1969; as R's verification package divides it",
        .traps = "Half of brier.ordered.last.",
        .check = "(.2, .5, .3), first: 0.365",
    },
    Rule{
        .id = "rps.timeweighted",
        .kernel = Kernel::kRankedProbability,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .formula = "1/T int sum_{k<K} (F_k(t) - O_k)^2 dt",
        .range = "0 to K - 1",
        .convention =
            "Ranked probability score as in rps.last, of every forecast that stood inside the "
            "scoring window, weighted by how long it stood there, over the covered time.",
        .source = "Epstein 1969; exact integral of a step function",
        .traps = "Not divided by K - 1.",
        .check = "(.01, .32, .44, .23) throughout, third: 0.1619",
    },
    Rule{
        .id = "crps.last",
        .kernel = Kernel::kCrpsBins,
        .timing = Timing::kLast,
        .orientation = kLower,
        .formula = "width sum_{k<K} (F_k - O_k)^2",
        .range = "0 to the range in the question's unit",
        .convention =
            "Continuous ranked probability score of the binned forecast in force at the end of "
            "the scoring window, in the question's unit: the integral of the squared difference "
            "between the forecast's distribution function and the outcome's step, with each bin's "
            "mass at its centre and the out-of-range bins one width beyond the range. Bins have "
            "one width, 1 unless stated, so that the unit is then the bin. Only for numeric "
            "questions.",
        .source = "Matheson and Winkler 1976",
        .traps = "A forecast stated as a family or by quantiles is scored without bins and gives "
                 "another number.",
        .check = "(.01, .32, .44, .23), third bin, width 5: 0.8095",
    },
    Rule{
        .id = "crps.timeweighted",
        .kernel = Kernel::kCrpsBins,
        .timing = Timing::kTimeWeighted,
        .orientation = kLower,
        .formula = "1/T int width sum_{k<K} (F_k(t) - O_k)^2 dt",
        .range = "0 to the range in the question's unit",
        .convention =
            "Continuous ranked probability score of bins as in crps.last, of every forecast that "
            "stood inside the scoring window, weighted by how long it stood there, over the "
            "covered time.",
        .source = "Matheson and Winkler 1976; exact integral of a step function",
        .traps = "As crps.last.",
        .check = "(.01, .32, .44, .23) throughout, third bin, width 5: 0.8095",
    },
    Rule{
        .id = "metaculus.baseline",
        .kernel = Kernel::kMetaculusBaseline,
        .timing = Timing::kScheduledHorizon,
        .orientation = kHigher,
        .formula = "100 ln(f_j K) / ln K; numeric: 50 ln(f_j / base_j)",
        .range = "minus infinity to 100; numeric: to 50 ln(1 / base)",
        .convention =
            "100 ln(p K) / ln K for the probability p of what happened among K states; for "
            "numeric questions 50 ln(p / base), where base is 0.05 for an out-of-range bin and "
            "otherwise (1 - 0.05 times the number of open bounds) / (number of bins in range). "
            "Each forecast counts for the share of the scheduled time (open to scheduled close) "
            "during which it stood before the question closed or resolved; uncovered time earns "
            "0. Of a multiple-choice question only the options that a forecast states count into "
            "K; where what happened was not yet an option, the last one (Other) stands for it. "
            "Probability 0 for what happened scores minus infinity.",
        .source = "Metaculus, scoring of accuracy against a uniform baseline",
        .traps = "Absence earns 0, which a forecast worse than uniform does not. Its mean over "
                 "questions depends on coverage.",
        .check = ".9 throughout, yes: 84.79969066; .1: -232.19280949; the root of one half: 50",
    },
    Rule{
        .id = "metaculus.peer",
        .kernel = Kernel::kMetaculusPeer,
        .timing = Timing::kScheduledHorizon,
        .orientation = kHigher,
        .comparison = Comparison::kPeers,
        .formula = "100 N/(N-1) ln(f_j / geometric mean of all N); numeric: half",
        .range = "minus infinity to infinity",
        .convention =
            "100 times the difference between the log of the probability given to what happened "
            "and the mean of the same logs over all others whose forecasts stand at that instant, "
            "halved for numeric questions. Integrated over every change of any forecaster and "
            "divided by the scheduled time (open to scheduled close); time without a forecast of "
            "one's own, or while nobody else's stands, earns 0, and the latter counts as covered. "
            "Options that a forecast does not state are taken as in metaculus.baseline. Others "
            "who gave 0 to what happened make it infinite; having done so oneself makes it minus "
            "infinity.",
        .source = "Metaculus peer score, N / (N - 1) ln(p / geometric mean of all N)",
        .traps =
            "Metaculus itself lets the last forecaster's withdrawal keep its coverage; here it "
            "ends.",
        .check = ".1 against .9, yes: -219.7224577 and 219.7224577",
    },
    Rule{
        .id = "metaculus.spot_baseline",
        .kernel = Kernel::kMetaculusBaseline,
        .timing = Timing::kSpot,
        .orientation = kHigher,
        .formula = "as metaculus.baseline, at one instant",
        .range = "minus infinity to 100; numeric: to 50 ln(1 / base)",
        .convention =
            "The formula of metaculus.baseline for the forecast in force at the spot time or, "
            "where that is earlier, at the resolution (start <= instant < end), whole, with no "
            "weighting by time.",
        .source = "Metaculus spot baseline score",
        .traps = "No score without a forecast at that instant, however long one stood before.",
        .check = ".9, yes: 84.79969066",
    },
    Rule{
        .id = "metaculus.spot_peer",
        .kernel = Kernel::kMetaculusPeer,
        .timing = Timing::kSpot,
        .orientation = kHigher,
        .comparison = Comparison::kPeers,
        .formula = "as metaculus.peer, at one instant",
        .range = "minus infinity to infinity",
        .convention =
            "The formula of metaculus.peer among the forecasts in force at the spot time (the "
            "instant as in metaculus.spot_baseline), whole, with no weighting by time. Alone, one "
            "scores 0.",
        .source = "Metaculus spot peer score",
        .traps = "As metaculus.spot_baseline.",
        .check = ".1 against .9, yes: -219.7224577 and 219.7224577",
    },
    Rule{
        .id = "metaculus.relative_legacy",
        .kernel = Kernel::kMetaculusRelative,
        .timing = Timing::kActualHorizon,
        .orientation = kHigher,
        .comparison = Comparison::kCrowd,
        .formula = "1/T int log2(p_j(t) / crowd_j(t)) dt over the actual open time T",
        .range = "minus infinity to infinity",
        .convention =
            "Binary logarithm of the ratio between one's own and the crowd's probability of what "
            "happened, integrated over the time one's forecast stood and divided by the actual "
            "open time (open to the earlier of scheduled close and resolution). The crowd is the "
            "weighted median of all N standing forecasts, oneself included, with weight exp(sqrt "
            "n - sqrt N) for the n-th oldest, and without weights for N <= 2. Only for yes/no "
            "questions.",
        .source = "Metaculus, relative log score (legacy)",
        .traps = "Divided by the actual open time, where the newer Metaculus rules divide by the "
                 "scheduled one.",
        .check = ".8 and .2, yes: 0.6780719 and -1.3219281",
    },
    Rule{
        .id = "evidence.gain",
        .kernel = Kernel::kEvidenceGain,
        .timing = Timing::kLast,
        .orientation = kHigher,
        .formula = "sum over items of 10 log10(f_j after / f_j before)",
        .range = "minus infinity to infinity",
        .convention =
            "What a source's items of evidence earned on a question, in decibans: for each item 10 "
            "log10 of the ratio of the published probability of what happened with the item to "
            "that "
            "before it, added over the source's items. The ratio is what was published when the "
            "item was taken in, so that grade, dependence and what was known already are in it. "
            "Items count where they were taken in before the end of the scoring window and were "
            "not "
            "retracted by then; items of several sources that were taken in together at one "
            "instant "
            "are not told apart and left out. An item that ruled out what happened scores minus "
            "infinity. Of sources only: forecasters, pools and the model have no such score.",
        .source = "Good 1950, weight of evidence; the logarithmic score taken apart by item",
        .traps = "A source that was right by luck on a bold claim gains much: score calibration "
                 "says whether its likelihood ratios were borne out.",
        .check = "from .2 to .5, yes: 3.9794001; no: -2.0411998",
    },
};

}  // namespace

std::span<const Rule> RuleTable() { return kRules; }

}  // namespace credence::scoring
