// The guards that every call passes: breaker, limit and budget; alone and with several threads at once.
#include <benchmark/benchmark.h>

#include "resilience/circuit_breaker.h"
#include "resilience/concurrency_limit.h"
#include "resilience/ejection.h"
#include "resilience/retry_budget.h"

namespace naru::resilience {
namespace {

// Calls at 10,000 a second, so that buckets turn over as they do in use.
constexpr Duration kBetweenCalls = std::chrono::microseconds(100);
const TimePoint kBegin{std::chrono::seconds(1000)};

void BreakerAdmitAndRecord(benchmark::State& state) {
  static CircuitBreaker breaker{BreakerPolicy{}};
  TimePoint now = kBegin;
  for (auto _ : state) {
    now += kBetweenCalls;
    benchmark::DoNotOptimize(breaker.Record(breaker.Admit(now), Grade::kSuccess, now, now));
  }
}
BENCHMARK(BreakerAdmitAndRecord)->Threads(1)->Threads(2);

void BreakerRecordOfAFailure(benchmark::State& state) {
  BreakerPolicy policy;
  policy.min_calls = 1 << 30;  // judges every failure and never opens
  CircuitBreaker breaker{policy};
  TimePoint now = kBegin;
  for (auto _ : state) {
    now += kBetweenCalls;
    benchmark::DoNotOptimize(breaker.Record(breaker.Admit(now), Grade::kFailure, now, now));
  }
}
BENCHMARK(BreakerRecordOfAFailure);

void LimitAcquireAndRelease(benchmark::State& state) {
  static ConcurrencyLimit limit;
  const LimitPolicy policy;
  for (auto _ : state) {
    if (limit.TryAcquire(policy)) limit.Release();
  }
}
BENCHMARK(LimitAcquireAndRelease)->Threads(1)->Threads(2);

void BudgetEarn(benchmark::State& state) {
  RetryBudget budget{RetryBudgetPolicy{}};
  TimePoint now = kBegin;
  for (auto _ : state) budget.Earn(now += kBetweenCalls);
}
BENCHMARK(BudgetEarn);

void BudgetSpend(benchmark::State& state) {
  RetryBudget budget{RetryBudgetPolicy{}};
  TimePoint now = kBegin;
  for (auto _ : state) benchmark::DoNotOptimize(budget.Spend(now += kBetweenCalls));
}
BENCHMARK(BudgetSpend);

void EjectionRecordOfASuccess(benchmark::State& state) {
  EjectionGroup group;
  EndpointHealth health{EjectionPolicy{}, group};
  TimePoint now = kBegin;
  for (auto _ : state) {
    now += kBetweenCalls;
    benchmark::DoNotOptimize(health.Serving(now));
    benchmark::DoNotOptimize(health.Record(Grade::kSuccess, 8, now, 0.5));
  }
}
BENCHMARK(EjectionRecordOfASuccess);

}  // namespace
}  // namespace naru::resilience
