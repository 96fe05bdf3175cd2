#include "resilience/health_check.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Change = CheckedHealth::Change;

// The vocabulary: an endpoint under the default policy, and checks of it written as + (good) and - (bad).
class CheckedHealthTest : public testing::Test {
 protected:
  // Says after each check whether the endpoint is healthy (+) or not (-).
  std::string After(const std::string& checks) {
    std::string verdicts;
    for (const char check : checks) {
      health_.Record(check == '+', policy_);
      verdicts += health_.healthy() ? '+' : '-';
    }
    return verdicts;
  }

  HealthCheckPolicy policy_;
  CheckedHealth health_;
};

TEST_F(CheckedHealthTest, AnEndpointServesUntilItsChecksSayOtherwise) {
  EXPECT_TRUE(health_.healthy());
}

TEST_F(CheckedHealthTest, BadChecksInARowMakeItUnhealthy) {
  EXPECT_EQ(After("---"), "++-");
}

TEST_F(CheckedHealthTest, AGoodCheckInBetweenStartsTheCountAnew) {
  EXPECT_EQ(After("--+--+---"), "++++++++-");
}

TEST_F(CheckedHealthTest, GoodChecksInARowMakeItHealthyAgain) {
  EXPECT_EQ(After("---+-++"), "++----+");
}

TEST_F(CheckedHealthTest, ThresholdsOfOneBelieveEveryCheck) {
  policy_.healthy = policy_.unhealthy = 1;
  EXPECT_EQ(After("-+-+"), "-+-+");
}

TEST_F(CheckedHealthTest, SaysOnceThatItChanged) {
  std::vector<Change> changes;
  for (const bool good : {false, false, false, false, true, true, true}) {
    changes.push_back(health_.Record(good, policy_));
  }
  EXPECT_EQ(changes,
            (std::vector<Change>{Change::kNone, Change::kNone, Change::kBecameUnhealthy, Change::kNone,
                                 Change::kNone, Change::kBecameHealthy, Change::kNone}));
}

TEST_F(CheckedHealthTest, NewThresholdsHoldForWhatWasCounted) {
  EXPECT_EQ(After("--"), "++");
  policy_.unhealthy = 2;
  EXPECT_EQ(After("-"), "-");
}

TEST_F(CheckedHealthTest, ServesWhenNobodyAsksAnyMore) {
  EXPECT_EQ(After("---+"), "++--");
  health_.Forget();
  EXPECT_TRUE(health_.healthy());
  EXPECT_EQ(After("--+---"), "+++++-");
}

TEST(HealthCheckTimes, TheFirstCheckComesWithinOneInterval) {
  const TimePoint now(seconds(1000));
  EXPECT_EQ(FirstCheck({}, now, 0), now);
  EXPECT_EQ(FirstCheck({}, now, 0.5), now + milliseconds(2500));
}

TEST(HealthCheckTimes, FurtherOnesAnIntervalLaterGiveOrTakeATenth) {
  const TimePoint began(seconds(1000));
  EXPECT_EQ(NextCheck({}, began, 0), began + milliseconds(4500));
  EXPECT_EQ(NextCheck({}, began, 0.5), began + seconds(5));
  EXPECT_EQ(NextCheck({}, began, 0.75), began + milliseconds(5250));
}

}  // namespace
}  // namespace naru::resilience
