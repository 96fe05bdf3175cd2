#include "resilience/ejection.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Reason = EjectionReason;

// The vocabulary: a service of four endpoints under the default policy, no jitter, and a clock the test
// moves.
class EjectionTest : public testing::Test {
 protected:
  static constexpr uint32_t kEndpoints = 4;

  EjectionTest() {
    for (uint32_t i = 0; i < kEndpoints; ++i) {
      endpoints_.push_back(std::make_unique<EndpointHealth>(EjectionPolicy{}, group_));
    }
  }

  void Advance(Duration by) { now_ += by; }
  EndpointHealth& At(int i) { return *endpoints_[i]; }
  Reason Record(Grade grade, int i = 0) { return At(i).Record(grade, kEndpoints, now_, 0); }
  void Succeed(int times, int i = 0) {
    for (int n = 0; n < times; ++n) EXPECT_EQ(Record(Grade::kSuccess, i), Reason::kNone);
  }
  Reason Fail(int times, int i = 0) {
    Reason last = Reason::kNone;
    for (int n = 0; n < times; ++n) last = Record(Grade::kFailure, i);
    return last;
  }
  bool Serving(int i = 0) { return At(i).Serving(now_); }
  Duration Aside(int i = 0) { return At(i).ejected_until() - now_; }
  void Readmit(int i = 0) {
    Advance(Aside(i));
    ASSERT_TRUE(Serving(i));
  }

  TimePoint now_{seconds(1000)};
  EjectionGroup group_;
  std::vector<std::unique_ptr<EndpointHealth>> endpoints_;
};

TEST_F(EjectionTest, ServesAtFirst) {
  EXPECT_TRUE(Serving());
  EXPECT_LT(Aside(), Duration::zero());
  EXPECT_EQ(group_.ejected(), 0u);
}

TEST_F(EjectionTest, EjectsAfterFailuresInARow) {
  Succeed(100);
  EXPECT_EQ(Fail(4), Reason::kNone);
  EXPECT_TRUE(Serving());
  EXPECT_EQ(Fail(1), Reason::kConsecutive);
  EXPECT_FALSE(Serving());
  EXPECT_EQ(At(0).last_reason(), Reason::kConsecutive);
  EXPECT_EQ(group_.ejected(), 1u);
}

TEST_F(EjectionTest, StartsCountingAnewAfterASuccess) {
  Succeed(100);
  Fail(4);
  Succeed(1);
  EXPECT_EQ(Fail(4), Reason::kNone);
}

TEST_F(EjectionTest, EjectsBelowTheSuccessRate) {
  Succeed(3);
  EXPECT_EQ(Fail(1), Reason::kNone);         // four results are too few
  EXPECT_EQ(Fail(1), Reason::kSuccessRate);  // 3 of 5
}

TEST_F(EjectionTest, KeepsAnEndpointAtTheSuccessRate) {
  Succeed(4);
  EXPECT_EQ(Fail(1), Reason::kNone);  // 4 of 5
  EXPECT_EQ(Fail(1), Reason::kSuccessRate);
}

TEST_F(EjectionTest, ForgetsFailuresOlderThanTheWindow) {
  Fail(2);
  Succeed(1);
  Advance(seconds(10));
  Succeed(4);
  EXPECT_EQ(Fail(1), Reason::kNone);
}

TEST_F(EjectionTest, NeutralOutcomesDoNotCount) {
  Succeed(100);
  Fail(4);
  EXPECT_EQ(Record(Grade::kNeutral), Reason::kNone);
  EXPECT_EQ(Fail(1), Reason::kConsecutive);
}

TEST_F(EjectionTest, HasRulesThatCanBeSwitchedOff) {
  EjectionPolicy policy;
  policy.consecutive = 0;
  policy.success_rate = 0;
  EndpointHealth health(policy, group_);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(health.Record(Grade::kFailure, 4, now_, 0), Reason::kNone);
}

TEST_F(EjectionTest, ReadmitsWhenTheTimeIsOver) {
  Fail(5);
  EXPECT_EQ(Aside(), Duration(seconds(1)));
  Advance(seconds(1) - milliseconds(1));
  EXPECT_FALSE(Serving());
  EXPECT_EQ(group_.ejected(), 1u);
  Advance(milliseconds(1));
  EXPECT_TRUE(Serving());
  EXPECT_EQ(group_.ejected(), 0u);
}

TEST_F(EjectionTest, SaysOnceThatItHasReturned) {
  using Standing = EndpointHealth::Standing;
  EXPECT_EQ(At(0).StandingAt(now_), Standing::kServing);
  Fail(5);
  EXPECT_EQ(At(0).StandingAt(now_), Standing::kAside);
  Advance(Aside());
  EXPECT_EQ(At(0).StandingAt(now_), Standing::kReturned);
  EXPECT_EQ(At(0).StandingAt(now_), Standing::kServing);
}

TEST_F(EjectionTest, IgnoresWhatEndsWhileSetAside) {
  Fail(5);
  EXPECT_EQ(Fail(100), Reason::kNone);
  EXPECT_EQ(Aside(), Duration(seconds(1)));
}

TEST_F(EjectionTest, StartsWithACleanSlateAfterReadmission) {
  Fail(5);
  Readmit();
  EXPECT_EQ(Fail(4), Reason::kNone);
  EXPECT_EQ(Fail(1), Reason::kConsecutive);
}

TEST_F(EjectionTest, DoublesTheTimeWithEveryEjectionThatFollowsSoon) {
  std::vector<int64_t> aside;
  for (int i = 0; i < 9; ++i) {
    Fail(5);
    aside.push_back(Aside() / seconds(1));
    Readmit();
  }
  EXPECT_EQ(aside, (std::vector<int64_t>{1, 2, 4, 8, 16, 32, 60, 60, 60}));
}

