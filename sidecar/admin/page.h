// The page for people at `/`: services by squad, how they do, and links to the rest. One file, no script,
// nothing loaded from elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "sidecar/admin/backend.h"
#include "sidecar/admin/traffic_window.h"

namespace naru::admin {

struct PageFacts {
  metrics::CallerLabels caller;
  std::string version;
  std::string not_ready;  // empty: ready
  std::vector<ServiceView> services;
  TrafficReport traffic;
  std::optional<Refusal> refused = {};
};

std::string Page(PageFacts facts);

}  // namespace naru::admin
