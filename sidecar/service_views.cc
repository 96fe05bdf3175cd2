#include "sidecar/service_views.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "sidecar/config/policy_fields.h"

namespace naru {
namespace {

using resilience::CircuitBreaker;

std::string_view WordOf(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kProbing:
      return "probing";
    case CircuitBreaker::State::kOpen:
      return "open";
  }
  return "";
}

std::string_view WhyOf(resilience::EjectionReason reason) {
  switch (reason) {
    case resilience::EjectionReason::kConsecutive:
      return "failed several times in a row (ejection.consecutive)";
    case resilience::EjectionReason::kSuccessRate:
      return "its success rate fell too low (ejection.success_rate)";
    case resilience::EjectionReason::kNone:
      break;
  }
  return "";
}

// How the calls of a service are carried: those of each route, and the others.
std::vector<const call::RoutePlan*> PlansOf(const call::Callee& callee) {
  std::vector<const call::RoutePlan*> plans{&callee.other};
  for (const call::RoutePlan& route : callee.routes) plans.push_back(&route);
  return plans;
}

std::pair<uint64_t, uint64_t> InFlightAndQueued(const call::Callee& callee) {
  std::set<const resilience::ConcurrencyLimit*> limits;  // routes may share that of the service
  for (const call::RoutePlan* plan : PlansOf(callee)) limits.insert(plan->guards.limit.get());
  std::pair<uint64_t, uint64_t> sum{0, 0};
  for (const resilience::ConcurrencyLimit* limit : limits) {
    sum.first += limit->in_flight();
    sum.second += limit->queued();
  }
  return sum;
}

std::optional<CircuitBreaker::State> BreakerOf(const call::RoutePlan& plan) {
  const CircuitBreaker* breaker = plan.guards.breaker.get();
  return breaker == nullptr ? std::nullopt : std::optional(breaker->state());
}

// The worst of the service's own breaker and those of its routes: whoever looks wants to know whether calls
// are refused. Nothing where all are off.
std::optional<CircuitBreaker::State> WorstBreakerOf(const call::Callee& callee) {
  static_assert(CircuitBreaker::State::kClosed < CircuitBreaker::State::kProbing);
  static_assert(CircuitBreaker::State::kProbing < CircuitBreaker::State::kOpen);
  std::optional<CircuitBreaker::State> worst;  // nothing is less than every state
  for (const call::RoutePlan* plan : PlansOf(callee)) worst = std::max(worst, BreakerOf(*plan));
  return worst;
}

std::string_view WordOf(std::optional<CircuitBreaker::State> state) {
  return state.has_value() ? WordOf(*state) : "off";
}

// Looks without readmitting: that is for the calls to do.
bool IsEjected(const resilience::EndpointHealth& health, resilience::TimePoint now) {
  return health.ejected_until() > now;
}

// The state of an endpoint in the calls of one plan; nothing where ejection is off.
const resilience::EndpointHealth* HealthIn(const call::RoutePlan& plan, size_t endpoint) {
  const call::HealthGroup* group = plan.guards.health.get();
  return group == nullptr ? nullptr : group->endpoints[endpoint].get();
}

// The plan that sets an endpoint aside, of several the one for all other calls; nothing where none does.
const call::RoutePlan* EjectedBy(const call::Callee& callee, size_t endpoint, resilience::TimePoint now) {
  for (const call::RoutePlan* plan : PlansOf(callee)) {
    const resilience::EndpointHealth* health = HealthIn(*plan, endpoint);
    if (health != nullptr && IsEjected(*health, now)) return plan;
  }
  return nullptr;
}

struct EndpointStanding {
  // Unhealthy goes before ejected: its time aside does not bring it back.
  enum class State { kServing, kEjected, kUnhealthy } state;
  const call::RoutePlan* ejected_by = nullptr;
};

// Ejected where the calls of one route at least go past it.
EndpointStanding StandingOf(const call::Callee& callee, size_t index, resilience::TimePoint now) {
  using State = EndpointStanding::State;
  if (!callee.endpoints[index]->checked.healthy()) return {State::kUnhealthy};
  const call::RoutePlan* by = EjectedBy(callee, index, now);
  return by == nullptr ? EndpointStanding{State::kServing} : EndpointStanding{State::kEjected, by};
}

// `by` is the plan that has ejected it.
std::string WhyEjected(const call::Callee& callee, const call::RoutePlan& by, size_t index) {
  std::string why(WhyOf(HealthIn(by, index)->last_reason()));
  return &by == &callee.other ? why : why + ", in calls of the route " + by.name;
}

double Seconds(resilience::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Nothing where no attempt has failed.
std::optional<admin::FailureView> ViewLastFailure(const call::EndpointState& endpoint,
                                                  resilience::TimePoint now) {
  const std::optional<call::LastFailure::Reading> last = endpoint.last_failure.Read();
  if (!last) return std::nullopt;
  const bool answered_since = endpoint.estimate.measured() &&
                              endpoint.estimate.measured_at() > last->at + std::chrono::microseconds(1);
  return admin::FailureView{last->reason, Seconds(now - last->at), !answered_since};
}

std::string WhyServing(const call::EndpointState& endpoint, const admin::EndpointView& view,
                       const std::string& check_error, resilience::TimePoint now) {
  if (!check_error.empty()) return "its last health check failed: " + check_error;
  const bool failing = view.last_failure && view.last_failure->is_latest;
  const std::string reason = failing ? " (" + view.last_failure->reason + ")" : "";
  if (endpoint.estimate.penalised(now))
    return "failed a moment ago" + reason + ": tried when the others cannot be";
  return failing ? "its last attempt failed" + reason + ": nobody has tried it since" : "";
}

admin::EndpointView ViewEndpoint(const call::Callee& callee, size_t index, const std::string& check_error,
                                 resilience::TimePoint now) {
  const call::EndpointState& endpoint = *callee.endpoints[index];
  admin::EndpointView view;
  view.address = endpoint.text;
  if (callee.found != nullptr) {  // whose endpoints these are, in this order
    view.zone = callee.found->endpoints[index].zone;
    view.weight = callee.found->endpoints[index].weight;
  }
  view.in_flight = endpoint.estimate.in_flight();
  if (endpoint.estimate.measured()) {
    view.latency_ms = std::chrono::duration<double, std::milli>(endpoint.estimate.last_estimate()).count();
    view.latency_age_s = Seconds(now - endpoint.estimate.measured_at());
  }
  view.last_failure = ViewLastFailure(endpoint, now);
  const EndpointStanding standing = StandingOf(callee, index, now);
  switch (standing.state) {
    case EndpointStanding::State::kUnhealthy:
      view.state = "unhealthy";
      view.why = "its health check failed: " + check_error;
      break;
    case EndpointStanding::State::kEjected: {
      const resilience::Duration left = HealthIn(*standing.ejected_by, index)->ejected_until() - now;
      view.state = "ejected";
      view.why = WhyEjected(callee, *standing.ejected_by, index);
      view.serving_again_in_ms = std::chrono::duration<double, std::milli>(left).count();
      break;
    }
    case EndpointStanding::State::kServing:
      view.state = "serving";
      view.why = WhyServing(endpoint, view, check_error, now);
      break;
  }
  return view;
}

void CountEndpoint(metrics::EndpointCounts& counts, EndpointStanding::State state) {
  switch (state) {
    case EndpointStanding::State::kServing:
      ++counts.serving;
      break;
    case EndpointStanding::State::kEjected:
      ++counts.ejected;
      break;
    case EndpointStanding::State::kUnhealthy:
      ++counts.unhealthy;
      break;
  }
}

// Endpoints are those in force, and the rest as the source is right now.
admin::SourceView ViewSource(const call::Callee& callee, const discovery::Finding& finding,
                             resilience::TimePoint now) {
  admin::SourceView view;
  view.uri = callee.service->source->text;
  view.kept = finding.kept;
  view.exists = finding.exists;
  view.revision = finding.revision;
  view.error = finding.error;
  if (callee.found == nullptr) return view;
  view.version = callee.found->version;
  view.age_s = std::chrono::duration<double>(now - finding.confirmed).count();
  for (const discovery::Address& address : callee.found->refused) view.refused.push_back(address.ToString());
  return view;
}

metrics::DiscoveryReading ReadSource(const config::Service& service, const discovery::Finding& finding,
                                     resilience::TimePoint now) {
  metrics::DiscoveryReading reading;
  reading.source = std::string(discovery::WordOf(service.source->scheme));
  if (finding.set != nullptr) reading.age = now - finding.confirmed;
  reading.updates_ok = finding.answers;
  reading.updates_failed = finding.troubles;
  return reading;
}

std::vector<admin::PolicyValue> ViewPolicy(const call::Snapshot& snapshot, const config::Policy& policy) {
  std::vector<admin::PolicyValue> values;
  for (const config::PolicyLine& line : config::Explain(policy)) {
    values.push_back({line.key, line.value, snapshot.config().Where(line.origin)});
  }
  return values;
}

// What the route itself, or the way it inherits, makes different from its service.
std::vector<admin::PolicyValue> ViewOwnPolicy(const call::Snapshot& snapshot, const config::Policy& service,
                                              const config::Policy& route) {
  const std::vector<admin::PolicyValue> shared = ViewPolicy(snapshot, service);
  std::vector<admin::PolicyValue> own = ViewPolicy(snapshot, route);
  std::erase_if(own, [&shared](const admin::PolicyValue& value) {
    return std::find(shared.begin(), shared.end(), value) != shared.end();
  });
  return own;
}

admin::RouteView ViewRoute(const call::Callee& callee, const call::RoutePlan& plan,
                           resilience::TimePoint now) {
  admin::RouteView view;
  view.name = plan.name;
  view.breaker = WordOf(BreakerOf(plan));
  for (size_t i = 0; i < callee.endpoints.size(); ++i) {
    const resilience::EndpointHealth* health = HealthIn(plan, i);
    if (health != nullptr && IsEjected(*health, now)) view.ejected.push_back(callee.endpoints[i]->text);
  }
  return view;
}

std::vector<admin::RouteView> ViewRoutes(const call::Snapshot& snapshot, const call::Callee& callee,
                                         resilience::TimePoint now) {
  const config::Service& service = *callee.service;
  std::vector<admin::RouteView> views;
  for (size_t i = 0; i < service.routes.size(); ++i) {
    const config::Route& route = service.routes[i];
    admin::RouteView view = ViewRoute(callee, callee.routes[i], now);
    view.pattern = route.pattern.text();
    view.grpc = route.pattern.is_grpc();
    view.policy = ViewOwnPolicy(snapshot, service.policy, route.policy);
    views.push_back(std::move(view));
  }
  if (!views.empty()) views.push_back(ViewRoute(callee, callee.other, now));
  return views;
}

admin::ServiceView ViewState(const call::Callee& callee, const ServiceSources& sources,
                             const health::HealthChecker& checker, resilience::TimePoint now) {
  admin::ServiceView view;
  view.name = callee.service->name;
  view.squad = callee.service->squad;
  view.port = callee.service->port;
  view.hosts = callee.service->hosts;
  std::tie(view.in_flight, view.queued) = InFlightAndQueued(callee);
  view.breaker = WordOf(WorstBreakerOf(callee));
  view.discovered = callee.service->discovered;
  if (callee.service->source.has_value()) {
    const discovery::Finding none;
    view.source = ViewSource(callee, sources.FindingOf(*callee.service).value_or(none), now);
  }
  for (size_t i = 0; i < callee.endpoints.size(); ++i) {
    const std::string error = checker.LastError(view.name, callee.endpoints[i]->address);
    view.endpoints.push_back(ViewEndpoint(callee, i, error, now));
  }
  return view;
}

}  // namespace

std::vector<admin::ServiceView> ViewServices(const call::Snapshot& snapshot, const ServiceSources& sources,
                                             const health::HealthChecker& checker,
                                             resilience::TimePoint now) {
  std::vector<admin::ServiceView> views;
  for (const std::shared_ptr<const call::Callee>& callee : snapshot.callees()) {
    views.push_back(ViewState(*callee, sources, checker, now));
  }
  return views;
}

std::optional<admin::ServiceView> ViewService(const std::string& name, const call::Snapshot& snapshot,
                                              const ServiceSources& sources,
                                              const health::HealthChecker& checker,
                                              resilience::TimePoint now) {
  const config::Service* service = snapshot.config().FindService(name);
  if (service == nullptr) return std::nullopt;
  const call::Callee& callee = snapshot.CalleeOf(*service);
  admin::ServiceView view = ViewState(callee, sources, checker, now);
  view.routes = ViewRoutes(snapshot, callee, now);
  view.policy = ViewPolicy(snapshot, service->policy);
  return view;
}

std::vector<metrics::ServiceReading> ReadServices(const call::Snapshot& snapshot,
                                                  const ServiceSources& sources, resilience::TimePoint now,
                                                  resilience::Duration age, uint64_t loads) {
  std::vector<metrics::ServiceReading> readings;
  for (const std::shared_ptr<const call::Callee>& shared : snapshot.callees()) {
    const call::Callee& callee = *shared;
    metrics::ServiceReading reading;
    reading.squad = callee.service->squad;
    reading.service = callee.service->name;
    std::tie(reading.in_flight, reading.queued) = InFlightAndQueued(callee);
    if (const std::optional<CircuitBreaker::State> breaker = WorstBreakerOf(callee)) {
      reading.breaker = static_cast<int>(*breaker);
    }
    for (size_t i = 0; i < callee.endpoints.size(); ++i) {
      CountEndpoint(reading.endpoints, StandingOf(callee, i, now).state);
    }
    const std::optional<discovery::Finding> finding = sources.FindingOf(*callee.service);
    if (callee.found != nullptr) reading.endpoints.refused = callee.found->refused.size();
    reading.discovery = finding.has_value() ? ReadSource(*callee.service, *finding, now)
                                            : metrics::DiscoveryReading{"static", age, loads, 0};
    readings.push_back(std::move(reading));
  }
  return readings;
}

}  // namespace naru
