#include "resilience/retry_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The vocabulary: the default budget of 20 % and one a second over 10 s, and a clock the test moves.
class RetryBudgetTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  void Earn(int times) {
    for (int i = 0; i < times; ++i) budget_.Earn(now_);
  }
  int SpendAll() {
    int spent = 0;
    while (budget_.Spend(now_)) ++spent;
    return spent;
  }

  TimePoint now_{seconds(1000)};
  RetryBudget budget_{RetryBudgetPolicy{}};
};

TEST_F(RetryBudgetTest, GrantsTheFloorWithoutAnySuccess) {
  EXPECT_EQ(SpendAll(), 10);
}

TEST_F(RetryBudgetTest, GrantsAShareOfTheSuccessesBeyondTheFloor) {
  Earn(100);
  EXPECT_EQ(SpendAll(), 10 + 20);
}

TEST_F(RetryBudgetTest, ARefusedRetryTakesNothing) {
  EXPECT_EQ(SpendAll(), 10);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(budget_.Spend(now_));
  Earn(5);
  EXPECT_EQ(SpendAll(), 1);
}

TEST_F(RetryBudgetTest, ForgetsSuccessesOlderThanTheWindow) {
  Earn(100);
  Advance(seconds(10));
  EXPECT_EQ(SpendAll(), 10);
}

TEST_F(RetryBudgetTest, GrantsAgainWhenTheWindowHasPassed) {
  EXPECT_EQ(SpendAll(), 10);
  Advance(seconds(9));
  EXPECT_EQ(SpendAll(), 0);
  Advance(seconds(1));
  EXPECT_EQ(SpendAll(), 10);
}

TEST_F(RetryBudgetTest, EarnsNothingInAnOutage) {
  Earn(1000);  // the last good second
  Advance(seconds(10));
  int spent = 0;
  for (int second = 0; second < 60; ++second) {
    spent += SpendAll();
    Advance(seconds(1));
  }
  EXPECT_EQ(spent, 60);  // the floor of one a second, whatever was asked for
}

TEST_F(RetryBudgetTest, RefusesEverythingWithoutFloorAndSuccess) {
  RetryBudget budget(RetryBudgetPolicy{.ratio = 0.2, .floor_per_second = 0});
  EXPECT_FALSE(budget.Spend(now_));
  for (int i = 0; i < 4; ++i) budget.Earn(now_);
  EXPECT_FALSE(budget.Spend(now_));
  budget.Earn(now_);
  EXPECT_TRUE(budget.Spend(now_));
}

// `now_of` gives each thread its clock.
template <typename NowOf>
int SpendFromFourThreads(RetryBudget& budget, NowOf now_of) {
  std::atomic<int> spent = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&budget, &spent, now = now_of(i)] {
      for (int j = 0; j < 5000; ++j) spent += budget.Spend(now);
    });
  }
  for (std::thread& worker : workers) worker.join();
  return spent;
}

TEST_F(RetryBudgetTest, IsExactOverAllThreads) {
  Earn(1000);
  EXPECT_EQ(SpendFromFourThreads(budget_, [&](int) { return now_; }), 10 + 200);
}

TEST_F(RetryBudgetTest, IsNeverOverspentByThreadsWhoseClocksDiffer) {
  Earn(1000);
  EXPECT_LE(SpendFromFourThreads(budget_, [&](int i) { return now_ + i * milliseconds(1001); }), 10 + 200);
}

}  // namespace
}  // namespace naru::resilience
