#include "discovery/aws/cloud_map_poll.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace naru::discovery::aws {
namespace {

using namespace std::chrono_literals;

constexpr Duration kInterval = 5s;
constexpr double kMiddle = 0.5;  // no jitter

// A poll and its clock. Answers come at once.
class PollTest : public testing::Test {
 protected:
  // Goes on to the next request; what it is, and after how long.
  std::pair<CloudMapRequest, Duration> Await() {
    const CloudMapPoll::Next next = poll_.next();
    const Duration waited = next.at - now_;
    now_ = next.at;
    return {next.request, waited};
  }
  void Instances(int64_t revision, double uniform = kMiddle) { poll_.InstancesCame(revision, now_, uniform); }
  bool Revision(int64_t revision) { return poll_.RevisionCame(revision, now_, kMiddle); }
  bool Fail(CloudMapFailure failure, double uniform = 1) { return poll_.Failed(failure, now_, uniform); }

  TimePoint now_{};
  CloudMapPoll poll_{kInterval, now_};
};

using Request = std::pair<CloudMapRequest, Duration>;

Request RevisionAfter(Duration after) {
  return {CloudMapRequest::kRevision, after};
}

Request InstancesAfter(Duration after) {
  return {CloudMapRequest::kInstances, after};
}

TEST_F(PollTest, BeginsWithTheInstances) {
  EXPECT_EQ(Await(), InstancesAfter(0s));
}

TEST_F(PollTest, AsksForTheRevisionEveryInterval) {
  Instances(7);
  EXPECT_EQ(Await(), RevisionAfter(5s));
  EXPECT_TRUE(Revision(7));
  EXPECT_EQ(Await(), RevisionAfter(5s));
}

TEST_F(PollTest, JittersTheInterval) {
  poll_.InstancesCame(7, now_, 0.999);
  EXPECT_TRUE(poll_.RevisionCame(7, now_, 0));
  EXPECT_EQ(Await(), RevisionAfter(4s));
  EXPECT_TRUE(poll_.RevisionCame(7, now_, 1));
  EXPECT_EQ(Await(), RevisionAfter(6s));
}

TEST_F(PollTest, AsksForTheInstancesWhenTheRevisionChanged) {
  Instances(7);
  Await();
  EXPECT_FALSE(Revision(8));
  EXPECT_EQ(Await(), InstancesAfter(0s));
}

TEST_F(PollTest, ARevisionThatGoesBackwardsIsAChange) {
  Instances(7);
  Await();
  EXPECT_FALSE(Revision(6));
  EXPECT_EQ(Await(), InstancesAfter(0s));
}

TEST_F(PollTest, AsksForTheInstancesEveryHalfMinuteBecauseHealthDoesNotChangeTheRevision) {
  Instances(7);
  Instances(7);  // from the second on, half a minute
  TimePoint asked = now_;
  for (int refreshes = 0; refreshes < 3;) {
    if (Await().first == CloudMapRequest::kRevision) {
      EXPECT_TRUE(Revision(7));
      continue;
    }
    EXPECT_EQ(now_ - asked, 30s);
    asked = now_;
    Instances(7);
    ++refreshes;
  }
}

TEST_F(PollTest, SpreadsTheFirstRefresh) {
  poll_.InstancesCame(7, now_, 0.1);
  EXPECT_EQ(Await(), InstancesAfter(3s));
}

TEST(Poll, RefreshesNoMoreOftenThanItsInterval) {
  CloudMapPoll poll(60s, TimePoint{});
  poll.InstancesCame(7, TimePoint{}, kMiddle);
  poll.InstancesCame(7, TimePoint{}, kMiddle);
  EXPECT_EQ(poll.next(), (CloudMapPoll::Next{CloudMapRequest::kInstances, TimePoint{} + 60s}));
}

TEST_F(PollTest, DoublesTheIntervalWhileThrottled) {
  Instances(7);
  Await();
  for (const Duration wait : {10s, 20s, 40s, 60s, 60s}) {
    EXPECT_FALSE(Fail(CloudMapFailure::kThrottled));
    EXPECT_EQ(poll_.next().at - now_, wait);
    now_ = poll_.next().at;
  }
  Instances(7);
  Await();
  EXPECT_FALSE(Fail(CloudMapFailure::kThrottled));
  EXPECT_EQ(poll_.next().at - now_, 10s);
}

TEST_F(PollTest, ComesBackSoonWhereItWasThrottledBeforeTheFirstAnswer) {
  for (const Duration wait : std::vector<Duration>{2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_FALSE(Fail(CloudMapFailure::kThrottled));
    EXPECT_EQ(Await(), InstancesAfter(wait));
  }
}

TEST_F(PollTest, ComesBackApart) {
  Fail(CloudMapFailure::kThrottled, 0);
  EXPECT_EQ(poll_.next().at - now_, 1s);
  Fail(CloudMapFailure::kThrottled, 0.5);
  EXPECT_EQ(poll_.next().at - now_, 3s);
}

TEST_F(PollTest, BacksOffFromErrors) {
  Await();
  for (const Duration wait : std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_FALSE(Fail(CloudMapFailure::kOther));
    EXPECT_EQ(Await(), InstancesAfter(wait));
  }
}

TEST_F(PollTest, KeepsRefreshingWhereOnlyTheRevisionIsRefused) {
  Instances(7);
  Instances(7);
  int refreshes = 0;
  while (now_ < TimePoint{} + 10min) {
    if (Await().first == CloudMapRequest::kRevision) {
      EXPECT_FALSE(Fail(CloudMapFailure::kOther));
    } else {
      Instances(7);
      ++refreshes;
    }
  }
  EXPECT_EQ(refreshes, 20);
}

TEST_F(PollTest, BelievesTheSecondTimeThatAServiceIsNotThere) {
  Instances(7);
  Await();
  EXPECT_FALSE(Fail(CloudMapFailure::kNotFound, kMiddle));
  EXPECT_EQ(Await(), RevisionAfter(1s));
  EXPECT_TRUE(Fail(CloudMapFailure::kNotFound, kMiddle));
  EXPECT_EQ(Await(), RevisionAfter(5s));
  EXPECT_TRUE(Fail(CloudMapFailure::kNotFound, kMiddle));
  EXPECT_EQ(Await(), RevisionAfter(10s));
}

TEST_F(PollTest, AMomentWithoutTheServiceIsNotBelieved) {
  Instances(7);
  Await();
  EXPECT_FALSE(Fail(CloudMapFailure::kNotFound, kMiddle));
  Await();
  EXPECT_TRUE(Revision(7));
  EXPECT_EQ(Await(), RevisionAfter(5s));
  EXPECT_FALSE(Fail(CloudMapFailure::kNotFound, kMiddle));
}

TEST_F(PollTest, FindsAServiceThatIsThereLater) {
  for (int i = 0; i < 20; ++i) Fail(CloudMapFailure::kNotFound, kMiddle);
  EXPECT_EQ(Await(), RevisionAfter(30s));
  EXPECT_FALSE(Revision(1));
  EXPECT_EQ(Await(), InstancesAfter(0s));
}

TEST_F(PollTest, IsStillSureAfterTroubleThatAServiceIsNotThere) {
  for (int i = 0; i < 2; ++i) Fail(CloudMapFailure::kNotFound);
  EXPECT_FALSE(Fail(CloudMapFailure::kOther));
  EXPECT_TRUE(Fail(CloudMapFailure::kNotFound));
}

}  // namespace
}  // namespace naru::discovery::aws
