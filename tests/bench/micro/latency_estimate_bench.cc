// What the estimate of an endpoint costs: once an answer, and once a candidate of a choice.
#include <benchmark/benchmark.h>

#include "resilience/latency_estimate.h"

namespace naru::resilience {
namespace {

const TimePoint kBegin{std::chrono::seconds(1000)};

void LatencyEstimateRecord(benchmark::State& state) {
  LatencyEstimate estimate;
  TimePoint now = kBegin;
  int64_t i = 0;
  for (auto _ : state)
    estimate.RecordLatency(std::chrono::microseconds(500 + ++i % 100), now += Duration(100'000));
}
BENCHMARK(LatencyEstimateRecord);

void LatencyEstimateLoad(benchmark::State& state) {
  LatencyEstimate estimate;
  estimate.RecordLatency(std::chrono::milliseconds(5), kBegin);
  TimePoint now = kBegin;
  for (auto _ : state) benchmark::DoNotOptimize(estimate.Load(now += Duration(100)));
}
BENCHMARK(LatencyEstimateLoad);

void LatencyEstimateLoadUnderPenalty(benchmark::State& state) {
  LatencyEstimate estimate;
  estimate.RecordLatency(std::chrono::milliseconds(5), kBegin);
  estimate.RecordFailure(Duration::zero(), kBegin);
  TimePoint now = kBegin;
  for (auto _ : state) benchmark::DoNotOptimize(estimate.Load(now += Duration(100)));
}
BENCHMARK(LatencyEstimateLoadUnderPenalty);

}  // namespace
}  // namespace naru::resilience
