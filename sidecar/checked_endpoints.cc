#include "sidecar/checked_endpoints.h"

#include <memory>
#include <utility>

namespace naru {

std::vector<health::CheckedEndpoint> CheckedEndpoints(const call::Snapshot& snapshot) {
  std::vector<health::CheckedEndpoint> checked;
  for (const std::shared_ptr<const call::Callee>& shared : snapshot.callees()) {
    const call::Callee& callee = *shared;
    const config::Service& service = *callee.service;
    if (!service.policy.health_check) continue;
    for (const std::shared_ptr<call::EndpointState>& endpoint : callee.endpoints) {
      // The verdict is a part of the endpoint's state and keeps it alive.
      std::shared_ptr<resilience::CheckedHealth> verdict(endpoint, &endpoint->checked);
      checked.push_back(
          {service.name, service.squad, endpoint->address, *service.policy.health_check, std::move(verdict)});
    }
  }
  return checked;
}

}  // namespace naru
