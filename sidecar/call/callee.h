// What this process knows of the services it calls and of their endpoints, beyond one call and one
// configuration.
//
// Configurations are swapped whole while calls run; breakers, limits, budgets, estimates and connections are
// not. They live in a CalleeStates, keyed by service and endpoint, and every Snapshot refers to them. All of
// it is safe to use from every worker. It is shared and mutable on purpose: the one breaker of a service is
// what makes it exact over workers.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "discovery/source_record.h"
#include "metrics/registry.h"
#include "metrics/series.h"
#include "resilience/circuit_breaker.h"
#include "resilience/concurrency_limit.h"
#include "resilience/ejection.h"
#include "resilience/health_check.h"
#include "resilience/idle_limit.h"
#include "resilience/latency_estimate.h"
#include "resilience/retry_budget.h"
#include "sidecar/call/last_failure.h"
#include "sidecar/config/config.h"

namespace naru::call {

// One endpoint of one service, whatever the route.
struct EndpointState {
  explicit EndpointState(const discovery::Address& at) : address(at), text(at.ToString()) {}

  const discovery::Address address;
  const std::string text;
  resilience::LatencyEstimate estimate;
  LastFailure last_failure;
  resilience::IdleLimit idle_limit;
  // What it was found to speak when `protocol: auto` tried the other.
  enum class Speaks : uint8_t { kUnknown, kHttp1Only, kHttp2Only };
  std::atomic<Speaks> speaks{Speaks::kUnknown};
  // How many streams it lets one HTTP/2 connection have, as it said last; 0: it has not said.
  std::atomic<uint32_t> max_streams{0};
  resilience::CheckedHealth checked;  // recorded by whoever checks it; healthy where nobody does
};

// The ejections of one service under one ejection policy, as one configuration sees them.
struct HealthGroup {
  std::vector<std::shared_ptr<resilience::EndpointHealth>> endpoints;  // parallel to Callee::endpoints
};

// The guards that the calls of one policy share. A route that overrides `limits`, `breaker`, `retry.budget`
// or `ejection` has its own; what it does not override it shares with its service.
struct Guards {
  std::shared_ptr<resilience::ConcurrencyLimit> limit;
  std::shared_ptr<resilience::RetryBudget> budget;
  std::shared_ptr<resilience::CircuitBreaker> breaker;  // nothing: off
  std::shared_ptr<const HealthGroup> health;            // nothing: off
};

// How calls of one route (or of no route) are carried.
struct RoutePlan {
  const config::Policy* policy = nullptr;
  std::string name;  // the `route` label
  Guards guards;
  std::vector<metrics::CallSeries*> series;  // by worker
};

// One service as the data path sees it, for one configuration. Immutable but for the states it refers to.
struct Callee {
  const config::Service* service = nullptr;
  std::vector<std::shared_ptr<EndpointState>> endpoints;
  std::vector<uint32_t> weights;  // parallel to endpoints; empty where all are the same
  // What its source has found; nothing for a list in the file, or while the source knows nothing.
  std::shared_ptr<const discovery::EndpointSet> found;
  std::string why_none;                        // why there is no endpoint, as a sentence
  RoutePlan other;                             // of calls that match no route
  std::vector<RoutePlan> routes;               // parallel to service->routes
  std::vector<metrics::CalleeSeries*> series;  // by worker
  std::shared_ptr<std::atomic<uint32_t>> round_robin;
  std::shared_ptr<std::atomic<bool>> used;  // by a call, since somebody set it false; of discovered ones only

  const RoutePlan& PlanOf(const config::Route* route) const {
    return route == nullptr ? other : routes[static_cast<size_t>(route - service->routes.data())];
  }
};

// What the source of a service has found so far; nothing where it has none, or is not watched yet.
using FindingOf = std::function<std::optional<discovery::Finding>(const config::Service& service)>;

// Keeps what survives a configuration. Used by the control thread only, when it builds a Snapshot.
class CalleeStates {
 public:
  // Builds the callee, taking over what an earlier one of this name left. Guards whose policy has changed
  // start anew, limits excepted: calls in flight still hold their places.
  Callee Build(const config::Service& service, const std::optional<discovery::Finding>& finding,
               metrics::Registry& registry, int workers);

  // Forgets the services that are not among `names`.
  void KeepOnly(const std::vector<std::string>& names);

 private:
  // What the calls of one policy key ("" for the service's own, else the route's name) left behind.
  struct PolicyState {
    Guards guards;
    std::optional<resilience::EjectionPolicy> ejection;
    std::shared_ptr<resilience::EjectionGroup> group;
    std::map<discovery::Address, std::shared_ptr<resilience::EndpointHealth>> health;
  };
  struct ServiceState {
    std::map<discovery::Address, std::shared_ptr<EndpointState>> endpoints;
    std::map<std::string, PolicyState> policies;
    std::shared_ptr<std::atomic<uint32_t>> round_robin = std::make_shared<std::atomic<uint32_t>>(0);
    std::shared_ptr<std::atomic<bool>> used = std::make_shared<std::atomic<bool>>(true);
  };

  static void BuildEndpoints(ServiceState& state, Callee& callee);
  static Guards BuildGuards(PolicyState& state, const config::Policy& policy);
  static std::shared_ptr<const HealthGroup> BuildHealth(PolicyState& state, const config::Policy& policy,
                                                        const Callee& callee);
  static Guards BuildRouteGuards(ServiceState& state, const config::Route& route, const Callee& callee);

  std::map<std::string, ServiceState> services_;
};

}  // namespace naru::call
