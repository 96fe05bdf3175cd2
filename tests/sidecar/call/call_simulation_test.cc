// Thousands of calls through every layer in virtual time, over an upstream that does at random whatever an
// upstream can do, for applications that do whatever they can. What must hold whatever happens is checked;
// the seed is printed, so that a failure can be seen again.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fake_body.h"
#include "tests/support/layered_calls.h"
#include "tests/support/sleep.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80]
    timeout: 1s
    try_timeout: 300ms
    retry: {attempts: 3, budget: {ratio: 20%, floor: 1/s, window: 10s}}
    limits: {concurrent: 12, queue: 6, queue_timeout: 100ms}
    breaker: {open_for: 500ms}
)";
constexpr uint32_t kConcurrent = 12;
constexpr uint32_t kQueue = 6;
constexpr size_t kMostAttempts = 3 + 1;  // one more may be free
constexpr auto kTimeout = seconds(1);
constexpr auto kDuration = seconds(30);
constexpr auto kSlack = milliseconds(5);  // ticks of the wheel that add up

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : dice_(seed) {
    calls_.random.seed(seed);
    calls_.upstream.ReadsBodies();
    calls_.upstream.Improvise([this] { UpstreamDoesSomething(); });
  }

  void Run() {
    net::Spawn(Applications());
    calls_.scheduler.Advance(kDuration + seconds(10));
  }

  void CheckTheEnd() {
    EXPECT_GT(started_, 1000u);
    EXPECT_EQ(finished_, started_);
    const Guards& guards = calls_.world.plan().guards;
    EXPECT_EQ(guards.limit->in_flight(), 0u);
    EXPECT_EQ(guards.limit->queued(), 0u);
    EXPECT_EQ(calls_.upstream.open(), 0);
    for (const auto& endpoint : calls_.world.callee().endpoints)
      EXPECT_EQ(endpoint->estimate.in_flight(), 0u);
    CheckTheBudget();
    CheckTheCounts();
  }

  const std::set<std::string>& outcomes() const { return outcomes_; }

 private:
  uint64_t Roll(uint64_t below) { return std::uniform_int_distribution<uint64_t>(0, below - 1)(dice_); }
  bool Chance(int percent) { return Roll(100) < static_cast<uint64_t>(percent); }

  // Ten seconds of health, ten in which nearly everything fails, ten of slowness.
  void UpstreamDoesSomething() {
    CheckWhileItRuns();
    const auto phase = (calls_.scheduler.now() - began_) / seconds(10);
    const milliseconds after(phase == 2 ? Roll(400) : Roll(40));
    const bool fails = Chance(phase == 1 ? 90 : 10);
    if (!fails) return calls_.upstream.Answers(Chance(5) ? 404 : 200, "", after);
    static constexpr FailureKind kKinds[] = {FailureKind::kConnectRefused, FailureKind::kConnectTimeout,
                                             FailureKind::kUnsentReset,    FailureKind::kReusedReset,
                                             FailureKind::kReset,          FailureKind::kBadResponse,
                                             FailureKind::kTryTimeout};
    const uint64_t way = Roll(11);
    if (way < 7) return calls_.upstream.Fails(kKinds[way], "", after);
    if (way == 7) return calls_.upstream.StaysSilent();
    if (way == 8) return calls_.upstream.Answers(503, "retry-after: 1\r\n", after);
    if (way == 9) return calls_.upstream.Answers(200, "content-type: text/event-stream\r\n", after);
    calls_.upstream.Answers(500, "", after);
  }

  net::Task<void> Applications() {
    while (calls_.scheduler.now() - began_ < kDuration) {
      ::naru::Sleep pause(calls_.scheduler, milliseconds(Roll(20)));
      co_await pause;
      net::Spawn(OneCall());
    }
  }

  std::string SomeRequest(bool body) {
    if (Chance(1)) return "GET / HTTP/1.1\r\nhost: coarses\r\n\r\n";
    std::string text = std::string(body         ? "PUT"
                                   : Chance(30) ? "POST"
                                                : "GET") +
                       " /v1 HTTP/1.1\r\nhost: courses\r\n";
    if (body) text += "content-length: 10\r\n";
    if (Chance(10)) text += "x-naru-deadline-ms: " + std::to_string(Roll(500)) + "\r\n";
    if (Chance(5)) text += "x-naru-attempt: 2\r\n";
    if (Chance(5)) text += "idempotency-key: 7\r\n";
    return text + "\r\n";
  }

  static void OnGone(void* call) {
    static_cast<CarriedCall*>(call)->call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  }

  net::Task<void> OneCall() {
    ++started_;
    FakeBody body(calls_.scheduler);
    const bool has_body = Chance(20);
    body.Arrive("0123456789", true);
    CarriedCall carried(calls_.world, calls_.scheduler, SomeRequest(has_body), has_body ? &body : nullptr);
    net::Timer gone(&Simulation::OnGone, &carried);
    if (Chance(10)) calls_.scheduler.timers().Arm(gone, calls_.scheduler.now() + milliseconds(Roll(300)));
    co_await carried.Run(calls_.layers);
    CheckTheAnswer(carried);
    Ending ending = carried.ending();
    if (carried.result().ok()) {
      ::naru::Sleep reading(calls_.scheduler, milliseconds(Roll(50)));
      co_await reading;
      if (Chance(2)) ending.outcome = Outcome::kTruncated;
    }
    calls_.Finish(carried, ending);
    ++finished_;
    free_retries_ += carried.call.had_free_retry;
    outcomes_.insert(std::string(resilience::WordOf(ending.outcome)));
  }

  void CheckWhileItRuns() const {
    const resilience::ConcurrencyLimit& limit = *calls_.world.plan().guards.limit;
    EXPECT_LE(limit.in_flight(), kConcurrent);
    EXPECT_LE(limit.queued(), kQueue);
  }

  void CheckTheAnswer(const CarriedCall& carried) const {
    const Call& call = carried.call;
    EXPECT_LE(calls_.scheduler.now() - call.started, kTimeout + kSlack) << carried.said();
    if (call.caller_deadline) {
      EXPECT_LE(calls_.scheduler.now(), *call.caller_deadline + kSlack);
    }
    EXPECT_LE(call.attempts.size(), kMostAttempts);
    EXPECT_LE(call.counted_attempts, 3u);
    const size_t reached = std::min<size_t>(call.attempts.size(), 3);
    std::set<size_t> endpoints;
    for (size_t i = 0; i < reached; ++i) endpoints.insert(call.attempts[i].endpoint_index);
    // Another endpoint every time, unless those left are set aside: never the same one twice in a row at
    // first.
    if (reached > 1) {
      EXPECT_GT(endpoints.size(), 1u);
    }
  }

  // In any window: retries <= floor * window + ratio * successes. Summed over all windows that is:
  void CheckTheBudget() {
    uint64_t retries = 0;
    uint64_t attempts_that_succeeded = 0;
    calls_.world.registry().ForEachCallee(
        [&](const std::string&, const std::string&, const metrics::CalleeReading& reading) {
          for (const uint64_t count : reading.retries) retries += count;
          attempts_that_succeeded += reading.attempts[static_cast<size_t>(Outcome::kOk)];
          attempts_that_succeeded += reading.attempts[static_cast<size_t>(Outcome::kClientError)];
        });
    const double windows = 1 + std::chrono::duration<double>(kDuration).count() / 10;
    EXPECT_GT(retries, 0u);
    EXPECT_LE(static_cast<double>(retries - free_retries_),
              10 * windows + 0.2 * static_cast<double>(attempts_that_succeeded));
  }

  // Every call is counted once.
  void CheckTheCounts() {
    uint64_t counted = 0;
    calls_.world.registry().ForEachCall([&](const metrics::CallLabels&, const metrics::CallReading& reading) {
      for (const auto& [outcome_and_code, count] : reading.calls) counted += count;
    });
    EXPECT_EQ(counted, started_);
  }

  std::mt19937_64 dice_;
  LayeredCalls calls_{kYaml};
  const TimePoint began_ = calls_.scheduler.now();
  uint64_t started_ = 0;
  uint64_t finished_ = 0;
  uint64_t free_retries_ = 0;
  std::set<std::string> outcomes_;
};

TEST(CallSimulation, EveryCallEndsOnceAndLeavesNothingBehind) {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    Simulation simulation(seed);
    simulation.Run();
    simulation.CheckTheEnd();
    seen.insert(simulation.outcomes().begin(), simulation.outcomes().end());
    if (HasFailure()) break;
  }
  // All of it has happened, so all of it was checked.
  EXPECT_EQ(seen, (std::set<std::string>{"bad_response", "breaker_open", "cancelled", "client_error",
                                         "connect_error", "limit", "ok", "reset", "server_error", "timeout",
                                         "truncated", "unknown_service"}));
}

}  // namespace
}  // namespace naru::call
