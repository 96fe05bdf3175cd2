// The match of a call against the routes of its service, which are tried in order.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "sidecar/config/route_pattern.h"

namespace naru::config {
namespace {

void RoutePatternMatch(benchmark::State& state, const char* pattern_text) {
  const RoutePattern pattern = *RoutePattern::Parse(pattern_text);
  for (auto _ : state) benchmark::DoNotOptimize(pattern.Matches("GET", "/v1/courses/42/enrolments"));
}
BENCHMARK_CAPTURE(RoutePatternMatch, matches, "GET /v1/courses/{id}/enrolments");
BENCHMARK_CAPTURE(RoutePatternMatch, other_method, "POST /v1/courses/{id}/enrolments");
BENCHMARK_CAPTURE(RoutePatternMatch, rest, "/v1/**");

// A service with twenty routes of which none matches.
void RoutePatternNoneOfTwenty(benchmark::State& state) {
  std::vector<RoutePattern> patterns;
  for (int i = 0; i < 20; ++i) {
    patterns.push_back(*RoutePattern::Parse("GET /v1/courses/{id}/part" + std::to_string(i)));
  }
  for (auto _ : state) {
    bool matched = false;
    for (const RoutePattern& pattern : patterns)
      matched |= pattern.Matches("GET", "/v1/courses/42/enrolments");
    benchmark::DoNotOptimize(matched);
  }
}
BENCHMARK(RoutePatternNoneOfTwenty);

}  // namespace
}  // namespace naru::config