TEST_F(EjectionTest, ForgetsOneDoublingForEveryMaximumOfServing) {
  for (int i = 0; i < 9; ++i) {
    Fail(5);
    Readmit();
  }
  Advance(seconds(60));
  Fail(5);
  EXPECT_EQ(Aside(), Duration(seconds(32)));
  Readmit();
  Advance(minutes(60));
  Fail(5);
  EXPECT_EQ(Aside(), Duration(seconds(1)));
}

TEST_F(EjectionTest, ShortensTheTimeByUpToHalf) {
  for (int i = 0; i < 5; ++i) At(1).Record(Grade::kFailure, kEndpoints, now_, 0.5);
  EXPECT_EQ(Aside(1), Duration(milliseconds(750)));
  for (int i = 0; i < 5; ++i) At(2).Record(Grade::kFailure, kEndpoints, now_, 0.999999);
  EXPECT_GE(Aside(2), Duration(milliseconds(500)));
  EXPECT_LT(Aside(2), Duration(milliseconds(501)));
}

TEST_F(EjectionTest, EjectsNoMoreThanKeepAllows) {
  EXPECT_EQ(Fail(5, 0), Reason::kConsecutive);
  EXPECT_EQ(Fail(5, 1), Reason::kConsecutive);
  EXPECT_EQ(Fail(5, 2), Reason::kNone);
  EXPECT_EQ(Fail(5, 3), Reason::kNone);
  EXPECT_TRUE(Serving(2));
  EXPECT_TRUE(Serving(3));
  EXPECT_EQ(group_.ejected(), 2u);
}

TEST_F(EjectionTest, EjectsTheNextOneWhenAPlaceIsFree) {
  Fail(5, 0);
  Fail(5, 1);
  Fail(5, 2);
  Readmit(0);
  EXPECT_EQ(Fail(1, 2), Reason::kConsecutive);
}

TEST_F(EjectionTest, AnEndpointThatIsRemovedGivesItsPlaceBack) {
  Fail(5, 0);
  Fail(5, 1);
  endpoints_[0].reset();
  EXPECT_EQ(group_.ejected(), 1u);
  endpoints_[3].reset();
  EXPECT_EQ(group_.ejected(), 1u);
}

TEST(MostEjected, LeavesTheShareThatIsKeptRoundedUp) {
  struct Row {
    double keep;
    std::vector<uint32_t> most;  // for 1, 2 ... 10 endpoints
  };
  for (const Row& row :
       {Row{0.5, {0, 1, 1, 2, 2, 3, 3, 4, 4, 5}}, Row{0.9, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        Row{0.3, {0, 1, 2, 2, 3, 4, 4, 5, 6, 7}}, Row{0.1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
        Row{0.0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, Row{1.0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}) {
    std::vector<uint32_t> most;
    for (uint32_t endpoints = 1; endpoints <= 10; ++endpoints)
      most.push_back(MostEjected(row.keep, endpoints));
    EXPECT_EQ(most, row.most) << row.keep;
  }
  EXPECT_EQ(MostEjected(0.5, 0), 0u);
}

TEST(EjectionGroup, IsExactOverAllThreads) {
  constexpr uint32_t kEndpoints = 10;
  constexpr uint32_t kMost = 5;
  const TimePoint now{seconds(1000)};
  EjectionGroup group;
  std::vector<std::unique_ptr<EndpointHealth>> endpoints;
  for (uint32_t i = 0; i < kEndpoints; ++i) {
    endpoints.push_back(std::make_unique<EndpointHealth>(EjectionPolicy{}, group));
  }
  std::atomic<uint32_t> ejections = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        EndpointHealth& health = *endpoints[i % kEndpoints];
        ejections += health.Record(Grade::kFailure, kEndpoints, now, 0) != Reason::kNone;
        if (group.ejected() > kMost) exceeded = true;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(ejections, kMost);
  EXPECT_EQ(group.ejected(), kMost);
}

TEST(EjectionGroup, KeepsNoPlaceForAWorkerThatLostTheRace) {
  constexpr int kWorkers = 2;
  const TimePoint now{seconds(1000)};
  EjectionPolicy policy;
  policy.consecutive = 1;
  for (int round = 0; round < 3000; ++round) {
    EjectionGroup group;
    EndpointHealth health(policy, group);
    std::atomic<uint32_t> ejections = 0;
    std::atomic<int> ready = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < kWorkers; ++i) {
      workers.emplace_back([&] {
        // Spinning, so that all go on at the same instant.
        for (++ready; ready < kWorkers;) std::this_thread::yield();
        ejections += health.Record(Grade::kFailure, 10, now, 0) != Reason::kNone;
      });
    }
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(ejections, 1u);
    EXPECT_EQ(group.ejected(), 1u);
  }
}

TEST(EjectionGroup, CountsEveryReadmissionOnce) {
  const TimePoint begin{seconds(1000)};
  EjectionGroup group;
  EndpointHealth health(EjectionPolicy{}, group);
  EndpointHealth other(EjectionPolicy{}, group);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const TimePoint now = begin + i * milliseconds(100);
        health.Serving(now);
        health.Record(Grade::kFailure, 2, now, 0);
        EXPECT_LE(group.ejected(), 1u);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_TRUE(health.Serving(begin + minutes(120)));
  EXPECT_EQ(group.ejected(), 0u);
}

}  // namespace
}  // namespace naru::resilience
