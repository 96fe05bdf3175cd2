// What the admin port and the gauges show of a snapshot, read from the live states it refers to. Control
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/readings.h"
#include "resilience/time.h"
#include "sidecar/admin/backend.h"
#include "sidecar/call/snapshot.h"
#include "sidecar/health/health_checker.h"
#include "sidecar/service_sources.h"

namespace naru {

// A route may have a breaker and ejections of its own: of a service's breaker and of each of its endpoints
// the worst state is told.

// All of them, without routes and policies.
std::vector<admin::ServiceView> ViewServices(const call::Snapshot& snapshot, const ServiceSources& sources,
                                             const health::HealthChecker& checker, resilience::TimePoint now);

// One, with its routes and the policy in force; nothing where none has that name.
std::optional<admin::ServiceView> ViewService(const std::string& name, const call::Snapshot& snapshot,
                                              const ServiceSources& sources,
                                              const health::HealthChecker& checker,
                                              resilience::TimePoint now);

// `age` is that of the configuration, and `loads` how often it was loaded: both hold for endpoints that are a
// list in it.
std::vector<metrics::ServiceReading> ReadServices(const call::Snapshot& snapshot,
                                                  const ServiceSources& sources, resilience::TimePoint now,
                                                  resilience::Duration age, uint64_t loads);

}  // namespace naru
