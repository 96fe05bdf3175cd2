// What the admin port and the gauges show of a snapshot, read from the live states it refers to. Control
// thread.
#pragma once

#include <vector>

#include "metrics/readings.h"
#include "resilience/time.h"
#include "sidecar/admin/backend.h"
#include "sidecar/call/snapshot.h"
#include "sidecar/health/health_checker.h"

namespace naru {

std::vector<admin::ServiceView> ViewServices(const call::Snapshot& snapshot,
                                             const health::HealthChecker& checker, resilience::TimePoint now);

// `loaded` is when the configuration was: the age of what it says about endpoints.
std::vector<metrics::ServiceReading> ReadServices(const call::Snapshot& snapshot, resilience::TimePoint now,
                                                  resilience::Duration age, uint64_t loads);

}  // namespace naru
