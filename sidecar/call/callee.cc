#include "sidecar/call/callee.h"

#include <algorithm>
#include <utility>

namespace naru::call {
namespace {

std::vector<metrics::CallSeries*> CallSeriesOf(metrics::Registry& registry, const config::Service& service,
                                               const std::string& route, int workers) {
  std::vector<metrics::CallSeries*> series;
  for (int worker = 0; worker < workers; ++worker) {
    series.push_back(registry.Call(worker, {service.squad, service.name, route}));
  }
  return series;
}

template <class Policy>
bool Same(const std::optional<Policy>& a, const std::optional<Policy>& b) {
  return a == b;
}

}  // namespace

Callee CalleeStates::Build(const config::Service& service, metrics::Registry& registry, int workers) {
  ServiceState& state = services_[service.name];
  Callee callee;
  callee.service = &service;
  callee.round_robin = state.round_robin;
  BuildEndpoints(state, callee);
  for (int worker = 0; worker < workers; ++worker) {
    callee.series.push_back(registry.Callee(worker, service.squad, service.name));
  }
  callee.other = {&service.policy, "other", BuildGuards(state.policies[""], service.policy, callee),
                  CallSeriesOf(registry, service, "other", workers)};
  for (const config::Route& route : service.routes) {
    callee.routes.push_back({&route.policy, route.name, BuildRouteGuards(state, route, callee),
                             CallSeriesOf(registry, service, route.name, workers)});
  }
  return callee;
}

void CalleeStates::KeepOnly(const std::vector<std::string>& names) {
  std::erase_if(services_, [&](const auto& entry) {
    return std::find(names.begin(), names.end(), entry.first) == names.end();
  });
}

void CalleeStates::BuildEndpoints(ServiceState& state, Callee& callee) {
  std::map<discovery::Address, std::shared_ptr<EndpointState>> kept;
  for (const discovery::Address& address : callee.service->endpoints) {
    std::shared_ptr<EndpointState>& endpoint = state.endpoints[address];
    if (endpoint == nullptr) endpoint = std::make_shared<EndpointState>(address);
    kept[address] = endpoint;
    callee.endpoints.push_back(endpoint);
  }
  state.endpoints = std::move(kept);
}

Guards CalleeStates::BuildGuards(PolicyState& state, const config::Policy& policy, const Callee& callee) {
  Guards& guards = state.guards;
  if (guards.limit == nullptr) guards.limit = std::make_shared<resilience::ConcurrencyLimit>();
  if (guards.budget == nullptr || guards.budget->policy() != policy.retry.budget) {
    guards.budget = std::make_shared<resilience::RetryBudget>(policy.retry.budget);
  }
  if (!policy.breaker) guards.breaker = nullptr;
  if (policy.breaker && (guards.breaker == nullptr || guards.breaker->policy() != *policy.breaker)) {
    guards.breaker = std::make_shared<resilience::CircuitBreaker>(*policy.breaker);
  }
  guards.health = BuildHealth(state, policy, callee);
  return guards;
}

std::shared_ptr<const HealthGroup> CalleeStates::BuildHealth(PolicyState& state, const config::Policy& policy,
                                                             const Callee& callee) {
  if (!Same(state.ejection, policy.ejection)) state.health.clear();
  state.ejection = policy.ejection;
  if (!policy.ejection) return nullptr;
  if (state.health.empty()) state.group = std::make_shared<resilience::EjectionGroup>();
  auto group = std::make_shared<HealthGroup>();
  std::map<discovery::Address, std::shared_ptr<resilience::EndpointHealth>> kept;
  for (const std::shared_ptr<EndpointState>& endpoint : callee.endpoints) {
    std::shared_ptr<resilience::EndpointHealth>& health = state.health[endpoint->address];
    if (health == nullptr) {
      // The endpoint's health counts in its group until it goes, so it keeps the group alive.
      health.reset(new resilience::EndpointHealth(*policy.ejection, *state.group),
                   [group = state.group](resilience::EndpointHealth* gone) { delete gone; });
    }
    kept[endpoint->address] = health;
    group->endpoints.push_back(health);
  }
  state.health = std::move(kept);
  return group;
}

// What a route does not override it shares with its service.
Guards CalleeStates::BuildRouteGuards(ServiceState& state, const config::Route& route, const Callee& callee) {
  const config::Policy& own = callee.service->policy;
  const Guards& shared = callee.other.guards;
  Guards guards = BuildGuards(state.policies[route.name], route.policy, callee);
  if (route.policy.limits == own.limits) guards.limit = shared.limit;
  if (route.policy.retry.budget == own.retry.budget) guards.budget = shared.budget;
  if (Same(route.policy.breaker, own.breaker)) guards.breaker = shared.breaker;
  if (Same(route.policy.ejection, own.ejection)) guards.health = shared.health;
  return guards;
}

}  // namespace naru::call
