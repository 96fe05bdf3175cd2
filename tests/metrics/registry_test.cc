#include "metrics/registry.h"

#include <gtest/gtest.h>

namespace naru::metrics {
namespace {

using std::chrono::milliseconds;

constexpr uint8_t kOk = 0;
constexpr uint8_t kTimeout = 1;

class RegistryTest : public testing::Test {
 protected:
  static Registry Make(size_t max_series) {
    return Registry({{"ok", "timeout"}, {"reset"}, {"budget"}}, {"video", "video-api"}, 2, max_series);
  }
  // The label sets with a call in them, as "squad/service/route=calls".
  static std::vector<std::string> CallsOf(const Registry& registry) {
    std::vector<std::string> lines;
    registry.ForEachCall([&lines](const CallLabels& labels, const CallReading& reading) {
      uint64_t calls = 0;
      for (const auto& [key, count] : reading.calls) calls += count;
      if (calls == 0) return;
      lines.push_back(labels.callee_squad + "/" + labels.callee_service + "/" + labels.route + "=" +
                      std::to_string(calls));
    });
    return lines;
  }
  static void Call(Registry& registry, const CallLabels& labels, int worker = 0) {
    registry.Call(worker, labels)->Record({kOk, 200, milliseconds(1), 0, 0});
  }
};

TEST_F(RegistryTest, GivesTheSameCellsForTheSameLabels) {
  Registry registry = Make(100);
  CallSeries* cells = registry.Call(0, {"learning", "courses", "course"});
  EXPECT_NE(registry.Call(1, {"learning", "courses", "course"}), cells);
  EXPECT_NE(registry.Call(0, {"learning", "courses", "other"}), cells);
  for (int i = 0; i < 50; ++i) registry.Call(0, {"learning", "courses", "r" + std::to_string(i)});
  EXPECT_EQ(registry.Call(0, {"learning", "courses", "course"}), cells);
  EXPECT_EQ(registry.Callee(1, "learning", "courses"), registry.Callee(1, "learning", "courses"));
  EXPECT_NE(registry.Callee(1, "learning", "courses"), registry.Callee(0, "learning", "courses"));
}

TEST_F(RegistryTest, AddsTheWorkersUp) {
  Registry registry = Make(100);
  Call(registry, {"learning", "courses", "course"}, 0);
  Call(registry, {"learning", "courses", "course"}, 1);
  EXPECT_EQ(CallsOf(registry), (std::vector<std::string>{"learning/courses/course=2"}));
}

TEST_F(RegistryTest, CountsARouteBeyondTheCeilingAsOtherOfItsService) {
  Registry registry = Make(2);  // "other" and "a"
  Call(registry, {"learning", "courses", "a"});
  Call(registry, {"learning", "courses", "b"});
  Call(registry, {"learning", "courses", "c"});
  EXPECT_EQ(CallsOf(registry),
            (std::vector<std::string>{"learning/courses/a=1", "learning/courses/other=2"}));
  EXPECT_EQ(registry.series_dropped(), 2u);
}

TEST_F(RegistryTest, CountsAServiceBeyondTheCeilingAsOverflow) {
  Registry registry = Make(2);
  Call(registry, {"learning", "courses", "a"});
  Call(registry, {"pay", "billing", "charge"});
  Call(registry, {"pay", "billing", "other"});
  EXPECT_EQ(CallsOf(registry),
            (std::vector<std::string>{"learning/courses/a=1", "overflow/overflow/overflow=2"}));
}

TEST_F(RegistryTest, SaysADroppedLabelSetOnceHoweverOftenItIsAskedFor) {
  Registry registry = Make(1);
  registry.Call(0, {"learning", "courses", "a"});
  CallSeries* shared = registry.Call(1, {"learning", "courses", "a"});
  EXPECT_EQ(registry.Call(1, {"learning", "courses", "a"}), shared);
  EXPECT_EQ(registry.series_dropped(), 1u);
}

TEST_F(RegistryTest, SharesTheOverflowOfServicesBeyondTheCeiling) {
  Registry registry = Make(1);
  CalleeSeries* own = registry.Callee(0, "learning", "courses");
  CalleeSeries* shared = registry.Callee(0, "pay", "billing");
  EXPECT_NE(shared, own);
  EXPECT_EQ(registry.Callee(0, "pay", "invoices"), shared);
  EXPECT_EQ(registry.Callee(0, "learning", "courses"), own);
}

TEST_F(RegistryTest, TellsTheTrafficOfEachServiceThatWasCalled) {
  Registry registry = Make(100);
  registry.Call(0, {"pay", "billing", "other"});
  Call(registry, {"learning", "courses", "a"});
  registry.Call(1, {"learning", "courses", "b"})->Record({kTimeout, 504, milliseconds(3), 0, 0});
  const std::vector<ServiceTraffic> traffic = registry.Traffic();
  ASSERT_EQ(traffic.size(), 1u);
  EXPECT_EQ(traffic[0].squad, "learning");
  EXPECT_EQ(traffic[0].service, "courses");
  EXPECT_EQ(traffic[0].calls_by_outcome, (std::vector<uint64_t>{1, 1}));
  EXPECT_EQ(traffic[0].durations.sum_ns, 4000000u);
}

}  // namespace
}  // namespace naru::metrics
