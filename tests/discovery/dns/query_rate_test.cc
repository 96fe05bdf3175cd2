#include "discovery/dns/query_rate.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

int TakeAll(QueryRate& rate, TimePoint now) {
  int taken = 0;
  while (rate.Take(now)) ++taken;
  return taken;
}

TEST(QueryRate, LetsAFewGoAtOnce) {
  QueryRate rate;
  EXPECT_EQ(TakeAll(rate, TimePoint(seconds(1000))), 10);
}

TEST(QueryRate, SaysWhenTheNextMayGo) {
  QueryRate rate;
  const TimePoint now(seconds(1000));
  EXPECT_LE(rate.NextAt(), now);
  TakeAll(rate, now);
  EXPECT_EQ(rate.NextAt(), now + milliseconds(25));
  EXPECT_FALSE(rate.Take(now + milliseconds(24)));
  EXPECT_TRUE(rate.Take(now + milliseconds(25)));
  EXPECT_FALSE(rate.Take(now + milliseconds(25)));
}

TEST(QueryRate, FillsUpWhileNothingIsAsked) {
  QueryRate rate;
  TakeAll(rate, TimePoint(seconds(1000)));
  EXPECT_EQ(TakeAll(rate, TimePoint(seconds(2000))), 10);
}

TEST(QueryRate, IsFiftyInAnySecondAtMost) {
  QueryRate rate;
  std::vector<TimePoint> taken;
  for (TimePoint now(seconds(1000)); now < TimePoint(seconds(1010)); now += milliseconds(1)) {
    while (rate.Take(now)) taken.push_back(now);
  }
  for (size_t i = 50; i < taken.size(); ++i) EXPECT_GE(taken[i] - taken[i - 50], Duration(seconds(1)));
  EXPECT_EQ(taken.size(), 10u + 399u);
}

}  // namespace
}  // namespace naru::discovery
