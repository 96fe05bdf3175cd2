// What is not counted but read at the moment of a scrape: the state of services and connections.
//
// The process gives the registry a function that returns this; it runs on the scraping thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace naru::metrics {

struct EndpointCounts {
  uint64_t serving = 0;
  uint64_t ejected = 0;
  uint64_t unhealthy = 0;
  uint64_t refused = 0;  // known, but outside the private ranges: no call goes there
};

struct DiscoveryReading {
  std::string source;               // the kind of source, such as "static" or "dns"
  std::chrono::nanoseconds age{0};  // since the answer in use was confirmed
  uint64_t updates_ok = 0;
  uint64_t updates_failed = 0;
};

struct ServiceReading {
  std::string squad;
  std::string service;
  uint64_t in_flight = 0;
  uint64_t queued = 0;
  std::optional<int> breaker;  // 0 closed, 1 probing, 2 open; nothing where it is off
  EndpointCounts endpoints;
  std::optional<DiscoveryReading> discovery;
};

struct ConnectionReading {
  std::string side;      // "downstream" or "upstream"
  std::string protocol;  // such as "http1"
  uint64_t open = 0;
};

struct AbuseReading {
  std::string kind;  // such as "rapid_reset"
  uint64_t connections = 0;
};

struct GaugeReadings {
  std::vector<ServiceReading> services;
  std::vector<ConnectionReading> connections;
  std::vector<AbuseReading> abuse;
};

using GaugeSource = std::function<GaugeReadings()>;

}  // namespace naru::metrics
