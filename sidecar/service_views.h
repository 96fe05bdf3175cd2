// What the admin port and the gauges show of a snapshot, read from the live states it refers to. Control
// thread.
#pragma once

#include <vector>

#include "metrics/readings.h"
#include "resilience/time.h"
#include "sidecar/admin/backend.h"
#include "sidecar/call/snapshot.h"
#include "sidecar/health/health_checker.h"
#include "sidecar/service_sources.h"

namespace naru {

std::vector<admin::ServiceView> ViewServices(const call::Snapshot& snapshot, const ServiceSources& sources,
                                             const health::HealthChecker& checker, resilience::TimePoint now);

// `age` is that of the configuration, and `loads` how often it was loaded: both hold for endpoints that are a
// list in it.
std::vector<metrics::ServiceReading> ReadServices(const call::Snapshot& snapshot,
                                                  const ServiceSources& sources, resilience::TimePoint now,
                                                  resilience::Duration age, uint64_t loads);

}  // namespace naru
