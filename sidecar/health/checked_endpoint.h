// One endpoint of one service that is to be checked: who and whose it is, how it is asked, and where the
// verdict goes.
#pragma once

#include <memory>
#include <string>

#include "discovery/address.h"
#include "resilience/health_check.h"

namespace naru::health {

struct CheckedEndpoint {
  std::string service;
  std::string squad;
  discovery::Address address;
  resilience::HealthCheckPolicy policy;
  // Shared and mutable on purpose: it outlives configurations, and the workers read it.
  std::shared_ptr<resilience::CheckedHealth> verdict;

  bool operator==(const CheckedEndpoint&) const = default;
};

}  // namespace naru::health
