#include "sidecar/call/snapshot.h"

#include <utility>

namespace naru::call {

Snapshot::Snapshot(std::shared_ptr<const config::Config> config, CalleeStates& states,
                   metrics::Registry& registry, int workers)
    : config_(std::move(config)),
      caller_(config_->caller.squad + "/" + config_->caller.service),
      directory_(*config_) {
  callees_.reserve(config_->services.size());
  for (const config::Service& service : config_->services) {
    callees_.push_back(states.Build(service, registry, workers));
  }
}

}  // namespace naru::call
