#include "resilience/circuit_breaker.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;
using Transition = CircuitBreaker::Transition;
using Verdict = CircuitBreaker::Verdict;

// The vocabulary: a breaker that opens at half of four calls within 10 s, and a clock the test moves.
class CircuitBreakerTest : public testing::Test {
 protected:
  static BreakerPolicy Policy() {
    BreakerPolicy policy;
    policy.min_calls = 4;
    return policy;
  }

  void Advance(Duration by) { now_ += by; }
  Verdict Admit() { return breaker_.Admit(now_); }
  void Call(Grade grade) { breaker_.Record(Admit(), grade, now_); }
  void Succeed(int times) { Repeat(times, Grade::kSuccess); }
  void Fail(int times) { Repeat(times, Grade::kFailure); }
  void Repeat(int times, Grade grade) {
    for (int i = 0; i < times; ++i) Call(grade);
  }
  void Open() {
    Fail(4);
    ASSERT_EQ(breaker_.state(), State::kOpen);
  }

  TimePoint now_{seconds(1000)};
  CircuitBreaker breaker_{Policy()};
};

TEST_F(CircuitBreakerTest, AdmitsWhileClosed) {
  EXPECT_EQ(Admit(), Verdict::kAdmit);
  EXPECT_EQ(breaker_.RetryAfter(now_), Duration::zero());
}

TEST_F(CircuitBreakerTest, StaysClosedBelowMinCalls) {
  Fail(3);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, OpensWhenTheFailureRateIsReached) {
  Succeed(2);
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(Admit(), Verdict::kRefuse);
}

TEST_F(CircuitBreakerTest, ForgetsFailuresOlderThanTheWindow) {
  Fail(3);
  Advance(seconds(10));
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, NeutralOutcomesDoNotCount) {
  Repeat(20, Grade::kNeutral);
  Fail(3);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, SaysHowLongItStaysOpen) {
  Open();
  Advance(seconds(2));
  EXPECT_EQ(breaker_.RetryAfter(now_), Duration(seconds(3)));
}

TEST_F(CircuitBreakerTest, LetsOneProbeThroughAfterOpenFor) {
  Open();
  Advance(seconds(5) - milliseconds(1));
  EXPECT_EQ(Admit(), Verdict::kRefuse);
  Advance(milliseconds(1));
  EXPECT_EQ(Admit(), Verdict::kProbe);
  EXPECT_EQ(breaker_.state(), State::kProbing);
  EXPECT_EQ(Admit(), Verdict::kRefuse);
}

TEST_F(CircuitBreakerTest, ClosesWhenTheProbeSucceedsAndStartsWithAnEmptyWindow) {
  Open();
  Advance(seconds(5));
  Succeed(1);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  Fail(3);
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, OpensAnewWhenTheProbeFails) {
  Open();
  Advance(seconds(5));
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(breaker_.RetryAfter(now_), Duration(seconds(5)));
}

TEST_F(CircuitBreakerTest, ANeutralProbeGivesItsPlaceToTheNext) {
  Open();
  Advance(seconds(5));
  Call(Grade::kNeutral);
  EXPECT_EQ(breaker_.state(), State::kProbing);
  EXPECT_EQ(Admit(), Verdict::kProbe);
}

TEST_F(CircuitBreakerTest, SaysEachChangeOnce) {
  std::vector<Transition> said;
  const auto call = [&](Grade grade) { said.push_back(breaker_.Record(Admit(), grade, now_)); };
  const Verdict late = Admit();
  for (int i = 0; i < 4; ++i) call(Grade::kFailure);
  said.push_back(breaker_.Record(late, Grade::kFailure, now_));
  EXPECT_EQ(breaker_.Counts(now_), (SlidingCounts::Counts{0, 4}));
  for (const Grade probe : {Grade::kFailure, Grade::kNeutral, Grade::kSuccess}) {
    Advance(seconds(5));
    call(probe);
  }
  call(Grade::kSuccess);
  EXPECT_EQ(said, (std::vector<Transition>{Transition::kNone, Transition::kNone, Transition::kNone,
                                           Transition::kOpened, Transition::kNone, Transition::kReopened,
                                           Transition::kNone, Transition::kClosed, Transition::kNone}));
}

