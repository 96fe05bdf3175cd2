#include "discovery/consul/consul_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = ConsulWatch::Verdict;

TEST(ConsulWatch, AsksAtOnceAtFirstAndThenForWhatIsLater) {
  ConsulWatch watch;
  EXPECT_EQ(watch.index(), 0u);
  EXPECT_EQ(watch.Answered(17), Verdict::kUse);
  EXPECT_EQ(watch.index(), 17u);
  EXPECT_EQ(watch.Answered(20), Verdict::kUse);
  EXPECT_EQ(watch.index(), 20u);
}

TEST(ConsulWatch, UsesAnAnswerWhoseIndexIsTheSame) {
  ConsulWatch watch;
  watch.Answered(17);
  EXPECT_EQ(watch.Answered(17), Verdict::kUse);
  EXPECT_EQ(watch.index(), 17u);
}

TEST(ConsulWatch, StartsAgainWhenTheIndexGoesBackwards) {
  ConsulWatch watch;
  watch.Answered(17);
  EXPECT_EQ(watch.Answered(16), Verdict::kAskAgain);
  EXPECT_EQ(watch.index(), 0u);
  EXPECT_EQ(watch.Answered(16), Verdict::kUse);
  EXPECT_EQ(watch.index(), 16u);
}

TEST(ConsulWatch, NeverAsksWithAnIndexThatWouldNotBlock) {
  for (const std::optional<uint64_t> index : {std::optional<uint64_t>(0), std::optional<uint64_t>()}) {
    ConsulWatch watch;
    EXPECT_EQ(watch.Answered(index), Verdict::kUse);
    EXPECT_EQ(watch.index(), 1u);
    EXPECT_EQ(watch.Answered(index), Verdict::kUse);
    EXPECT_EQ(watch.index(), 1u);
  }
}

TEST(ConsulWatch, AsksAtOnceAfterAFailure) {
  ConsulWatch watch;
  watch.Answered(17);
  watch.Failed();
  EXPECT_EQ(watch.index(), 0u);
}

TEST(RequestPace, LetsABurstGoAndThenOneASecond) {
  RequestPace pace;
  const TimePoint start(seconds(1000));
  std::vector<Duration> sent;
  for (int i = 0; i < 5; ++i) sent.push_back(pace.Take(start) - start);
  EXPECT_EQ(sent, (std::vector<Duration>{seconds(0), seconds(0), seconds(0), seconds(1), seconds(2)}));
}

TEST(RequestPace, EarnsTheBurstBackByWaiting) {
  RequestPace pace;
  const TimePoint start(seconds(1000));
  for (int i = 0; i < 4; ++i) pace.Take(start);
  EXPECT_EQ(pace.Take(start + milliseconds(2500)) - start, milliseconds(2500));
  EXPECT_EQ(pace.Take(start + milliseconds(2500)) - start, seconds(3));
  const TimePoint later = start + seconds(60);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pace.Take(later), later);
  EXPECT_EQ(pace.Take(later), later + seconds(1));
}

TEST(FailureWait, GrowsToHalfAMinuteAndStartsAgainAfterSuccess) {
  FailureWait wait;
  std::vector<Duration> waits;
  for (int i = 0; i < 7; ++i) waits.push_back(wait.Next(0.5));
  EXPECT_EQ(waits, (std::vector<Duration>{seconds(1), seconds(2), seconds(4), seconds(8), seconds(16),
                                          seconds(30), seconds(30)}));
  wait.Succeeded();
  EXPECT_EQ(wait.Next(0.5), seconds(1));
}

TEST(FailureWait, IsAQuarterShorterOrLongerByChance) {
  EXPECT_EQ(FailureWait().Next(0), milliseconds(750));
  EXPECT_LT(FailureWait().Next(0.999), milliseconds(1250));
}

}  // namespace
}  // namespace naru::discovery
