#include "metrics/catalogue.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "metrics/collector.h"
#include "metrics/reference.h"

namespace naru::metrics {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

TEST(Catalogue, NamesFollowTheConventions) {
  std::set<std::string_view> names;
  for (int i = 0; i < kMetrics; ++i) {
    const MetricInfo& info = InfoOf(static_cast<Metric>(i));
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " stands twice";
    EXPECT_TRUE(info.name.rfind("naru_", 0) == 0 || info.name.rfind("process_", 0) == 0) << info.name;
    EXPECT_EQ(EndsWith(info.name, "_total"), info.type == MetricType::kCounter) << info.name;
    EXPECT_TRUE(EndsWith(info.help, ".")) << info.name;
  }
}

// A registry in which everything happened once.
std::vector<prometheus::MetricFamily> Everything() {
  Registry registry({{"ok"}, {"reset"}, {"budget"}}, {"video", "video-api"}, 1);
  registry.Call(0, {"learning", "courses", "course"})->Record({0, 200, std::chrono::milliseconds(1), 1, 1});
  CalleeSeries* callee = registry.Callee(0, "learning", "courses");
  callee->RecordAttempt(0);
  callee->RecordOverhead(std::chrono::microseconds(30));
  registry.SetGaugeSource([] {
    GaugeReadings readings;
    readings.services.push_back({"learning", "courses", 1, 2, 0, {3, 4, 5}, DiscoveryReading{"static"}});
    readings.connections.push_back({"downstream", "http1", 6});
    readings.abuse.push_back({"ping", 7});
    return readings;
  });
  return Collector(registry).Collect();
}

TEST(Catalogue, IsExportedWholeAndInOrder) {
  const std::vector<prometheus::MetricFamily> families = Everything();
  ASSERT_EQ(families.size(), static_cast<size_t>(kMetrics));
  for (int i = 0; i < kMetrics; ++i) {
    const MetricInfo& info = InfoOf(static_cast<Metric>(i));
    EXPECT_EQ(families[i].name, info.name);
    EXPECT_EQ(families[i].help, info.help);
    for (const prometheus::ClientMetric& metric : families[i].metric) {
      std::vector<std::string_view> labels;
      for (const prometheus::ClientMetric::Label& label : metric.label) labels.push_back(label.name);
      EXPECT_EQ(labels, std::vector<std::string_view>(info.labels.begin(), info.labels.end())) << info.name;
    }
  }
}

TEST(Catalogue, IsTheReferencePage) {
  std::ifstream file(NARU_METRICS_REFERENCE);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(page, MetricsReference())
      << "docs/reference/metrics.md is stale: build naru_metrics_reference and write "
         "its output there";
}

}  // namespace
}  // namespace naru::metrics
