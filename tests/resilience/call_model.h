// A model of one sidecar's calls to one service, in virtual time: the real decisions around modelled
// endpoints.
//
// It carries a call as the sidecar does: limit, breaker, then attempts with choice of an endpoint, ejection,
// budget and backoff. It checks nothing; it counts, and the tests look at the counts.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "resilience/balancer.h"
#include "resilience/circuit_breaker.h"
#include "resilience/concurrency_limit.h"
#include "resilience/ejection.h"
#include "resilience/latency_estimate.h"
#include "resilience/retry_budget.h"
#include "resilience/retry_policy.h"
#include "tests/resilience/virtual_time.h"

namespace naru::resilience {

// The policies of a service, with the defaults of the configuration.
struct ModelPolicy {
  Duration timeout = std::chrono::seconds(5);
  Duration try_timeout = std::chrono::seconds(2);
  Duration connect_timeout = std::chrono::milliseconds(500);
  RetryPolicy retry;
  LimitPolicy limits;
  BreakerPolicy breaker;
  EjectionPolicy ejection;
};

// What an endpoint does with the attempts that reach it now.
enum class Fault { kNone, kRefuses, kConnectHangs, kHangs, kResets, kAnswers503, kSlow };

// One place behind all endpoints that does one thing at a time, such as a database: first come first served,
// at a fixed rate, also for callers who have gone away.
class Bottleneck {
 public:
  explicit Bottleneck(double per_second) : each_(static_cast<int64_t>(1e9 / per_second)) {}

  // How long what comes in now takes, waiting included.
  Duration Serve(TimePoint now);
  // Does nothing for so long.
  void Stop(TimePoint now, Duration how_long) { free_at_ = std::max(free_at_, now) + how_long; }

 private:
  const Duration each_;
  TimePoint free_at_{};
};

class CallModel {
 public:
  CallModel(VirtualTime& time, const ModelPolicy& policy, uint32_t endpoints, uint64_t seed);

  // --- the world ---
  void SetFault(size_t endpoint, Fault fault) { endpoints_[endpoint]->fault = fault; }
  void SetFaultOfAll(Fault fault);
  void SetBottleneck(Bottleneck* bottleneck) { bottleneck_ = bottleneck; }
  // Calls arrive at random, on average so many a second, for so long.
  void OfferCalls(double per_second, Duration how_long);

  // --- what happened ---
  struct Second {
    int offered = 0;   // calls that arrived
    int good = 0;      // calls that arrived then and were answered well
    int attempts = 0;  // attempts that began
  };
  const Second& At(size_t second) const { return seconds_[second]; }
  size_t seconds() const { return seconds_.size(); }
  Second Sum(size_t from, size_t to) const;  // `to` excluded

  int begun() const { return begun_; }
  int ended() const { return ended_; }
  int ended_twice() const { return ended_twice_; }
  uint32_t most_attempts() const { return most_attempts_; }  // of one call, free ones not counted
  uint32_t most_in_flight() const { return most_in_flight_; }
  uint32_t most_queued() const { return most_queued_; }
  uint32_t most_ejected() const { return most_ejected_; }
  int AttemptsTo(size_t endpoint) const { return endpoints_[endpoint]->attempts; }
  const ConcurrencyLimit& limit() const { return limit_; }
  const CircuitBreaker& breaker() const { return breaker_; }
  uint32_t AttemptsInFlight() const;

 private:
  struct Endpoint {
    Endpoint(const EjectionPolicy& policy, EjectionGroup& group) : health(policy, group) {}
    Fault fault = Fault::kNone;
    int attempts = 0;
    LatencyEstimate estimate;
    EndpointHealth health;
  };
  struct Call {
    TimePoint begun;
    bool waiting = false;  // in the queue
    bool has_permit = false;
    bool ended = false;
    bool idempotent = true;
    CircuitBreaker::Verdict admitted_as = CircuitBreaker::Verdict::kRefuse;
    TimePoint admitted_at;
    uint32_t attempts = 0;
    uint32_t attempt_id = 0;         // what comes back from another attempt than this is late
    std::optional<size_t> endpoint;  // of the attempt under way
    TimePoint attempt_begun;
    std::vector<bool> tried;
  };
  using CallRef = std::shared_ptr<Call>;
  struct Result {
    std::optional<FailureKind> failure;
    int status = 200;
  };

  void Begin();
  void Wait(const CallRef& call);
  void StopWaiting(const CallRef& call);
  void Admit(const CallRef& call);
  void Attempt(const CallRef& call);
  size_t ChooseEndpoint(const Call& call);
  void Send(const CallRef& call, Endpoint& endpoint);
  void ArriveAfter(Duration delay, const CallRef& call, const Result& result);
  void EndAttempt(const CallRef& call, const Result& result);
  void RetryOrEnd(const CallRef& call, const Result& result);
  void TimeOut(const CallRef& call);
  void End(const CallRef& call, Grade grade);
  void WakeNext();

  Second& Now() { return SecondOf(time_.now()); }
  Second& SecondOf(TimePoint at);
  double Uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  Duration Around(Duration mean);

  VirtualTime& time_;
  const ModelPolicy policy_;
  std::mt19937_64 random_;
  Bottleneck* bottleneck_ = nullptr;

  ConcurrencyLimit limit_;
  CircuitBreaker breaker_;
  RetryBudget budget_;
  EjectionGroup group_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::deque<CallRef> waiting_;

  const TimePoint begin_;
  std::vector<Second> seconds_;
  int begun_ = 0;
  int ended_ = 0;
  int ended_twice_ = 0;
  uint32_t most_attempts_ = 0;
  uint32_t most_in_flight_ = 0;
  uint32_t most_queued_ = 0;
  uint32_t most_ejected_ = 0;
};

}  // namespace naru::resilience
