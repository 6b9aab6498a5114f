#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "numeric/counting.h"
#include "numeric/hazard.h"
#include "numeric/log_space.h"

namespace credence::forecaster {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Relative(double actual, double expected) { return std::abs(actual / expected - 1.0); }

TEST(LogSpaceTest, SumsOfZerosAreZeroAndNeverNan) {
  EXPECT_TRUE(IsLogZero(LogAddExp(kLogZero, kLogZero)));
  const double zeros[] = {kLogZero, kLogZero};
  EXPECT_TRUE(IsLogZero(LogSumExp(zeros)));
  EXPECT_TRUE(IsLogZero(LogSumExp({})));
  EXPECT_DOUBLE_EQ(LogAddExp(-3.0, kLogZero), -3.0);
}

TEST(LogSpaceTest, SumsFarBelowTheRangeOfDoublesAreFinite) {
  const double values[] = {-10'000.0, -10'000.0};
  EXPECT_NEAR(LogSumExp(values), -10'000.0 + std::log(2.0), 1e-11);
}

TEST(LogSpaceTest, ComplementKeepsPrecisionAtBothEnds) {
  EXPECT_LT(Relative(Log1mExp(-1e-300), std::log(1e-300)), 1e-15);
  EXPECT_LT(Relative(Log1mExp(-700.0), -std::exp(-700.0)), 1e-12);
  EXPECT_TRUE(IsLogZero(Log1mExp(0.0)));
}

TEST(LogSpaceTest, LogOddsNearOneComeFromTheComplement) {
  std::vector<double> log_p = {0.0, std::log(1e-300)};
  NormalizeLog(log_p);
  EXPECT_LT(Relative(LogOddsOf(log_p, 0), 300.0 * std::log(10.0)), 1e-14);
  EXPECT_LT(Relative(LogOddsOf(log_p, 1), -300.0 * std::log(10.0)), 1e-14);
}

TEST(LogSpaceTest, LogOddsOfCertaintyAreInfinite) {
  const double log_p[] = {0.0, kLogZero};
  EXPECT_EQ(LogOddsOf(log_p, 0), kInfinity);
  EXPECT_EQ(LogOddsOf(log_p, 1), -kInfinity);
}

TEST(CountingTest, BinomialAgreesWithTheClosedForm) {
  EXPECT_NEAR(std::exp(LogBinomial(7, 10, 0.5)), 120.0 / 1024.0, 1e-14);
  EXPECT_NEAR(std::exp(LogBinomial(0, 0, 0.3)), 1.0, 1e-15);
}

TEST(CountingTest, CertainAndImpossibleTrialsAreExact) {
  EXPECT_EQ(LogBinomial(5, 5, 1.0), 0.0);
  EXPECT_TRUE(IsLogZero(LogBinomial(4, 5, 1.0)));
  EXPECT_TRUE(IsLogZero(LogBinomial(1, 5, 0.0)));
  EXPECT_TRUE(IsLogZero(LogPoisson(1, 0.0)));
  EXPECT_EQ(LogPoisson(0, 0.0), 0.0);
}

TEST(CountingTest, PoissonAgreesWithTheClosedForm) {
  EXPECT_NEAR(std::exp(LogPoisson(2, 3.0)), 4.5 * std::exp(-3.0), 1e-15);
}

// P(event in (t, t + h] | none by t) of a Lomax time.
double LomaxChance(double a, double b, double t, double h) {
  const HazardFactor factor =
      OpenFactor({.shape = a, .rate_days = b, .weibull_shape = 1.0}, ExposurePath(), t, h);
  return std::exp(factor.log_first - LogAddExp(factor.log_first, factor.log_second));
}

TEST(HazardTest, LomaxDeadlinesHaveTheStatedValues) {
  EXPECT_LT(Relative(LomaxChance(1, 10, 2, 1), 1.0 / 13.0), 1e-14);
  EXPECT_LT(Relative(LomaxChance(2.5, 20, .75, .25), 0.029496701501422076), 1e-14);
}

TEST(HazardTest, TinyChancesDoNotCancel) {
  EXPECT_LT(Relative(LomaxChance(.5, 1e9, 0, 1), 4.99999999625e-10), 1e-12);
  // Naive arithmetic gives 0 here.
  EXPECT_LT(Relative(LomaxChance(.5, 1e15, 0, .01), 5e-18), 1e-12);
}

TEST(HazardTest, FarTailsStayFinite) {
  const HazardRow row = {.shape = 200.0, .rate_days = 1.0, .weibull_shape = 1.0};
  const HazardFactor factor = OpenFactor(row, ExposurePath(), 0.0, 1e5);
  EXPECT_LT(Relative(factor.log_second, -200.0 * std::log1p(1e5)), 1e-15);
  EXPECT_LT(factor.log_second, -690.0);
}

TEST(HazardTest, ExposureAddsUpOverPiecesAndShapes) {
  const ExposurePath path = {.from_days = {0.0, 10.0, 30.0}, .multipliers = {1.0, 3.0, 0.5}};
  EXPECT_NEAR(Exposure(path, 1.0, 0.0, 40.0), 10.0 + 60.0 + 5.0, 1e-12);
  EXPECT_NEAR(Exposure(path, 1.0, 20.0, 15.0), 30.0 + 2.5, 1e-12);
  EXPECT_NEAR(Exposure(path, 2.0, 0.0, 20.0), 100.0 + 3.0 * 300.0, 1e-10);
  const double whole = Exposure(path, 1.7, 0.0, 40.0);
  const double parts = Exposure(path, 1.7, 0.0, 13.0) + Exposure(path, 1.7, 13.0, 27.0);
  EXPECT_NEAR(whole, parts, 1e-11 * whole);
}

TEST(HazardTest, DensityIntegratesToTheChance) {
  const HazardRow row = {.shape = 2.0, .rate_days = 50.0, .weibull_shape = 1.5};
  const ExposurePath path = {.from_days = {0.0, 10.0}, .multipliers = {1.0, 2.0}};
  // Midpoint rule with a step that divides the break of the path.
  double integral = 0.0;
  constexpr int kSteps = 200'000;
  constexpr double kStep = 20.0 / kSteps;
  for (int i = 0; i < kSteps; ++i) {
    integral += kStep * std::exp(EventFactor(row, path, (i + 0.5) * kStep).log_first);
  }
  EXPECT_NEAR(integral, std::exp(HappenedFactor(row, path, 20.0).log_first), 1e-8);
}

TEST(HazardTest, OpenHappenedAndSurvivedAddUp) {
  const HazardRow row = {.shape = 1.3, .rate_days = 70.0, .weibull_shape = 0.8};
  const ExposurePath path = {.from_days = {0.0, 5.0}, .multipliers = {1.0, 0.25}};
  const HazardFactor open = OpenFactor(row, path, 12.0, 28.0);
  const double happened = std::exp(HappenedFactor(row, path, 12.0).log_first);
  EXPECT_NEAR(happened + std::exp(open.log_first) + std::exp(open.log_second), 1.0, 1e-14);
  EXPECT_NEAR(open.log_second, SurvivedFactor(row, path, 40.0).log_second, 1e-14);
}

}  // namespace
}  // namespace credence::forecaster
