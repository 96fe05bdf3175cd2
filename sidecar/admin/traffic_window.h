// Turns the counters of services, which only ever grow, into what happened lately: calls per second,
// failures, quantiles.
//
// Compares with a sample that an earlier look left, at least kSpan old, so that looking costs nothing between
// two looks. The first look tells of everything since the start. Reads no clock; one thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "metrics/registry.h"

namespace naru::admin {

// What happened to the calls of one service within the window.
struct RecentTraffic {
  double calls_per_second = 0;
  double failed_share = 0;  // 0..1
  std::chrono::nanoseconds p50{0};
  std::chrono::nanoseconds p99{0};

  bool operator==(const RecentTraffic&) const = default;
};

using ServiceKey = std::pair<std::string, std::string>;  // squad, service

struct TrafficReport {
  std::chrono::steady_clock::duration span{0};
  std::map<ServiceKey, RecentTraffic> services;  // those that were called
  std::map<ServiceKey, uint64_t> bytes;          // of their bodies, both ways, since the process started
};

class TrafficWindow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kSpan{10};

  // `outcomes` are the words of ServiceTraffic::calls_by_outcome.
  TrafficWindow(std::vector<std::string> outcomes, TimePoint start);

  TrafficReport Look(const std::vector<metrics::ServiceTraffic>& totals, TimePoint now);

 private:
  struct Totals {
    uint64_t calls = 0;
    uint64_t failures = 0;
    metrics::HistogramReading durations;
  };
  struct Sample {
    TimePoint at;
    std::map<ServiceKey, Totals> services;
  };
  Sample Take(const std::vector<metrics::ServiceTraffic>& totals, TimePoint now) const;

  std::vector<bool> is_failure_;  // by outcome
  Sample older_;
  Sample newer_;
};

}  // namespace naru::admin
