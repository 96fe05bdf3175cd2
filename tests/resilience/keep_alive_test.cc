#include "resilience/keep_alive.h"

#include <gtest/gtest.h>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = KeepAlive::Verdict;

// The vocabulary: a connection that was opened now, with or without streams, and a clock the test moves.
class KeepAliveTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  Verdict Check(bool has_streams) const { return keep_alive_.Check(has_streams, now_); }
  bool Trusted(bool has_streams) const { return keep_alive_.Trusted(has_streams, now_); }
  Duration UntilNextCheck(bool has_streams) const { return keep_alive_.NextCheck(has_streams) - now_; }

  TimePoint now_{seconds(1000)};
  KeepAlive keep_alive_{now_};
};

TEST_F(KeepAliveTest, AsksASilentConnectionOnWhichCallsWait) {
  EXPECT_EQ(UntilNextCheck(true), Duration(seconds(30)));
  Advance(seconds(30) - milliseconds(1));
  EXPECT_EQ(Check(true), Verdict::kFine);
  Advance(milliseconds(1));
  EXPECT_EQ(Check(true), Verdict::kAsk);
}

TEST_F(KeepAliveTest, AsksNothingWhileItHearsSomething) {
  for (int i = 0; i < 10; ++i) {
    Advance(seconds(29));
    EXPECT_EQ(Check(true), Verdict::kFine);
    keep_alive_.Heard(now_);
  }
  EXPECT_EQ(UntilNextCheck(true), Duration(seconds(30)));
}

TEST_F(KeepAliveTest, GivesUpAConnectionThatDoesNotAnswer) {
  keep_alive_.Asked(now_);
  EXPECT_EQ(UntilNextCheck(true), Duration(seconds(10)));
  Advance(seconds(10) - milliseconds(1));
  EXPECT_EQ(Check(true), Verdict::kFine);
  EXPECT_EQ(Check(false), Verdict::kFine);
  Advance(milliseconds(1));
  EXPECT_EQ(Check(true), Verdict::kSilent);
  EXPECT_EQ(Check(false), Verdict::kSilent);
}

TEST_F(KeepAliveTest, TakesAnythingThatItHearsForAnAnswer) {
  keep_alive_.Asked(now_);
  Advance(seconds(9));
  keep_alive_.Heard(now_);
  EXPECT_TRUE(Trusted(false));
  Advance(seconds(29));
  EXPECT_EQ(Check(true), Verdict::kFine);
  Advance(seconds(1));
  EXPECT_EQ(Check(true), Verdict::kAsk);
}

TEST_F(KeepAliveTest, MeasuresFromTheFirstQuestion) {
  keep_alive_.Asked(now_);
  Advance(seconds(6));
  keep_alive_.Asked(now_);
  Advance(seconds(4));
  EXPECT_EQ(Check(true), Verdict::kSilent);
}

TEST_F(KeepAliveTest, ClosesAConnectionThatNobodyHasUsedForLong) {
  EXPECT_EQ(UntilNextCheck(false), Duration(seconds(60)));
  Advance(seconds(50));
  keep_alive_.Used(now_);
  EXPECT_EQ(UntilNextCheck(false), Duration(seconds(60)));
  Advance(seconds(60) - milliseconds(1));
  EXPECT_EQ(Check(false), Verdict::kFine);
  Advance(milliseconds(1));
  EXPECT_EQ(Check(false), Verdict::kIdle);
}

TEST_F(KeepAliveTest, DoesNotCallAConnectionIdleThatStillSaysSomething) {
  keep_alive_.Used(now_);
  Advance(seconds(50));
  keep_alive_.Heard(now_);
  Advance(seconds(59));
  EXPECT_EQ(Check(false), Verdict::kFine);
  Advance(seconds(1));
  EXPECT_EQ(Check(false), Verdict::kIdle);
}

TEST_F(KeepAliveTest, TrustsAnIdleConnectionForAMoment) {
  Advance(seconds(10) - milliseconds(1));
  EXPECT_TRUE(Trusted(false));
  Advance(milliseconds(1));
  EXPECT_FALSE(Trusted(false));
  EXPECT_TRUE(Trusted(true));
}

TEST_F(KeepAliveTest, TrustsNoConnectionThatOwesAnAnswer) {
  keep_alive_.Asked(now_);
  EXPECT_FALSE(Trusted(false));
  EXPECT_FALSE(Trusted(true));
}

TEST(KeepAlive, FollowsItsPolicy) {
  const KeepAlivePolicy policy{seconds(1), seconds(2), seconds(3), seconds(4)};
  const TimePoint began{seconds(7)};
  KeepAlive keep_alive(began, policy);
  EXPECT_EQ(keep_alive.NextCheck(true), began + seconds(1));
  EXPECT_EQ(keep_alive.NextCheck(false), began + seconds(4));
  EXPECT_TRUE(keep_alive.Trusted(false, began + seconds(2)));
  EXPECT_FALSE(keep_alive.Trusted(false, began + seconds(3)));
  keep_alive.Asked(began);
  EXPECT_EQ(keep_alive.NextCheck(false), began + seconds(2));
}

}  // namespace
}  // namespace naru::resilience
