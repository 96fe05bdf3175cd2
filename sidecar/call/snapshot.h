// One configuration, ready to carry calls: swapped whole, and kept by every call that started with it.
#pragma once

#include <memory>
#include <vector>

#include "sidecar/call/callee.h"
#include "sidecar/call/service_directory.h"
#include "sidecar/config/config.h"

namespace naru::call {

class Snapshot {
 public:
  // Control thread only. `states` and `registry` outlive every snapshot built from them.
  Snapshot(std::shared_ptr<const config::Config> config, CalleeStates& states, metrics::Registry& registry,
           int workers);

  const config::Config& config() const { return *config_; }
  // "video/video-api", as endpoints are told who calls.
  const std::string& caller() const { return caller_; }
  const ServiceDirectory& directory() const { return directory_; }
  const std::vector<Callee>& callees() const { return callees_; }

  // `service` is one of this snapshot's configuration.
  const Callee& CalleeOf(const config::Service& service) const {
    return callees_[static_cast<size_t>(&service - config_->services.data())];
  }

 private:
  std::shared_ptr<const config::Config> config_;
  const std::string caller_;
  ServiceDirectory directory_;
  std::vector<Callee> callees_;  // parallel to config_->services
};

}  // namespace naru::call
