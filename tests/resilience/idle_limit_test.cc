#include "resilience/idle_limit.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class IdleLimitTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  void Announce(Duration timeout) { limit_.ObserveAnnounced(timeout); }
  void CloseAfter(Duration idle) { limit_.ObserveClose(idle, now_); }
  Duration Current() const { return limit_.Current(now_); }

  TimePoint now_{seconds(1000)};
  IdleLimit limit_;
};

TEST_F(IdleLimitTest, IsThreeSecondsWithoutEvidence) {
  EXPECT_EQ(Current(), Duration(seconds(3)));
}

TEST_F(IdleLimitTest, StaysBelowWhatThePeerAnnounces) {
  struct Row {
    Duration announced, expected;
  };
  for (const Row& row :
       {Row{seconds(5), seconds(4)}, Row{seconds(2), seconds(1)}, Row{seconds(1), milliseconds(500)},
        Row{seconds(61), seconds(60)}, Row{hours(1), seconds(60)}, Row{Duration::zero(), milliseconds(10)}}) {
    Announce(row.announced);
    EXPECT_EQ(Current(), row.expected) << row.announced.count();
  }
}

TEST_F(IdleLimitTest, StaysBelowTheIdleTimeAfterWhichThePeerClosed) {
  CloseAfter(milliseconds(200));
  EXPECT_EQ(Current(), Duration(milliseconds(160)));
}

TEST_F(IdleLimitTest, LengthensWhenThePeerProvedMorePatient) {
  CloseAfter(seconds(15));
  EXPECT_EQ(Current(), Duration(seconds(12)));
  CloseAfter(seconds(2));
  EXPECT_EQ(Current(), Duration(milliseconds(1600)));
}

TEST_F(IdleLimitTest, KeepsToTheShortestFreshClose) {
  CloseAfter(seconds(1));
  CloseAfter(seconds(2));
  EXPECT_EQ(Current(), Duration(milliseconds(800)));
}

TEST_F(IdleLimitTest, BelievesACloseMoreThanAnAnnouncement) {
  Announce(seconds(5));
  CloseAfter(seconds(1));
  EXPECT_EQ(Current(), Duration(milliseconds(800)));
}

TEST_F(IdleLimitTest, BelievesAnAnnouncementMoreThanALaterClose) {
  Announce(seconds(5));
  CloseAfter(seconds(30));
  EXPECT_EQ(Current(), Duration(seconds(4)));
}

TEST_F(IdleLimitTest, ForgetsACloseAfterAMinute) {
  CloseAfter(milliseconds(200));
  Advance(seconds(60) - milliseconds(1));
  EXPECT_EQ(Current(), Duration(milliseconds(160)));
  Advance(milliseconds(1));
  EXPECT_EQ(Current(), Duration(seconds(3)));
  CloseAfter(seconds(2));
  EXPECT_EQ(Current(), Duration(milliseconds(1600)));
}

TEST_F(IdleLimitTest, LearnsNothingFromAConnectionThatHadNotBeenIdle) {
  CloseAfter(Duration::zero());
  CloseAfter(milliseconds(10) - Duration(1));
  EXPECT_EQ(Current(), Duration(seconds(3)));
}

TEST_F(IdleLimitTest, StaysBetweenItsShortestAndItsLongest) {
  CloseAfter(hours(1));
  EXPECT_EQ(Current(), IdleLimit::kLongest);
  CloseAfter(milliseconds(11));
  EXPECT_EQ(Current(), IdleLimit::kShortest);
}

TEST(KeepAliveTimeout, IsReadFromItsParameter) {
  struct Row {
    std::string_view field;
    std::optional<Duration> expected;
  };
  const std::vector<Row> table = {
      {"timeout=5", seconds(5)},
      {"timeout=5, max=100", seconds(5)},
      {"max=100, timeout=5", seconds(5)},
      {"max=100,timeout=5", seconds(5)},
      {"Timeout = 5", seconds(5)},
      {"timeout=0", seconds(0)},
      {"timeout=999999999", seconds(999'999'999)},
      {"timeout=9999999999", std::nullopt},
      {"timeout=", std::nullopt},
      {"timeout", std::nullopt},
      {"timeout=-5", std::nullopt},
      {"timeout=5s", std::nullopt},
      {"xtimeout=5", std::nullopt},
      {"max=100", std::nullopt},
      {",,", std::nullopt},
      {"", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseKeepAliveTimeout(row.field), row.expected) << row.field;
}

}  // namespace
}  // namespace naru::resilience
