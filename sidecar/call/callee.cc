#include "sidecar/call/callee.h"

#include <algorithm>
#include <utility>

#include "sidecar/config/text.h"

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

// Why a service that has a source has no endpoint.
std::string WhyNone(const config::Service& service, const std::optional<discovery::Finding>& finding) {
  if (!service.source.has_value()) return "the configuration lists no endpoint for it";
  const std::string& source = service.source->text;
  if (!finding.has_value() || (finding->set == nullptr && finding->error.empty())) {
    return config::Cat(source, " has not answered yet");
  }
  if (finding->set == nullptr) return config::Cat(source, " has not answered yet: ", finding->error);
  const std::string trouble = finding->error.empty() ? "" : config::Cat("; asked again: ", finding->error);
  const size_t refused = finding->set->refused.size();
  if (refused > 0) {
    return config::Cat(
        source, " knows ", refused, refused == 1 ? " address" : " addresses", " of it, such as ",
        finding->set->refused.front().ToString(),
        ", and none in a private range; a network of your own can be added under private.allow", trouble);
  }
  if (!finding->exists) return config::Cat(source, " knows no such service", trouble);
  return config::Cat(source, " knows the service and no endpoint of it", trouble);
}

// Empty where all are the same.
std::vector<uint32_t> WeightsOf(const discovery::EndpointSet& set) {
  std::vector<uint32_t> weights;
  bool differ = false;
  for (const discovery::Endpoint& endpoint : set.endpoints) {
    weights.push_back(endpoint.weight);
    differ = differ || endpoint.weight != weights.front();
  }
  return differ ? weights : std::vector<uint32_t>();
}

template <class Policy>
bool Same(const std::optional<Policy>& a, const std::optional<Policy>& b) {
  return a == b;
}

}  // namespace

Callee CalleeStates::Build(const config::Service& service, const std::optional<discovery::Finding>& finding,
                           metrics::Registry& registry, int workers) {
  ServiceState& state = services_[service.name];
  Callee callee;
  callee.service = &service;
  callee.round_robin = state.round_robin;
  callee.used = state.used;
  if (finding.has_value()) callee.found = finding->set;
  BuildEndpoints(state, callee);
  if (callee.endpoints.empty()) callee.why_none = WhyNone(service, finding);
  for (int worker = 0; worker < workers; ++worker) {
    callee.series.push_back(registry.Callee(worker, service.squad, service.name));
  }
  PolicyState& own = state.policies[""];
  callee.other = {&service.policy, "other", BuildGuards(own, service.policy),
                  CallSeriesOf(registry, service, "other", workers)};
  callee.other.guards.health = BuildHealth(own, service.policy, callee);
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
  auto keep = [&](const discovery::Address& address) {
    std::shared_ptr<EndpointState>& endpoint = state.endpoints[address];
    if (endpoint == nullptr) endpoint = std::make_shared<EndpointState>(address);
    kept[address] = endpoint;
    callee.endpoints.push_back(endpoint);
  };
  for (const discovery::Address& address : callee.service->endpoints) keep(address);
  if (callee.found != nullptr) {
    for (const discovery::Endpoint& endpoint : callee.found->endpoints) keep(endpoint.address);
    callee.weights = WeightsOf(*callee.found);
  }
  state.endpoints = std::move(kept);
}

Guards CalleeStates::BuildGuards(PolicyState& state, const config::Policy& policy) {
  Guards& guards = state.guards;
  if (guards.limit == nullptr) guards.limit = std::make_shared<resilience::ConcurrencyLimit>();
  if (guards.budget == nullptr || guards.budget->policy() != policy.retry.budget) {
    guards.budget = std::make_shared<resilience::RetryBudget>(policy.retry.budget);
  }
  if (!policy.breaker) guards.breaker = nullptr;
  if (policy.breaker && (guards.breaker == nullptr || guards.breaker->policy() != *policy.breaker)) {
    guards.breaker = std::make_shared<resilience::CircuitBreaker>(*policy.breaker);
  }
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
  PolicyState& of_route = state.policies[route.name];
  Guards guards = BuildGuards(of_route, route.policy);
  if (route.policy.limits == own.limits) guards.limit = shared.limit;
  if (route.policy.retry.budget == own.retry.budget) guards.budget = shared.budget;
  if (Same(route.policy.breaker, own.breaker)) guards.breaker = shared.breaker;
  if (Same(route.policy.ejection, own.ejection)) {
    of_route.health.clear();
    guards.health = shared.health;
  } else {
    guards.health = BuildHealth(of_route, route.policy, callee);
  }
  return guards;
}

}  // namespace naru::call
