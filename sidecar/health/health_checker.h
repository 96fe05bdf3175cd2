// Checks endpoints on a thread of its own, which starts with the first endpoint that there is to check.
//
// What it finds goes into the verdict of each endpoint, where the workers read it, and into the log when it
// changes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "sidecar/health/checked_endpoint.h"
#include "sidecar/log/logger.h"

namespace naru::health {

class HealthChecker {
 public:
  // The logger outlives it.
  explicit HealthChecker(log::Logger& logger);
  ~HealthChecker();  // stops

  // Control thread: checks exactly these from now on. The checks of an endpoint that is there unchanged go on
  // undisturbed; an endpoint that is not checked any more serves.
  void Watch(std::vector<CheckedEndpoint> endpoints);

  // Control thread: ends what is going on and the thread. The destructor does the same.
  void Stop();

  // Any thread: what was wrong with the last check of this endpoint that failed; empty when it is well.
  std::string LastError(const std::string& service, const discovery::Address& endpoint) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace naru::health
