// What balancing does to callers, in virtual time, next to figures that others have published.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "resilience/balancer.h"
#include "resilience/latency_estimate.h"
#include "tests/resilience/virtual_time.h"

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSeed = 20160311;

// How an endpoint answers an attempt that begins at `elapsed`.
struct Answer {
  Duration latency{};
  bool failed = false;
};
using AnswerOf = std::function<Answer(size_t endpoint, Duration elapsed, std::mt19937_64& random)>;

// One caller that calls at a steady rate and measures what it gets.
class Caller {
 public:
  Caller(BalanceKind kind, size_t endpoints, LatencyEstimatePolicy policy, AnswerOf answer_of)
      : kind_(kind), answer_of_(std::move(answer_of)), share_(endpoints) {
    for (size_t i = 0; i < endpoints; ++i) estimates_.emplace_back(policy);
  }

  void CallEvery(Duration interval, Duration how_long) {
    for (Duration at{}; at < how_long; at += interval) {
      time_.After(at, [this] { Call(); });
    }
    time_.Run();
  }

  double ShareFasterThan(Duration bound) const {
    const auto fast =
        std::count_if(latencies_.begin(), latencies_.end(), [=](Duration l) { return l < bound; });
    return static_cast<double>(fast) / static_cast<double>(latencies_.size());
  }
  Duration Percentile(double share) {
    std::sort(latencies_.begin(), latencies_.end());
    return latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size()))];
  }
  double ShareOf(size_t endpoint) const {
    return static_cast<double>(share_[endpoint]) / static_cast<double>(latencies_.size());
  }

 private:
  void Call() {
    const size_t chosen = Pick();
    ++share_[chosen];
    estimates_[chosen].AttemptStarted();
    const Answer answer = answer_of_(chosen, time_.elapsed(), random_);
    time_.After(answer.latency, [this, chosen, answer] { End(chosen, answer); });
  }

  size_t Pick() {
    std::vector<Candidate> candidates(estimates_.size());
    for (size_t i = 0; i < candidates.size(); ++i) {
      candidates[i].load = estimates_[i].Load(time_.now());
      candidates[i].in_flight = estimates_[i].in_flight();
    }
    return static_cast<size_t>(Choose(kind_, candidates, random_(), position_++));
  }

  void End(size_t endpoint, const Answer& answer) {
    estimates_[endpoint].AttemptEnded();
    estimates_[endpoint].RecordLatency(answer.latency, time_.now());
    if (answer.failed) estimates_[endpoint].RecordFailure(Duration::zero(), time_.now());
    latencies_.push_back(answer.latency);
  }

  const BalanceKind kind_;
  const AnswerOf answer_of_;
  VirtualTime time_;
  std::mt19937_64 random_{kSeed};
  uint32_t position_ = 0;
  std::deque<LatencyEstimate> estimates_;
  std::vector<int> share_;
  std::vector<Duration> latencies_;
};

// Twitter's "Beyond Round Robin": 11 backends of 167 ms, 1,000 calls a second for a minute; from the 15th
// second on one of them takes 2 s for 30 s.
Answer OneOfElevenSlow(size_t endpoint, Duration elapsed, std::mt19937_64& random) {
  if (endpoint == 3 && elapsed >= seconds(15) && elapsed < seconds(45)) return {seconds(2)};
  std::normal_distribution<double> spread(167, 5);
  return {Duration(static_cast<int64_t>(spread(random) * 1e6))};
}

Caller BeyondRoundRobin(BalanceKind kind) {
  Caller caller(kind, 11, {}, OneOfElevenSlow);
  caller.CallEvery(milliseconds(1), seconds(60));
  return caller;
}

TEST(BeyondRoundRobin, RoundRobinSendsASlowEndpointItsFullShare) {
  // 1 - 1/11 * 30/60; published: 95 %.
  EXPECT_NEAR(BeyondRoundRobin(BalanceKind::kRoundRobin).ShareFasterThan(seconds(1)), 0.9545, 0.0001);
}

TEST(BeyondRoundRobin, LeastRequestSendsItFewer) {
  // Published: 99 %.
  EXPECT_NEAR(BeyondRoundRobin(BalanceKind::kLeastRequest).ShareFasterThan(seconds(1)), 0.995, 0.001);
}

TEST(BeyondRoundRobin, P2cSendsItHardlyAny) {
  // Published for peak EWMA: 99.9 %, and 210 ms at that percentile.
  Caller caller = BeyondRoundRobin(BalanceKind::kP2c);
  EXPECT_GE(caller.ShareFasterThan(seconds(1)), 0.999);
  EXPECT_LT(caller.Percentile(0.999), Duration(milliseconds(210)));
}

// Every endpoint is faster than the guess for an unmeasured one.
TEST(FastEndpoints, AllGetTheirShareFromTheStart) {
  Caller caller(BalanceKind::kP2c, 5, {}, [](size_t, Duration, std::mt19937_64& random) {
    return Answer{std::chrono::microseconds(500 + random() % 1000)};
  });
  caller.CallEvery(milliseconds(10), seconds(10));
  for (size_t endpoint = 0; endpoint < 5; ++endpoint)
    EXPECT_NEAR(caller.ShareOf(endpoint), 0.2, 0.1) << endpoint;
}

// One endpoint of ten rejects in 1 ms what the others answer in 20 ms.
Answer OneOfTenRejectsFast(size_t endpoint, Duration, std::mt19937_64&) {
  if (endpoint == 4) return {milliseconds(1), true};
  return {milliseconds(20)};
}

double ShareOfTheOneThatRejects(Duration penalty) {
  LatencyEstimatePolicy policy;
  policy.penalty = penalty;
  Caller caller(BalanceKind::kP2c, 10, policy, OneOfTenRejectsFast);
  caller.CallEvery(milliseconds(2), seconds(30));
  return caller.ShareOf(4);
}

TEST(FastFailure, AttractsTheCeilingOfTwoChoicesWithoutAPenalty) {
  EXPECT_NEAR(ShareOfTheOneThatRejects(Duration::zero()), 0.2, 0.01);
}

TEST(FastFailure, AttractsAlmostNothingUnderThePenalty) {
  EXPECT_LE(ShareOfTheOneThatRejects(LatencyEstimatePolicy{}.penalty), 0.005);
}

}  // namespace
}  // namespace naru::resilience
