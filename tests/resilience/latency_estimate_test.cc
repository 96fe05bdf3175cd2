#include "resilience/latency_estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The vocabulary: the default policy and a clock the test moves. Everything is said in milliseconds.
class LatencyEstimateTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  void Answer(Duration latency) { estimate_.RecordLatency(latency, now_); }
  void Fail(Duration asked = Duration::zero()) { estimate_.RecordFailure(asked, now_); }
  double Latency() const { return InMilliseconds(static_cast<double>(estimate_.latency(now_).count())); }
  double Load() const { return InMilliseconds(estimate_.Load(now_)); }
  static double InMilliseconds(double nanoseconds) { return nanoseconds / 1e6; }

  TimePoint now_{seconds(1000)};
  LatencyEstimate estimate_;
};

TEST_F(LatencyEstimateTest, IsLightestForAnEndpointThatNobodyHasTried) {
  EXPECT_EQ(estimate_.Load(now_), 1);
  EXPECT_FALSE(estimate_.measured());
}

TEST_F(LatencyEstimateTest, GuessesThirtyMillisecondsWhileTheFirstAttemptsAreUnderWay) {
  estimate_.AttemptStarted();
  EXPECT_EQ(Load(), 60);
  estimate_.AttemptStarted();
  Advance(minutes(10));
  EXPECT_EQ(Load(), 90);
}

TEST_F(LatencyEstimateTest, TakesTheFirstSampleAsItIs) {
  Answer(milliseconds(5));
  EXPECT_EQ(Load(), 5);
}

TEST_F(LatencyEstimateTest, JumpsToAPeakAtOnce) {
  Answer(milliseconds(5));
  Advance(milliseconds(1));
  Answer(milliseconds(2000));
  EXPECT_EQ(Latency(), 2000);
}

TEST_F(LatencyEstimateTest, FallsOverTau) {
  // Finagle's formula: w = exp(-dt / tau), cost = sample * (1 - w) + cost * w.
  Answer(milliseconds(2000));
  Advance(seconds(1));
  Answer(milliseconds(20));
  EXPECT_NEAR(Latency(), 20 * (1 - std::exp(-0.1)) + 2000 * std::exp(-0.1), 1e-3);
  EXPECT_NEAR(Latency(), 1811.578, 1e-3);
  Advance(seconds(9));
  Answer(milliseconds(20));
  EXPECT_NEAR(Latency(), 748.401, 1e-3);
}

TEST_F(LatencyEstimateTest, FallsTowardsZeroWhileUnused) {
  Answer(milliseconds(100));
  Advance(seconds(10));
  EXPECT_NEAR(Latency(), 100 / std::exp(1.0), 1e-3);
  Advance(seconds(10));
  EXPECT_NEAR(Latency(), 100 / std::exp(2.0), 1e-3);
}

TEST_F(LatencyEstimateTest, IsMultipliedByTheAttemptsInFlightAndOneMore) {
  Answer(milliseconds(5));
  for (int i = 0; i < 3; ++i) estimate_.AttemptStarted();
  EXPECT_EQ(estimate_.in_flight(), 3u);
  EXPECT_EQ(Load(), 20);
  for (int i = 0; i < 3; ++i) estimate_.AttemptEnded();
  EXPECT_EQ(Load(), 5);
}

TEST_F(LatencyEstimateTest, IsNeverZero) {
  Answer(Duration::zero());
  Advance(minutes(60));
  EXPECT_GT(Load(), 0);
}

TEST_F(LatencyEstimateTest, AddsAPenaltyThatFades) {
  Answer(milliseconds(1));
  Fail();
  EXPECT_EQ(Load(), 5001);
  Advance(seconds(1));
  EXPECT_NEAR(Load(), 5001 / std::exp(1.0), 1);
  Advance(seconds(9));
  EXPECT_LT(Load(), 1);
}

TEST_F(LatencyEstimateTest, KeepsThePenaltyOutOfTheLatency) {
  Answer(milliseconds(1));
  Fail();
  EXPECT_EQ(Latency(), 1);
}

TEST_F(LatencyEstimateTest, PenalisesAsLongAsTheEndpointAsks) {
  Fail(seconds(60));
  EXPECT_EQ(Load(), 60'000);
  Advance(seconds(60));
  EXPECT_NEAR(Load(), 60'000 * std::exp(-5.0), 1);  // as a penalty of 5 s has fallen after 5 s
}

TEST_F(LatencyEstimateTest, NeverPenalisesLessThanThePolicyNorMoreThanItsMaximum) {
  Fail(seconds(1));
  EXPECT_EQ(Load(), 5000);
  Fail(minutes(60));
  EXPECT_EQ(Load(), 300'000);
}

TEST_F(LatencyEstimateTest, KeepsTheHeavierOfTwoPenalties) {
  Fail(seconds(60));
  Fail();
  EXPECT_EQ(Load(), 60'000);
  Advance(seconds(60));
  Fail();
  EXPECT_EQ(Load(), 5000);
}

TEST_F(LatencyEstimateTest, PenalisesNothingWithoutAPenalty) {
  LatencyEstimatePolicy policy;
  policy.penalty = Duration::zero();
  LatencyEstimate estimate(policy);
  estimate.RecordLatency(milliseconds(1), now_);
  estimate.RecordFailure(Duration::zero(), now_);
  EXPECT_EQ(estimate.Load(now_), 1e6);
}

TEST_F(LatencyEstimateTest, TakesASampleOfASlowerClockAsOfNow) {
  Answer(milliseconds(100));
  Advance(-milliseconds(1));
  Answer(milliseconds(1));
  EXPECT_EQ(Latency(), 100);
}

TEST(LatencyEstimate, CountsAttemptsOverAllThreads) {
  LatencyEstimate estimate;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int j = 0; j < 5000; ++j) {
        estimate.AttemptStarted();
        estimate.RecordLatency(milliseconds(1 + j % 7), TimePoint(seconds(1000)));
        EXPECT_GE(estimate.Load(TimePoint(seconds(1000))), 1e6);
        estimate.AttemptEnded();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(estimate.in_flight(), 0u);
}

}  // namespace
}  // namespace naru::resilience
