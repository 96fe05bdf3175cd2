#include "metrics/cells.h"

#include <gtest/gtest.h>

#include <thread>

namespace naru::metrics {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

Histogram& ObserveAll(Histogram& histogram, std::initializer_list<nanoseconds> durations) {
  for (const nanoseconds duration : durations) histogram.Observe(duration);
  return histogram;
}

TEST(Counter, CountsFromZero) {
  Counter counter;
  EXPECT_EQ(counter.Read(), 0u);
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.Read(), 42u);
}

TEST(Counter, NeverGoesBackWhileItsWriterCounts) {
  Counter counter;
  std::thread writer([&counter] {
    for (int i = 0; i < 100000; ++i) counter.Add();
  });
  uint64_t last = 0;
  while (last < 100000) {
    const uint64_t now = counter.Read();
    ASSERT_GE(now, last);
    last = now;
  }
  writer.join();
}

TEST(Histogram, PutsADurationIntoTheFirstBucketWhoseBoundItDoesNotPass) {
  struct Case {
    nanoseconds duration;
    size_t bucket;
  };
  const Case cases[] = {{nanoseconds(0), 0},  {microseconds(500), 0}, {nanoseconds(500001), 1},
                        {milliseconds(1), 1}, {seconds(10), 13},      {nanoseconds(10000000001), 14},
                        {nanoseconds(-5), 0}};
  for (const Case& c : cases) {
    Histogram histogram(kCallBounds);
    histogram.Observe(c.duration);
    for (size_t i = 0; i < kMaxBuckets; ++i) {
      EXPECT_EQ(histogram.Read().counts[i], i == c.bucket ? 1u : 0u)
          << c.duration.count() << " ns, bucket " << i;
    }
  }
}

TEST(Histogram, SumsWhatItObserved) {
  Histogram histogram(kCallBounds);
  ObserveAll(histogram, {milliseconds(2), milliseconds(3), nanoseconds(-7)});
  EXPECT_EQ(histogram.Read().sum_ns, 5000000u);
  EXPECT_EQ(histogram.Read().Total(), 3u);
}

TEST(HistogramReading, AddsAndSubtracts) {
  Histogram one(kCallBounds);
  Histogram two(kCallBounds);
  HistogramReading both = ObserveAll(one, {milliseconds(2)}).Read();
  both.Add(ObserveAll(two, {milliseconds(2), seconds(20)}).Read());
  EXPECT_EQ(both.Total(), 3u);
  EXPECT_EQ(both.sum_ns, 20004000000u);
  both.Subtract(one.Read());
  EXPECT_EQ(both.counts, two.Read().counts);
  EXPECT_EQ(both.sum_ns, two.Read().sum_ns);
}

TEST(HistogramReading, InterpolatesQuantilesInsideTheirBucket) {
  Histogram histogram(kCallBounds);
  for (int i = 0; i < 90; ++i) histogram.Observe(milliseconds(4));   // between 2.5 and 5 ms
  for (int i = 0; i < 10; ++i) histogram.Observe(milliseconds(90));  // between 50 and 100 ms
  EXPECT_EQ(histogram.Read().Quantile(0.45), microseconds(3750));
  EXPECT_EQ(histogram.Read().Quantile(0.9), milliseconds(5));
  EXPECT_EQ(histogram.Read().Quantile(0.95), milliseconds(75));
}

TEST(HistogramReading, KnowsNoQuantileBeyondItsLastBoundOrWithoutObservations) {
  Histogram histogram(kCallBounds);
  EXPECT_EQ(histogram.Read().Quantile(0.99), nanoseconds(0));
  histogram.Observe(seconds(60));
  EXPECT_EQ(histogram.Read().Quantile(0.99), seconds(10));
}

}  // namespace
}  // namespace naru::metrics
