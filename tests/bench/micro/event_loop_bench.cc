// What a call costs besides its work: timers and coroutines.
#include <benchmark/benchmark.h>

#include <deque>

#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/task.h"
#include "sidecar/net/timer_wheel.h"

namespace naru::net {
namespace {

constexpr TimePoint kBegin{std::chrono::seconds(1000)};

void Ignore(void*) {}

// The deadline of a call that ends in time, while so many others wait for theirs.
void ArmAndDisarmATimer(benchmark::State& state) {
  TimerWheel wheel(kBegin);
  std::deque<Timer> others;
  for (int i = 0; i < state.range(0); ++i) {
    others.emplace_back(&Ignore, nullptr);
    wheel.Arm(others.back(), kBegin + std::chrono::milliseconds(i % 5000));
  }
  Timer timer(&Ignore, nullptr);
  for (auto _ : state) {
    wheel.Arm(timer, kBegin + std::chrono::seconds(5));
    timer.Disarm();
  }
}
BENCHMARK(ArmAndDisarmATimer)->Arg(0)->Arg(10'000);

void ArmAndFireATimer(benchmark::State& state) {
  TimerWheel wheel(kBegin);
  TimePoint now = kBegin;
  Timer timer(&Ignore, nullptr);
  for (auto _ : state) {
    wheel.Arm(timer, now + std::chrono::milliseconds(200));
    now += std::chrono::milliseconds(201);
    wheel.Advance(now);
  }
}
BENCHMARK(ArmAndFireATimer);

void UntilTheNextTimer(benchmark::State& state) {
  TimerWheel wheel(kBegin);
  Timer timer(&Ignore, nullptr);
  wheel.Arm(timer, kBegin + std::chrono::minutes(5));
  for (auto _ : state) benchmark::DoNotOptimize(wheel.UntilNext(kBegin));
}
BENCHMARK(UntilTheNextTimer);

Task<int> Innermost(int value) {
  co_return value;
}
Task<int> Nested(int depth) {
  if (depth == 0) co_return co_await Innermost(1);
  const int below = co_await Nested(depth - 1);
  co_return below + 1;
}
Task<void> Root(int depth, int& result) {
  result = co_await Nested(depth);
}

// As many coroutines as a call passes through.
void AwaitNestedTasks(benchmark::State& state) {
  int result = 0;
  for (auto _ : state) {
    Spawn(Root(static_cast<int>(state.range(0)), result));
    benchmark::DoNotOptimize(result);
  }
}
BENCHMARK(AwaitNestedTasks)->Arg(1)->Arg(8);

void LendABuffer(benchmark::State& state) {
  BufferPool pool;
  for (auto _ : state) {
    const Buffer buffer = pool.Small();
    benchmark::DoNotOptimize(buffer.data());
  }
}
BENCHMARK(LendABuffer);

}  // namespace
}  // namespace naru::net
