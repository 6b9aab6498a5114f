#include <array>

#include "credence/scoring/measures.h"

// The measures, in the order of the reference page; tests/scoring checks each check value.
namespace credence::scoring {
namespace {

constexpr std::array kMeasures = {
    Measure{
        .id = "crps.family",
        .formula = "int (F(x) - 1{x >= y})^2 dx",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention =
            "Continuous ranked probability score of a distribution stated as a family, by its "
            "closed form: normal, Student, log-normal, beta-binomial, negative binomial, Poisson. "
            "What the ledger records of questions that ask for a number under crps.last, for the "
            "forecast in force at the end of the scoring window.",
        .source = "Matheson and Winkler 1976; closed forms of Jordan, Krueger and Lerch 2019",
        .traps = "Not the score of the same distribution cut into bins, which is crps.last of a "
                 "table.",
        .check = "standard normal, 0: 0.2336950",
    },
    Measure{
        .id = "crps.cdf",
        .formula = "int (F(x) - 1{x >= y})^2 dx",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention =
            "Continuous ranked probability score of a distribution function stated by points, "
            "straight between them, exactly; the mass outside stands at the ends. Of any other "
            "stated function by adaptive quadrature, with an estimate of its error.",
        .source = "Matheson and Winkler 1976",
        .traps = "Stated quantiles say nothing of the tails: another reading of them scores "
                 "otherwise.",
        .check = "uniform from 0 to 1, .5: 0.0833333",
    },
    Measure{
        .id = "crps.ensemble",
        .formula = "mean |x_i - y| - 1/(2 n^2) sum_ij |x_i - x_j|",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention =
            "Continuous ranked probability score of the step function of an ensemble's members.",
        .source = "Grimit et al. 2006",
        .traps = "Falls with the number of members: crps.ensemble.fair does not.",
        .check = "1, 2, 3 and 1.5: 0.3888889",
    },
    Measure{
        .id = "crps.ensemble.fair",
        .formula = "mean |x_i - y| - 1/(2 n (n - 1)) sum_ij |x_i - x_j|",
        .range = "minus infinity to infinity, in the question's unit; lower is better",
        .convention =
            "As crps.ensemble for what the members were drawn from, without bias in their number; "
            "two members or more.",
        .source = "Ferro 2014; SpecsVerification",
        .traps = "Can be below 0.",
        .check = "1, 2, 3 and 1.5: 0.1666667",
    },
    Measure{
        .id = "quantile",
        .formula = "(1{y <= q} - a) (q - y)",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention = "Quantile (pinball) score of the quantile q at level a. Not doubled.",
        .source = "Koenker and Bassett 1978; Gneiting and Raftery 2007",
        .traps = "Some packages give twice this.",
        .check = "q = .5 at level .2, y = .3: 0.16; q = .1: 0.04",
    },
    Measure{
        .id = "interval",
        .formula = "(u - l) + 2/a max(0, l - y) + 2/a max(0, y - u)",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention =
            "Interval score of the central interval [l, u] that is missed with probability a: its "
            "width, and a fine for missing.",
        .source = "Winkler 1972; Gneiting and Raftery 2007",
        .traps = "a is the probability of a miss, not of a hit.",
        .check = "[0, .4], a = .5, y = .1: 0.4",
    },
    Measure{
        .id = "wis",
        .formula = "(1/2 |y - m| + sum_i a_i/2 IS_i) / (N + 1/2)",
        .range = "0 to infinity, in the question's unit; lower is better",
        .convention =
            "Weighted interval score of N central intervals and the median m: each interval score "
            "weighs half its probability of a miss, the median a half. Without a median the "
            "divisor is N. Tends to the CRPS as the intervals grow dense.",
        .source = "Bracher et al. 2021",
        .traps = "Divided by N + 1/2, not by N.",
        .check = "median .2, [0, .4] with a = .5, y = .1: 0.1",
    },
    Measure{
        .id = "skill",
        .formula = "(S - S_ref) / (S_perfect - S_ref); where perfect is 0: 1 - S / S_ref",
        .range = "minus infinity to 1; higher is better",
        .convention =
            "How much of the way from a reference's mean score to the perfect one a mean score "
            "went, both over the questions that both have. References are the base rate (the "
            "forecast that says on every yes/no question how often these came out yes), a pool, "
            "the "
            "model, and any forecaster. Only of rules with a perfect score.",
        .source = "Murphy 1973, Brier skill score",
        .traps = "The base rate is that of the very questions scored: it knows their outcomes' "
                 "mean, which no forecaster did.",
        .check = "half Brier .1 against .2: 0.5",
    },
    Measure{
        .id = "forecastbench.bss",
        .formula = "BS_ref - BS",
        .range = "-1 to 1; higher is better",
        .convention = "What ForecastBench prints in its column BSS: a plain difference of half "
                      "Brier scores.",
        .source = "ForecastBench, leaderboards",
        .traps = "Not a ratio, whatever its name says: see skill.",
        .check = "half Brier .1 against .2: 0.1",
    },
    Measure{
        .id = "forecastbench.adjusted",
        .formula = "mean_j(b_ij - q_j) + c, where b_ij = a_i + q_j + u_ij",
        .range = "about 0 to 1; lower is better",
        .convention =
            "Half Brier score adjusted for how hard the questions were: scores are fitted by least "
            "squares as the sum of a forecaster's and a question's effect, the questions' effects "
            "are taken off, and the constant c gives the forecaster that always says .5 the score "
            "of .25 (where it is not named: c is the mean effect of all questions). Who takes part "
            "in the fit, and questions whose difficulty is given (a market's score on the due "
            "date), are the caller's choice; score file lets everybody take part.",
        .source = "Karger et al. 2025; ForecastBench, difficulty-adjusted Brier score",
        .traps = "Equals the plain score for those who answered every question.",
        .check = "everybody answered both questions, scores .25, .25 and .1, .3: 0.25 and 0.2",
    },
    Measure{
        .id = "forecastbench.brier_index",
        .formula = "100 (1 - sqrt(adjusted half Brier score))",
        .range = "up to 100; higher is better",
        .convention = "Always saying .5 gives 50; an adjusted score below 0 counts as 0.",
        .source = "ForecastBench, Brier Index",
        .traps = "Not linear: its mean is not the index of the mean.",
        .check = ".25: 50",
    },
    Measure{
        .id = "forecastbench.iclr2025.overall",
        .formula = "(mean_d + mean_m)/2 +- t sqrt(s_d^2/n_d + s_m^2/n_m)/2",
        .range = "0 to 1; lower is better",
        .convention =
            "Mean of the means over dataset and market questions, with Student's t interval of "
            "min(n_d, n_m) - 1 degrees of freedom. Market rows are taken once by id, source and "
            "direction; unresolved ones are scored against the latest price.",
        .source = "Karger et al. 2025, table of the ICLR 2025 leaderboard",
        .traps = "Both parts weigh the same, however many questions they have.",
        .check = "0, .2 and .1, .3: 0.15 with standard error 0.0707107",
    },
    Measure{
        .id = "metaculus.average_peer",
        .formula = "sum of peer scores / max(30, sum of coverages)",
        .range = "minus infinity to infinity; higher is better",
        .convention = "Metaculus' average: few or briefly covered questions count as thirty.",
        .source = "Metaculus, leaderboards",
        .traps = "Not a mean below thirty questions' coverage.",
        .check = "300 over a coverage of 10: 10",
    },
    Measure{
        .id = "metaculus.take",
        .formula = "max(total, 0)^2, divided by the sum of these",
        .range = "0 to 1; higher is better",
        .convention =
            "Share of a tournament's prize by summed scores; nothing for totals at or below 0.",
        .source = "Metaculus, tournament scoring",
        .traps = "Squaring rewards bold forecasts: it is not proper.",
        .check = "totals 3, -1, 4: 0.36, 0, 0.64",
    },
    Measure{
        .id = "murphy",
        .formula = "1/n sum n_g (f_g - o_g)^2 - 1/n sum n_g (o_g - o)^2 + o (1 - o)",
        .range = "each part 0 to 1",
        .convention =
            "The mean half Brier score as reliability - resolution + uncertainty, over groups of "
            "identical forecasts f_g with observed rate o_g, where it is exact. Over bins of "
            "unequal "
            "ones the variance and covariance within the bins are added, and the bias of small "
            "bins "
            "can be taken off (Ferro and Fricker 2012).",
        .source = "Murphy 1973",
        .traps = "Bins change the parts: compare only equal ones.",
        .check = ".4 yes, .4 no, .8 yes, .8 yes: 0.025, 0.0625, 0.1875",
    },
    Measure{
        .id = "corp",
        .formula = "MCB - DSC + UNC, MCB = S - S_pav, DSC = S_const - S_pav, UNC = S_const",
        .range = "each part 0 or more",
        .convention =
            "A mean score as miscalibration - discrimination + uncertainty: against the forecasts "
            "recalibrated by isotonic regression (pool adjacent violators, ties pooled first) and "
            "against the base rate. For any proper score.",
        .source = "Dimitriadis, Gneiting and Jordan 2021",
        .traps = "Miscalibration of few forecasts is above 0 by chance: see its p-value.",
        .check = "no no no yes yes yes at .4 .3 .2 .1 .5 .9: 0.1016667, 0.125, 0.25",
    },
    Measure{
        .id = "miscalibration.band",
        .formula = "pointwise quantiles of isotonic fits to y ~ Bernoulli(x)",
        .range = "0 to 1",
        .convention =
            "Consistency band of the reliability diagram, 90 % unless stated: where the observed "
            "rate would lie were the forecasts calibrated. By resampling forecasts, drawing "
            "outcomes "
            "and fitting anew, linear between; or for few distinct forecasts x +- z sqrt(x (1 - x) "
            "/ "
            "n_x), for many by Chernoff's distribution. The p-value of miscalibration is the share "
            "of resamples whose MCB is at least the observed one.",
        .source = "Dimitriadis, Gneiting and Jordan 2021; reliabilitydiag",
        .traps = "Around the diagonal, not around the dots.",
        .check = "discrete, a hundred forecasts of .5: 0.4177573 to 0.5822427",
    },
    Measure{
        .id = "bootstrap",
        .formula = "quantiles of the mean over questions drawn with replacement",
        .range = "that of the score",
        .convention =
            "Interval of a mean, of a paired difference or of a rank, 95 % unless stated, from "
            "resamples of the questions: by cluster where questions settled together, within "
            "stratum where there are some. One-sided p-values are (1 + resamples on the other "
            "side) "
            "/ (1 + resamples), two-sided ones twice the smaller. The same seed draws the same "
            "resamples everywhere.",
        .source = "Efron 1979; ForecastBench draws 1,999 within round and source",
        .traps =
            "Resampling questions that settled together one by one makes luck look like skill.",
        .check = "a difference of .1 on each of ten questions: 0.1 to 0.1",
    },
    Measure{
        .id = "diebold_mariano",
        .formula = "mean(d) / sqrt((g_0 + 2 sum_{k<h} g_k) / n), times sqrt((n + 1 - 2h + "
                   "h(h - 1)/n) / n)",
        .range = "minus infinity to infinity",
        .convention =
            "Test of equal mean scores from their differences d in the order of time, with the "
            "autocovariances g up to h - 1, the small-sample factor and Student's t with n - 1 "
            "degrees of freedom. With an exponential covariance fitted to the first half of the "
            "lags "
            "instead, the factor does not apply.",
        .source = "Diebold and Mariano 1995; Harvey, Leybourne and Newbold 1997; Hering and Genton "
                  "2011",
        .traps = "Without the factor short series look too sure.",
        .check = "exponential, 0 -1 0 2 -1 0 1 -4 -1 -1 2 1 0 2 -1: -0.169192",
    },
    Measure{
        .id = "false_discovery",
        .formula = "min over j >= i of p_(j) m / j",
        .range = "0 to 1",
        .convention =
            "P-values of many pairs, adjusted so that calling significant what stays below q keeps "
            "the expected share of false ones among them below q.",
        .source = "Benjamini and Hochberg 1995; for any dependence Benjamini and Yekutieli 2001",
        .traps = "Of the pairs compared together: comparing fewer adjusts less.",
        .check = ".01, .02, .03, .04: each 0.04",
    },
    Measure{
        .id = "evidence.slope",
        .formula = "b of logit P(yes) = logit(before) + b ln LR",
        .range = "minus infinity to infinity; 1 is best",
        .convention = "Whether a source's likelihood ratios were borne out: the slope, by maximum "
                      "likelihood, "
                      "of what came true on the weight that its items claimed, with what was "
                      "published before "
                      "each as offset. 1 as claimed, between 0 and 1 overclaimed, above 1 "
                      "underclaimed, below "
                      "0 misleading; with a likelihood ratio test of 1.",
        .source = "Cox 1958, calibration slope",
        .traps = "Items on one question are not independent: its standard error is too small where "
                 "a source has many on few questions.",
        .check = "from .5 to .9, true nine times of ten: 1",
    },
};

}  // namespace

std::span<const Measure> AllMeasures() { return kMeasures; }

}  // namespace credence::scoring
