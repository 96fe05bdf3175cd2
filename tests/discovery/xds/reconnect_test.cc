#include "discovery/xds/reconnect.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kNow{seconds(1000)};
constexpr double kMiddle = 0.5;  // no jitter

TEST(Reconnect, WaitsTwiceAsLongWithEveryStreamThatHadNoResponseAndAtMost30Seconds) {
  Reconnect reconnect;
  std::vector<Duration> waits;
  for (int i = 0; i < 7; ++i) waits.push_back(reconnect.Next(kNow, kNow, false, kMiddle) - kNow);
  EXPECT_EQ(waits, (std::vector<Duration>{seconds(1), seconds(2), seconds(4), seconds(8), seconds(16),
                                          seconds(30), seconds(30)}));
}

TEST(Reconnect, SpreadsTheWaitsBy20PercentEitherWay) {
  EXPECT_EQ(Reconnect().Next(kNow, kNow, false, 0) - kNow, milliseconds(800));
  EXPECT_LT(Reconnect().Next(kNow, kNow, false, 0.999) - kNow, milliseconds(1200));
  EXPECT_GT(Reconnect().Next(kNow, kNow, false, 0.999) - kNow, milliseconds(1190));
}

TEST(Reconnect, FollowsAStreamThatHadAResponseAtOnceThoughNeverMoreOftenThanOnceASecond) {
  Reconnect reconnect;
  EXPECT_EQ(reconnect.Next(kNow - seconds(60), kNow, true, 0), kNow);
  EXPECT_EQ(reconnect.Next(kNow - milliseconds(300), kNow, true, 0), kNow + milliseconds(700));
}

TEST(Reconnect, BeginsAgainWithAShortWaitAfterAResponse) {
  Reconnect reconnect;
  for (int i = 0; i < 5; ++i) reconnect.Next(kNow, kNow, false, kMiddle);
  reconnect.Next(kNow, kNow, true, kMiddle);
  EXPECT_EQ(reconnect.Next(kNow, kNow, false, kMiddle) - kNow, seconds(1));
}

}  // namespace
}  // namespace naru::discovery
