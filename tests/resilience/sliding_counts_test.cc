#include "resilience/sliding_counts.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Counts = SlidingCounts::Counts;

// The vocabulary: a window of 10 s, so of ten buckets of 1 s, and a clock that begins where a bucket does.
class SlidingCountsTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  void Succeed(int times) {
    for (int i = 0; i < times; ++i) counts_.AddSuccess(now_);
  }
  void Fail(int times) {
    for (int i = 0; i < times; ++i) counts_.AddFailure(now_);
  }
  Counts Sum() const { return counts_.Sum(now_); }

  TimePoint now_{seconds(1000)};
  SlidingCounts counts_{seconds(10)};
};

TEST_F(SlidingCountsTest, BeginsEmpty) {
  EXPECT_EQ(Sum(), (Counts{0, 0}));
}

TEST_F(SlidingCountsTest, SumsWhatTheWindowHolds) {
  Succeed(3);
  Advance(seconds(4));
  Fail(2);
  Advance(seconds(4));
  Succeed(1);
  EXPECT_EQ(Sum(), (Counts{4, 2}));
  EXPECT_EQ(Sum().total(), 6u);
}

TEST_F(SlidingCountsTest, DropsABucketAtATime) {
  for (int i = 0; i < 10; ++i) {
    Succeed(1);
    if (i < 9) Advance(seconds(1));
  }
  EXPECT_EQ(Sum(), (Counts{10, 0}));
  for (uint64_t left = 9; left > 0; --left) {
    Advance(seconds(1));
    EXPECT_EQ(Sum(), (Counts{left, 0}));
  }
}

TEST_F(SlidingCountsTest, CoversBetweenNineAndTenTenthsOfTheWindow) {
  Fail(1);
  Advance(seconds(10) - Duration(1));
  EXPECT_EQ(Sum(), (Counts{0, 1}));
  Advance(Duration(1));
  EXPECT_EQ(Sum(), (Counts{0, 0}));

  Advance(seconds(1) - Duration(1));  // the last instant of a bucket
  Fail(1);
  Advance(seconds(9));
  EXPECT_EQ(Sum(), (Counts{0, 1}));
  Advance(Duration(1));
  EXPECT_EQ(Sum(), (Counts{0, 0}));
}

TEST_F(SlidingCountsTest, UsesABucketAgainAfterALongSilence) {
  Succeed(5);
  Advance(hours(24) + seconds(10));
  EXPECT_EQ(Sum(), (Counts{0, 0}));
  Fail(1);
  EXPECT_EQ(Sum(), (Counts{0, 1}));
}

TEST_F(SlidingCountsTest, CountsWhatAWorkerWithAFasterClockAdded) {
  counts_.AddSuccess(now_ + seconds(1));
  EXPECT_EQ(Sum(), (Counts{1, 0}));
}

TEST_F(SlidingCountsTest, ClearsToEmpty) {
  Succeed(5);
  Fail(5);
  counts_.Clear();
  EXPECT_EQ(Sum(), (Counts{0, 0}));
}

TEST_F(SlidingCountsTest, ReturnsTheSumWithTheFailureItAdds) {
  Succeed(2);
  Advance(seconds(3));
  Fail(1);
  EXPECT_EQ(counts_.AddFailureAndSum(now_), (Counts{2, 2}));
  EXPECT_EQ(Sum(), (Counts{2, 2}));
}

TEST_F(SlidingCountsTest, TakesBackAFailure) {
  const TimePoint added = now_;
  counts_.AddFailureAndSum(added);
  Advance(seconds(5));
  Fail(1);
  counts_.RemoveFailure(added);
  EXPECT_EQ(Sum(), (Counts{0, 1}));
}

TEST_F(SlidingCountsTest, TakesBackNothingThatHasLeftTheWindow) {
  const TimePoint added = now_;
  counts_.AddFailureAndSum(added);
  Advance(seconds(10));  // the same bucket, another time
  Fail(1);
  counts_.RemoveFailure(added);
  EXPECT_EQ(Sum(), (Counts{0, 1}));
}

TEST_F(SlidingCountsTest, StopsAtItsLargestCountWithoutTouchingTheOther) {
  constexpr int kLargest = (1 << 20) - 1;
  Succeed(1);
  Fail(kLargest + 10);
  EXPECT_EQ(Sum(), (Counts{1, kLargest}));
}

TEST(SlidingCounts, TakesTheShortestOfWindows) {
  SlidingCounts counts(Duration(10));
  const TimePoint now{seconds(1)};
  counts.AddFailure(now);
  EXPECT_EQ(counts.Sum(now + Duration(9)), (Counts{0, 1}));
  EXPECT_EQ(counts.Sum(now + Duration(10)), (Counts{0, 0}));
}

TEST(SlidingCounts, LosesNothingOverAllThreads) {
  SlidingCounts counts(seconds(10));
  const TimePoint now{seconds(1000)};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int j = 0; j < 5000; ++j) {
        counts.AddSuccess(now + j * milliseconds(1));
        counts.AddFailure(now + j * milliseconds(1));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(counts.Sum(now + milliseconds(4999)), (Counts{20000, 20000}));
}

}  // namespace
}  // namespace naru::resilience
