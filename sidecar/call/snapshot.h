// One configuration and what its sources have found, ready to carry calls: swapped whole, and kept by every
// call that started with it.
//
// Other endpoints of one service make a new snapshot that shares everything else with the one before.
#pragma once

#include <memory>
#include <vector>

#include "sidecar/call/callee.h"
#include "sidecar/call/service_directory.h"
#include "sidecar/config/config.h"

namespace naru::call {

class Snapshot {
 public:
  // Control thread only. `states` and `registry` outlive every snapshot built from them. `finding_of` may be
  // empty where no service has a source.
  Snapshot(std::shared_ptr<const config::Config> config, CalleeStates& states, metrics::Registry& registry,
           int workers, const FindingOf& finding_of = {});

  // What `before` is with what the sources have found since. Null where that makes no difference.
  static std::shared_ptr<const Snapshot> After(const Snapshot& before, CalleeStates& states,
                                               metrics::Registry& registry, int workers,
                                               const FindingOf& finding_of);

  const config::Config& config() const { return *config_; }
  const std::shared_ptr<const config::Config>& shared_config() const { return config_; }
  // "video/video-api", as endpoints are told who calls.
  const std::string& caller() const { return caller_; }
  const ServiceDirectory& directory() const { return *directory_; }
  // Parallel to config().services.
  const std::vector<std::shared_ptr<const Callee>>& callees() const { return callees_; }

  // `service` is one of this snapshot's configuration.
  const Callee& CalleeOf(const config::Service& service) const {
    return *callees_[static_cast<size_t>(&service - config_->services.data())];
  }

 private:
  std::shared_ptr<const config::Config> config_;
  std::string caller_;
  std::shared_ptr<const ServiceDirectory> directory_;
  std::vector<std::shared_ptr<const Callee>> callees_;
};

}  // namespace naru::call
