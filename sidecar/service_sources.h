// The sources of the services' endpoints, as the process uses them: watched as the configuration says,
// logged, and told to whoever must act on what they find.
//
// Control thread, but for what says otherwise.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "discovery/discoverer.h"
#include "sidecar/call/snapshot.h"
#include "sidecar/config/config.h"
#include "sidecar/log/logger.h"

namespace naru {

class ServiceSources {
 public:
  // `changed` is called on another thread when a source has found something new. The logger outlives this.
  ServiceSources(log::Logger& logger, std::function<void()> changed);

  // Asks the sources of this configuration from now on, and these as well.
  void Watch(const config::Config& config, const std::vector<discovery::SourceUri>& also);
  void Stop() { discoverer_.Stop(); }

  // Any thread. Nothing for a service without a source.
  std::optional<discovery::Finding> FindingOf(const config::Service& service) const;

  std::optional<discovery::Finding> FindingOf(const std::string& uri) const { return discoverer_.Find(uri); }

  // Why calls to some service of the file cannot be carried yet, as a sentence; empty when all sources have
  // answered once.
  std::string WhyNotReady(const call::Snapshot& snapshot) const;

 private:
  discovery::Discoverer discoverer_;
};

}  // namespace naru
