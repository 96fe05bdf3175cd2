#include "metrics/reference.h"

#include <sstream>

#include "metrics/catalogue.h"
#include "metrics/cells.h"

namespace naru::metrics {
namespace {

constexpr std::string_view kHead = R"(# Metrics

What `GET /metrics` on the admin port says. This page is written by `naru_metrics_reference` from
`metrics/catalogue.cc`; change that, not this.

`GET /metrics?squad=NAME` keeps what that squad calls or owns: the caller's squad gets everything, another squad the
series of its services. OpenMetrics is served to a scraper whose `Accept` header asks for it.

Label values come from the configuration or a closed list, never from a request. At most 20,000 sets of call labels
get series of their own; beyond that a route is counted under `route="other"` of its service, then under `overflow`,
and `naru_metric_series_dropped_total` says how many were. A series appears when something is first counted in it;
the reasons of a service's retries all appear, at 0, with its first attempt.

| name | type | labels | |
|---|---|---|---|
)";

std::string Row(const MetricInfo& info) {
  std::ostringstream row;
  row << "| `" << info.name << "` | " << WordOf(info.type) << " | ";
  for (const std::string_view label : info.labels) {
    row << (label == info.labels.front() ? "`" : ", `") << label << "`";
  }
  row << " | " << info.help << " |\n";
  return row.str();
}

std::string BoundsLine(std::string_view name, Bounds bounds) {
  std::ostringstream line;
  line << "- `" << name << "`: ";
  for (const std::chrono::nanoseconds bound : bounds) {
    line << (bound == bounds.front() ? "" : ", ") << static_cast<double>(bound.count()) / 1e9;
  }
  line << "\n";
  return line.str();
}

}  // namespace

std::string MetricsReference() {
  std::string page(kHead);
  for (int i = 0; i < kMetrics; ++i) page += Row(InfoOf(static_cast<Metric>(i)));
  page += "\nUpper bounds of the histograms' buckets, in seconds:\n\n";
  page += BoundsLine(InfoOf(Metric::kCallDuration).name, kCallBounds);
  page += BoundsLine(InfoOf(Metric::kOverhead).name, kOverheadBounds);
  return page;
}

}  // namespace naru::metrics
