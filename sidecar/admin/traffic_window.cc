#include "sidecar/admin/traffic_window.h"

namespace naru::admin {
namespace {

// Neither an answer that worked, nor the application's own mistake or change of mind.
bool IsFailure(const std::string& outcome) {
  return outcome != "ok" && outcome != "client_error" && outcome != "cancelled";
}

}  // namespace

TrafficWindow::TrafficWindow(std::vector<std::string> outcomes, TimePoint start)
    : older_{start, {}}, newer_{start, {}} {
  for (const std::string& outcome : outcomes) is_failure_.push_back(IsFailure(outcome));
}

TrafficReport TrafficWindow::Look(const std::vector<metrics::ServiceTraffic>& totals, TimePoint now) {
  Sample sample = Take(totals, now);
  if (now - newer_.at >= kSpan) older_ = std::exchange(newer_, sample);

  TrafficReport report{now - older_.at, {}, {}};
  for (const metrics::ServiceTraffic& service : totals) {
    report.bytes[{service.squad, service.service}] = service.bytes;
  }
  const double seconds = std::chrono::duration<double>(report.span).count();
  for (auto& [key, since] : sample.services) {
    if (const auto before = older_.services.find(key); before != older_.services.end()) {
      since.calls -= before->second.calls;
      since.failures -= before->second.failures;
      since.durations.Subtract(before->second.durations);
    }
    if (since.calls == 0 || seconds <= 0) continue;
    const double calls = static_cast<double>(since.calls);
    report.services[key] = {calls / seconds, static_cast<double>(since.failures) / calls,
                            since.durations.Quantile(0.5), since.durations.Quantile(0.99)};
  }
  return report;
}

TrafficWindow::Sample TrafficWindow::Take(const std::vector<metrics::ServiceTraffic>& totals,
                                          TimePoint now) const {
  Sample sample{now, {}};
  for (const metrics::ServiceTraffic& traffic : totals) {
    Totals& service = sample.services[{traffic.squad, traffic.service}];
    service.durations = traffic.durations;
    for (size_t i = 0; i < traffic.calls_by_outcome.size(); ++i) {
      service.calls += traffic.calls_by_outcome[i];
      if (is_failure_[i]) service.failures += traffic.calls_by_outcome[i];
    }
  }
  return sample;
}

}  // namespace naru::admin
