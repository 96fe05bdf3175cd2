// The choice of an endpoint out of 2, 8 and 50: alone, and with the estimates that p2c compares.
#include <benchmark/benchmark.h>

#include <deque>
#include <random>
#include <vector>

#include "resilience/balancer.h"
#include "resilience/latency_estimate.h"

namespace naru::resilience {
namespace {

void Choose(benchmark::State& state, BalanceKind kind) {
  const std::vector<Candidate> candidates(state.range(0));
  std::mt19937_64 random(1);
  uint32_t position = 0;
  for (auto _ : state) benchmark::DoNotOptimize(resilience::Choose(kind, candidates, random(), position++));
}
BENCHMARK_CAPTURE(Choose, p2c, BalanceKind::kP2c)->Arg(2)->Arg(8)->Arg(50);
BENCHMARK_CAPTURE(Choose, round_robin, BalanceKind::kRoundRobin)->Arg(2)->Arg(8)->Arg(50);

void ChooseByEstimates(benchmark::State& state) {
  std::deque<LatencyEstimate> estimates(state.range(0));
  const TimePoint now{std::chrono::seconds(1000)};
  for (LatencyEstimate& estimate : estimates) estimate.RecordLatency(std::chrono::milliseconds(5), now);
  std::vector<Candidate> candidates(estimates.size());
  std::mt19937_64 random(1);
  for (auto _ : state) {
    for (size_t i = 0; i < estimates.size(); ++i) {
      candidates[i].load = estimates[i].Load(now + std::chrono::milliseconds(i));
    }
    benchmark::DoNotOptimize(resilience::Choose(BalanceKind::kP2c, candidates, random(), 0));
  }
}
BENCHMARK(ChooseByEstimates)->Arg(2)->Arg(8)->Arg(50);

}  // namespace
}  // namespace naru::resilience