TEST_F(CircuitBreakerTest, IgnoresCallsAdmittedBeforeItOpened) {
  const Verdict early = Admit();
  Open();
  Advance(seconds(5));
  EXPECT_EQ(Admit(), Verdict::kProbe);
  EXPECT_EQ(breaker_.Record(early, Grade::kFailure, now_), Transition::kNone);
  EXPECT_EQ(breaker_.Record(early, Grade::kSuccess, now_), Transition::kNone);
  EXPECT_EQ(breaker_.state(), State::kProbing);
}

TEST_F(CircuitBreakerTest, IgnoresCallsOfTheOutageThatEndAfterItHasClosed) {
  const TimePoint during_outage = now_;
  const Verdict late = Admit();
  Open();
  Advance(seconds(5));
  Succeed(1);
  for (int i = 0; i < 100; ++i) breaker_.Record(late, Grade::kFailure, now_, during_outage);
  EXPECT_EQ(breaker_.state(), State::kClosed);

  for (int i = 0; i < 4; ++i) breaker_.Record(Admit(), Grade::kFailure, now_, now_);
  EXPECT_EQ(breaker_.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, IgnoresAProbeOfAnEarlierRound) {
  BreakerPolicy policy = Policy();
  policy.probes = 2;
  CircuitBreaker breaker(policy);
  for (int i = 0; i < 4; ++i) breaker.Record(breaker.Admit(now_), Grade::kFailure, now_, now_);
  Advance(seconds(5));
  const TimePoint first_round = now_;
  EXPECT_EQ(breaker.Admit(now_), Verdict::kProbe);
  EXPECT_EQ(breaker.Admit(now_), Verdict::kProbe);
  Advance(milliseconds(10));
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kFailure, now_, first_round), Transition::kReopened);

  Advance(seconds(5));
  EXPECT_EQ(breaker.Admit(now_), Verdict::kProbe);
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kFailure, now_, first_round), Transition::kNone);
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kSuccess, now_, first_round), Transition::kNone);
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kSuccess, now_, now_), Transition::kNone);
  EXPECT_EQ(breaker.Admit(now_), Verdict::kProbe);
  EXPECT_EQ(breaker.Admit(now_), Verdict::kRefuse);
}

TEST(CircuitBreaker, NeedsAsManySuccessesAsProbes) {
  BreakerPolicy policy;
  policy.min_calls = 1;
  policy.probes = 2;
  CircuitBreaker breaker(policy);
  TimePoint now{seconds(1)};
  breaker.Record(breaker.Admit(now), Grade::kFailure, now);
  now += policy.open_for;

  EXPECT_EQ(breaker.Admit(now), Verdict::kProbe);
  EXPECT_EQ(breaker.Admit(now), Verdict::kProbe);
  EXPECT_EQ(breaker.Admit(now), Verdict::kRefuse);
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kSuccess, now), Transition::kNone);
  EXPECT_EQ(breaker.Record(Verdict::kProbe, Grade::kSuccess, now), Transition::kClosed);
}

TEST(CircuitBreaker, AdmitsExactlyOneProbeOverAllThreads) {
  BreakerPolicy policy;
  policy.min_calls = 1;
  CircuitBreaker breaker(policy);
  const TimePoint opened{seconds(1)};
  breaker.Record(breaker.Admit(opened), Grade::kFailure, opened);

  std::atomic<int> probes = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) probes += breaker.Admit(opened + policy.open_for) == Verdict::kProbe;
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(probes, 1);
}

}  // namespace
}  // namespace naru::resilience
