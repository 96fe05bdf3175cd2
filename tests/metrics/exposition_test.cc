#include "metrics/exposition.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "tests/support/temporary_directory.h"

namespace naru::metrics {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

Registry MakeRegistry() {
  return Registry({{"ok", "server_error", "cancelled"}, {"reset", "503"}, {"budget", "deadline"}},
                  {"video", "video-api"}, 1);
}

// The lines of one family in the text format, its HELP and TYPE included.
std::string FamilyOf(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(name) != std::string::npos) family += line + "\n";
  }
  return family;
}

std::string Text(const Registry& registry, std::string_view squad = "") {
  return Expose(registry, Format::kText, squad);
}

TEST(Exposition, WritesCallsByOutcomeAndCode) {
  Registry registry = MakeRegistry();
  CallSeries* course = registry.Call(0, {"learning", "courses", "course"});
  course->Record({0, 200, milliseconds(3), 10, 2000});
  course->Record({0, 200, milliseconds(3), 10, 2000});
  course->Record({1, 503, milliseconds(3), 10, 20});
  course->Record({2, 0, milliseconds(3), 10, 0});
  EXPECT_EQ(
      FamilyOf(Text(registry), "naru_calls_total"),
      R"(# HELP naru_calls_total Calls by how they ended and the HTTP status the application got (none: it got no answer).
# TYPE naru_calls_total counter
naru_calls_total{caller_squad="video",caller_service="video-api",callee_squad="learning",callee_service="courses",route="course",outcome="ok",code="200"} 2
naru_calls_total{caller_squad="video",caller_service="video-api",callee_squad="learning",callee_service="courses",route="course",outcome="server_error",code="503"} 1
naru_calls_total{caller_squad="video",caller_service="video-api",callee_squad="learning",callee_service="courses",route="course",outcome="cancelled",code="none"} 1
)");
  EXPECT_EQ(FamilyOf(Text(registry), "naru_bytes_total"),
            R"(# HELP naru_bytes_total Body bytes carried, up to the callee and down to the application.
# TYPE naru_bytes_total counter
naru_bytes_total{caller_squad="video",caller_service="video-api",callee_squad="learning",callee_service="courses",route="course",direction="up"} 40
naru_bytes_total{caller_squad="video",caller_service="video-api",callee_squad="learning",callee_service="courses",route="course",direction="down"} 4020
)");
}

