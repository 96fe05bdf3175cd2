#include "resilience/concurrency_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

constexpr LimitPolicy kTwoAndOne{.concurrent = 2, .queue = 1};

TEST(ConcurrencyLimit, GrantsAsManyPlacesAsThePolicySays) {
  ConcurrencyLimit limit;
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
  EXPECT_FALSE(limit.TryAcquire(kTwoAndOne));
  EXPECT_EQ(limit.in_flight(), 2u);
}

TEST(ConcurrencyLimit, GrantsAReleasedPlaceAgain) {
  ConcurrencyLimit limit;
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
  limit.Release();
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
  EXPECT_FALSE(limit.TryAcquire(kTwoAndOne));
}

TEST(ConcurrencyLimit, CountsTheQueueApart) {
  ConcurrencyLimit limit;
  EXPECT_TRUE(limit.TryEnqueue(kTwoAndOne));
  EXPECT_FALSE(limit.TryEnqueue(kTwoAndOne));
  EXPECT_EQ(limit.queued(), 1u);
  EXPECT_EQ(limit.in_flight(), 0u);
  limit.LeaveQueue();
  EXPECT_EQ(limit.queued(), 0u);
}

TEST(ConcurrencyLimit, GrantsNothingAtAllAtZero) {
  ConcurrencyLimit limit;
  EXPECT_FALSE(limit.TryAcquire({.concurrent = 0}));
  EXPECT_FALSE(limit.TryEnqueue({.queue = 0}));
}

TEST(ConcurrencyLimit, FollowsAPolicyThatChangesWhileCallsAreInFlight) {
  ConcurrencyLimit limit;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(limit.TryAcquire({.concurrent = 4}));
  EXPECT_FALSE(limit.TryAcquire(kTwoAndOne));
  limit.Release();
  limit.Release();
  EXPECT_FALSE(limit.TryAcquire(kTwoAndOne));
  limit.Release();
  EXPECT_TRUE(limit.TryAcquire(kTwoAndOne));
}

TEST(ConcurrencyLimit, IsNeverExceededByAnyThread) {
  constexpr LimitPolicy kThree{.concurrent = 3};
  ConcurrencyLimit limit;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] {
      for (int j = 0; j < 5000; ++j) {
        if (!limit.TryAcquire(kThree)) continue;
        const int now_inside = ++inside;
        int seen = most;
        while (now_inside > seen && !most.compare_exchange_weak(seen, now_inside)) {
        }
        --inside;
        limit.Release();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(limit.in_flight(), 0u);
}

TEST(ConcurrencyLimit, GrantsExactlyItsPlacesOverAllThreads) {
  constexpr LimitPolicy kHundred{.concurrent = 100};
  ConcurrencyLimit limit;
  std::atomic<int> granted = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) granted += limit.TryAcquire(kHundred);
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(granted, 100);
}

}  // namespace
}  // namespace naru::resilience
