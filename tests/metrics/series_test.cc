#include "metrics/series.h"

#include <gtest/gtest.h>

#include <thread>

namespace naru::metrics {
namespace {

using std::chrono::milliseconds;

using Codes = std::map<std::pair<int, int>, uint64_t>;  // by outcome and code

Codes AllOf(const CodeCounts& counts) {
  Codes all;
  counts.ForEach([&all](uint8_t outcome, int code, uint64_t count) { all[{outcome, code}] = count; });
  return all;
}

TEST(CodeCounts, CountsByOutcomeAndCode) {
  CodeCounts counts;
  counts.Count(0, 200);
  counts.Count(0, 200);
  counts.Count(0, 204);
  counts.Count(3, 0);
  counts.Count(2, 200);
  EXPECT_EQ(AllOf(counts), (Codes{{{0, 200}, 2}, {{0, 204}, 1}, {{3, 0}, 1}, {{2, 200}, 1}}));
}

TEST(CodeCounts, CountsCodesBeyondItsTableAsOther) {
  CodeCounts counts;
  for (int code = 100; code < 100 + static_cast<int>(CodeCounts::kMaxCodes); ++code) counts.Count(0, code);
  EXPECT_EQ(AllOf(counts).size(), CodeCounts::kMaxCodes);
  counts.Count(0, 900);
  counts.Count(0, 901);
  counts.Count(1, 900);
  counts.Count(0, 100);
  const Codes all = AllOf(counts);
  EXPECT_EQ(all.size(), CodeCounts::kMaxCodes + 2);
  EXPECT_EQ(all.at({0, CodeCounts::kOther}), 2u);
  EXPECT_EQ(all.at({1, CodeCounts::kOther}), 1u);
  EXPECT_EQ(all.at({0, 100}), 2u);
}

TEST(CodeCounts, HoldsOtherForEveryOutcome) {
  CodeCounts counts;
  for (int code = 0; code < 1000; ++code) {
    for (uint8_t outcome = 0; outcome < kMaxOutcomes; ++outcome) counts.Count(outcome, code);
  }
  uint64_t total = 0;
  for (const auto& [key, count] : AllOf(counts)) total += count;
  EXPECT_EQ(total, 1000u * kMaxOutcomes);
  EXPECT_LE(AllOf(counts).size(), CodeCounts::kMaxCodes + kMaxOutcomes);
}

TEST(CodeCounts, TellsCodesOfGrpcFromStatuses) {
  CodeCounts counts;
  counts.Count(0, 14);
  counts.Count(0, CodeCounts::OfGrpc(14));
  EXPECT_EQ(AllOf(counts), (Codes{{{0, 14}, 1}, {{0, 1014}, 1}}));
}

TEST(CodeCounts, CountsWhatIsNoStatusAsOther) {
  CodeCounts counts;
  counts.Count(0, -1);
  counts.Count(0, CodeCounts::OfGrpc(CodeCounts::kMaxGrpc));
  EXPECT_EQ(AllOf(counts), (Codes{{{0, CodeCounts::kOther}, 2}}));
}

TEST(CallSeries, ReadsEmptyBeforeItsFirstCall) {
  CallSeries series;
  CallReading reading;
  series.AddTo(reading);
  EXPECT_TRUE(reading.durations.empty());
  EXPECT_TRUE(reading.calls.empty());
  EXPECT_FALSE(reading.bytes_up_down.has_value());
}

TEST(CallSeries, CostsAPointerWhileIdle) {
  EXPECT_EQ(sizeof(CallSeries), sizeof(void*));
}

TEST(CallSeries, AddsUpOverWorkers) {
  CallSeries one;
  CallSeries two;
  one.Record({0, 200, milliseconds(3), 10, 100});
  two.Record({0, 200, milliseconds(7), 20, 200});
  two.Record({4, 504, milliseconds(5), 1, 2});
  CallReading reading;
  one.AddTo(reading);
  two.AddTo(reading);
  EXPECT_EQ(reading.calls, (std::map<std::pair<uint8_t, int>, uint64_t>{{{0, 200}, 2}, {{4, 504}, 1}}));
  EXPECT_EQ(reading.durations.size(), 2u);
  EXPECT_EQ(reading.durations[0].sum_ns, 10000000u);
  EXPECT_EQ(reading.durations[4].Total(), 1u);
  EXPECT_EQ(reading.bytes_up_down, (std::pair<uint64_t, uint64_t>{31, 302}));
}

TEST(CalleeSeries, CountsWhatIsRecorded) {
  CalleeSeries series;
  CalleeReading reading;
  series.AddTo(reading);
  EXPECT_FALSE(reading.used);
  series.RecordAttempt(1);
  series.RecordRetry(2);
  series.RecordSuppressedRetry(3);
  series.RecordOverhead(milliseconds(1));
  series.RecordRefusedPublic();
  series.AddTo(reading);
  EXPECT_TRUE(reading.used);
  EXPECT_EQ(reading.attempts[1], 1u);
  EXPECT_EQ(reading.retries[2], 1u);
  EXPECT_EQ(reading.suppressed_retries[3], 1u);
  EXPECT_EQ(reading.overhead.Total(), 1u);
  EXPECT_EQ(reading.refused_public, 1u);
}

// Meant for ThreadSanitizer, and sound without it: the reader never sees more than was written.
TEST(CallSeries, IsReadWhileItsWorkerRecords) {
  constexpr uint64_t kCalls = 20000;
  CallSeries series;
  std::thread worker([&series] {
    for (uint64_t i = 0; i < kCalls; ++i) {
      series.Record({static_cast<uint8_t>(i % 15), static_cast<int>(200 + i % 100), milliseconds(1), 1, 2});
    }
  });
  uint64_t seen = 0;
  while (seen < kCalls) {
    CallReading reading;
    series.AddTo(reading);
    uint64_t calls = 0;
    for (const auto& [key, count] : reading.calls) calls += count;
    ASSERT_GE(calls, seen);
    ASSERT_LE(calls, kCalls);
    seen = calls;
  }
  worker.join();
}

}  // namespace
}  // namespace naru::metrics