TEST(Exposition, WritesHistogramsInBothFormats) {
  Registry registry = MakeRegistry();
  CalleeSeries* courses = registry.Callee(0, "learning", "courses");
  courses->RecordOverhead(microseconds(10));
  courses->RecordOverhead(microseconds(30));
  courses->RecordOverhead(seconds(20));
  EXPECT_EQ(
      FamilyOf(Text(registry), "naru_overhead_seconds"),
      R"(# HELP naru_overhead_seconds Time of a call spent inside naru, waiting for the upstream excluded.
# TYPE naru_overhead_seconds histogram
naru_overhead_seconds_count{callee_service="courses"} 3
naru_overhead_seconds_sum{callee_service="courses"} 20.00004
naru_overhead_seconds_bucket{callee_service="courses",le="1e-05"} 1
naru_overhead_seconds_bucket{callee_service="courses",le="2.5e-05"} 1
naru_overhead_seconds_bucket{callee_service="courses",le="5e-05"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0001"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.00025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0005"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.001"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.005"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.01"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.05"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.1"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.25"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.5"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="1"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="2.5"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="5"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="10"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="+Inf"} 3
)");
  EXPECT_EQ(FamilyOf(Expose(registry, Format::kOpenMetrics), "naru_overhead_seconds"),
            R"(# TYPE naru_overhead_seconds histogram
# HELP naru_overhead_seconds Time of a call spent inside naru, waiting for the upstream excluded.
naru_overhead_seconds_bucket{callee_service="courses",le="1e-05"} 1
naru_overhead_seconds_bucket{callee_service="courses",le="2.5e-05"} 1
naru_overhead_seconds_bucket{callee_service="courses",le="5e-05"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0001"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.00025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0005"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.001"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.0025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.005"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.01"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.025"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.05"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.1"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.25"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="0.5"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="1.0"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="2.5"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="5.0"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="10.0"} 2
naru_overhead_seconds_bucket{callee_service="courses",le="+Inf"} 3
naru_overhead_seconds_count{callee_service="courses"} 3
naru_overhead_seconds_sum{callee_service="courses"} 20.00004
)");
}

TEST(Exposition, StartsRetriesOfACalledServiceAtZero) {
  Registry registry = MakeRegistry();
  CalleeSeries* courses = registry.Callee(0, "learning", "courses");
  EXPECT_EQ(FamilyOf(Text(registry), "naru_retries"), "");
  courses->RecordAttempt(0);
  courses->RecordRetry(1);
  const std::string text = Text(registry);
  EXPECT_EQ(FamilyOf(text, "naru_attempts_total{"),
            "naru_attempts_total{callee_squad=\"learning\",callee_service=\"courses\",outcome=\"ok\"} 1\n");
  EXPECT_EQ(FamilyOf(text, "naru_retries_total{"),
            "naru_retries_total{callee_squad=\"learning\",callee_service=\"courses\",reason=\"reset\"} 0\n"
            "naru_retries_total{callee_squad=\"learning\",callee_service=\"courses\",reason=\"503\"} 1\n");
  EXPECT_EQ(FamilyOf(text, "naru_retries_suppressed_total{"),
            "naru_retries_suppressed_total{callee_squad=\"learning\",callee_service=\"courses\",reason="
            "\"budget\"} 0\n"
            "naru_retries_suppressed_total{callee_squad=\"learning\",callee_service=\"courses\",reason="
            "\"deadline\"} 0\n");
}

TEST(Exposition, HasNothingOfAnIdleServiceButItsRefusals) {
  Registry registry = MakeRegistry();
  registry.Call(0, {"learning", "courses", "course"});
  registry.Callee(0, "learning", "courses");
  EXPECT_EQ(FamilyOf(Text(registry), "courses"),
            "naru_refused_public_total{callee_squad=\"learning\",callee_service=\"courses\"} 0\n");
}

TEST(Exposition, WritesGaugesAsTheyAreRead) {
  Registry registry = MakeRegistry();
  registry.SetGaugeSource([] {
    GaugeReadings readings;
    readings.services.push_back(
        {"learning", "courses", 7, 2, 2, {3, 1, 0}, DiscoveryReading{"dns", milliseconds(1500), 12, 3}});
    readings.services.push_back({"pay", "billing"});
    readings.connections.push_back({"upstream", "http1", 9});
    return readings;
  });
  const std::string text = Text(registry);
  EXPECT_EQ(FamilyOf(text, "callee_service=\"courses\""),
            R"(naru_endpoints{callee_squad="learning",callee_service="courses",state="serving"} 3
naru_endpoints{callee_squad="learning",callee_service="courses",state="ejected"} 1
naru_endpoints{callee_squad="learning",callee_service="courses",state="unhealthy"} 0
naru_breaker_state{callee_squad="learning",callee_service="courses"} 2
naru_in_flight{callee_squad="learning",callee_service="courses"} 7
naru_queued{callee_squad="learning",callee_service="courses"} 2
naru_discovery_updates_total{callee_service="courses",source="dns",result="ok"} 12
naru_discovery_updates_total{callee_service="courses",source="dns",result="failed"} 3
naru_discovery_age_seconds{callee_service="courses",source="dns"} 1.5
)");
  EXPECT_EQ(FamilyOf(text, "naru_breaker_state{callee_squad=\"pay\""), "");
  EXPECT_EQ(FamilyOf(text, "naru_connections{"),
            "naru_connections{side=\"upstream\",protocol=\"http1\"} 9\n");
}

TEST(Exposition, CountsReloadsAndSaysWhatIsRunning) {
  Registry registry({{"ok"}, {}, {}}, {"video", "video-api"}, 1, 1, {"1.2.3", "abc"});
  registry.ConfigReloads(ReloadOutcome::kOk)->Add();
  registry.Call(0, {"learning", "courses", "course"});
  const std::string text = Text(registry);
  EXPECT_EQ(FamilyOf(text, "naru_config_reloads_total{"),
            "naru_config_reloads_total{result=\"ok\"} 1\nnaru_config_reloads_total{result=\"refused\"} 0\n");
  EXPECT_EQ(FamilyOf(text, "naru_build_info{"), "naru_build_info{version=\"1.2.3\",commit=\"abc\"} 1\n");
  EXPECT_NE(text.find("\nnaru_metric_series_dropped_total 1\n"), std::string::npos);
}

TEST(Exposition, EscapesLabelValues) {
  Registry registry({{"ok"}, {}, {}}, {"a\"b\\c\nd", "video-api"}, 1);
  registry.Call(0, {"learning", "courses", "course"})->Record({0, 200, milliseconds(1), 0, 0});
  const std::string expected =
      R"(naru_calls_total{caller_squad="a\"b\\c\nd",caller_service="video-api",callee_squad="learning",)"
      R"(callee_service="courses",route="course",outcome="ok",code="200"} 1)"
      "\n";
  EXPECT_EQ(FamilyOf(Text(registry), "naru_calls_total{"), expected);
  EXPECT_EQ(FamilyOf(Expose(registry, Format::kOpenMetrics), "naru_calls_total{"), expected);
}

TEST(Exposition, NarrowsToTheSquadThatOwnsTheService) {
  Registry registry = MakeRegistry();
  for (const auto& [squad, service] : {std::pair("learning", "courses"), std::pair("pay", "billing")}) {
    registry.Call(0, {squad, service, "other"})->Record({0, 200, milliseconds(1), 0, 0});
    registry.Callee(0, squad, service)->RecordOverhead(microseconds(20));
  }
  const std::string pay = Text(registry, "pay");
  EXPECT_NE(FamilyOf(pay, "billing"), "");
  EXPECT_EQ(FamilyOf(pay, "courses"), "");
  EXPECT_EQ(FamilyOf(pay, "process_"), "");
  EXPECT_EQ(Text(registry, "nobody"), "");
}

TEST(Exposition, GivesTheSquadOfTheCallerEverything) {
  Registry registry = MakeRegistry();
  registry.Call(0, {"learning", "courses", "other"})->Record({0, 200, milliseconds(1), 0, 0});
  EXPECT_NE(FamilyOf(Text(registry, "video"), "courses"), "");
  EXPECT_NE(FamilyOf(Text(registry, "video"), "process_open_fds"), "");
}

TEST(Exposition, KeepsOneOverheadSeriesOfAServiceThatChangedItsSquad) {
  Registry registry = MakeRegistry();
  registry.Callee(0, "learning", "courses")->RecordOverhead(microseconds(20));
  registry.Callee(0, "pay", "courses")->RecordOverhead(microseconds(20));
  EXPECT_EQ(FamilyOf(Text(registry), "naru_overhead_seconds_count"),
            "naru_overhead_seconds_count{callee_service=\"courses\"} 2\n");
}

TEST(Exposition, WritesOpenMetricsCountersWithoutTheirSuffixInTheFamily) {
  Registry registry = MakeRegistry();
  const std::string text = Expose(registry, Format::kOpenMetrics);
  EXPECT_EQ(FamilyOf(text, "naru_config_reloads"),
            R"(# TYPE naru_config_reloads counter
# HELP naru_config_reloads Reloads of the configuration; a refused one leaves the old configuration running.
naru_config_reloads_total{result="ok"} 0
naru_config_reloads_total{result="refused"} 0
)");
  EXPECT_EQ(text.substr(text.size() - 6), "# EOF\n");
}

TEST(ChooseFormat, TakesOpenMetricsWhereItIsPreferred) {
  struct Case {
    std::string_view accept;
    Format format;
  };
  const Case cases[] = {
      {"", Format::kText},
      {"*/*", Format::kText},
      {"text/html,application/xhtml+xml,*/*;q=0.8", Format::kText},
      {"application/openmetrics-text", Format::kOpenMetrics},
      {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       Format::kOpenMetrics},
      {"text/plain;version=0.0.4, application/openmetrics-text; q=0.3", Format::kText},
      {"application/openmetrics-text;q=0", Format::kText},
      {"application/openmetrics-text;q=none", Format::kText},
      {",;q=,", Format::kText},
  };
  for (const Case& c : cases) EXPECT_EQ(ChooseFormat(c.accept), c.format) << c.accept;
}

TEST(Exposition, SatisfiesPromtool) {
  if (access("/usr/bin/promtool", X_OK) != 0)
    GTEST_SKIP() << "promtool (Debian package prometheus) is not installed";
  Registry registry = MakeRegistry();
  registry.Call(0, {"learning", "courses", "course"})->Record({0, 200, milliseconds(3), 10, 20});
  registry.Callee(0, "learning", "courses")->RecordAttempt(0);
  registry.SetGaugeSource([] {
    GaugeReadings readings;
    readings.services.push_back({"learning", "courses", 7, 2, 2, {3, 1, 0}, DiscoveryReading{"dns"}});
    readings.connections.push_back({"upstream", "http1", 9});
    return readings;
  });
  const TemporaryDirectory directory;
  const std::string file = directory.Write("metrics", Text(registry));
  FILE* promtool = popen(("/usr/bin/promtool check metrics < " + file + " 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said;
  char buffer[4096];
  while (const size_t length = fread(buffer, 1, sizeof(buffer), promtool)) said.append(buffer, length);
  EXPECT_EQ(pclose(promtool), 0);
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace naru::metrics
