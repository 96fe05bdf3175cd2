// Every metric that naru exports, in one table: name, type, labels, help. A new metric is a row here.
//
// Label values come from configuration or a closed list, never from a request.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace naru::metrics {

enum class Metric : uint8_t {
  kCallDuration,
  kCalls,
  kBytes,
  kAttempts,
  kRetries,
  kRetriesSuppressed,
  kRefusedPublic,
  kOverhead,
  kEndpoints,
  kBreakerState,
  kInFlight,
  kQueued,
  kConnections,
  kHttp2Abuse,
  kDiscoveryUpdates,
  kDiscoveryAge,
  kConfigReloads,
  kSeriesDropped,
  kBuildInfo,
  kProcessCpu,
  kProcessResident,
  kProcessVirtual,
  kProcessOpenFds,
  kProcessMaxFds,
  kProcessStart,
};
inline constexpr int kMetrics = static_cast<int>(Metric::kProcessStart) + 1;

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

struct MetricInfo {
  std::string_view name;
  MetricType type;
  std::span<const std::string_view> labels;
  std::string_view help;
};

const MetricInfo& InfoOf(Metric metric);
std::string_view WordOf(MetricType type);

}  // namespace naru::metrics
