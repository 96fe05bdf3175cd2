#include "sidecar/service_views.h"

#include <algorithm>
#include <set>
#include <string_view>
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

// The limits of a service: its own and those of routes that have one.
std::set<const resilience::ConcurrencyLimit*> LimitsOf(const call::Callee& callee) {
  std::set<const resilience::ConcurrencyLimit*> limits{callee.other.guards.limit.get()};
  for (const call::RoutePlan& route : callee.routes) limits.insert(route.guards.limit.get());
  return limits;
}

std::pair<uint64_t, uint64_t> InFlightAndQueued(const call::Callee& callee) {
  std::pair<uint64_t, uint64_t> sum{0, 0};
  for (const resilience::ConcurrencyLimit* limit : LimitsOf(callee)) {
    sum.first += limit->in_flight();
    sum.second += limit->queued();
  }
  return sum;
}

// Looks without readmitting: that is for the calls to do.
bool IsEjected(const resilience::EndpointHealth& health, resilience::TimePoint now) {
  return health.ejected_until() > now;
}

const resilience::EndpointHealth* HealthOf(const call::Callee& callee, size_t endpoint) {
  const call::HealthGroup* group = callee.other.guards.health.get();
  return group == nullptr ? nullptr : group->endpoints[endpoint].get();
}

// Unhealthy goes before ejected: its time aside does not bring it back.
enum class EndpointStanding { kServing, kEjected, kUnhealthy };

EndpointStanding StandingOf(const call::Callee& callee, size_t index, resilience::TimePoint now) {
  if (!callee.endpoints[index]->checked.healthy()) return EndpointStanding::kUnhealthy;
  const resilience::EndpointHealth* health = HealthOf(callee, index);
  const bool ejected = health != nullptr && IsEjected(*health, now);
  return ejected ? EndpointStanding::kEjected : EndpointStanding::kServing;
}

std::string WhyServing(const call::EndpointState& endpoint, const std::string& check_error,
                       resilience::TimePoint now) {
  if (!check_error.empty()) return "its last health check failed: " + check_error;
  return endpoint.estimate.penalised(now) ? "failed a moment ago: tried when the others cannot be" : "";
}

admin::EndpointView ViewEndpoint(const call::Callee& callee, size_t index, const std::string& check_error,
                                 resilience::TimePoint now) {
  const call::EndpointState& endpoint = *callee.endpoints[index];
  const resilience::EndpointHealth* health = HealthOf(callee, index);
  admin::EndpointView view;
  view.address = endpoint.text;
  if (callee.found != nullptr) {  // whose endpoints these are, in this order
    view.zone = callee.found->endpoints[index].zone;
    view.weight = callee.found->endpoints[index].weight;
  }
  view.in_flight = endpoint.estimate.in_flight();
  if (endpoint.estimate.measured()) {
    view.latency_ms = std::chrono::duration<double, std::milli>(endpoint.estimate.latency(now)).count();
  }
  switch (StandingOf(callee, index, now)) {
    case EndpointStanding::kServing:
      view.state = "serving";
      view.why = WhyServing(endpoint, check_error, now);
      break;
    case EndpointStanding::kEjected:
      view.state = "ejected";
      view.why = WhyOf(health->last_reason());
      view.serving_again_in_ms =
          std::chrono::duration<double, std::milli>(health->ejected_until() - now).count();
      break;
    case EndpointStanding::kUnhealthy:
      view.state = "unhealthy";
      view.why = "its health check failed: " + check_error;
      break;
  }
  return view;
}

void CountEndpoint(metrics::EndpointCounts& counts, EndpointStanding standing) {
  switch (standing) {
    case EndpointStanding::kServing:
      ++counts.serving;
      break;
    case EndpointStanding::kEjected:
      ++counts.ejected;
      break;
    case EndpointStanding::kUnhealthy:
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

}  // namespace

std::vector<admin::ServiceView> ViewServices(const call::Snapshot& snapshot, const ServiceSources& sources,
                                             const health::HealthChecker& checker,
                                             resilience::TimePoint now) {
  std::vector<admin::ServiceView> views;
  for (const std::shared_ptr<const call::Callee>& shared : snapshot.callees()) {
    const call::Callee& callee = *shared;
    admin::ServiceView view;
    view.name = callee.service->name;
    view.squad = callee.service->squad;
    view.port = callee.service->port;
    view.hosts = callee.service->hosts;
    std::tie(view.in_flight, view.queued) = InFlightAndQueued(callee);
    const CircuitBreaker* breaker = callee.other.guards.breaker.get();
    view.breaker = breaker == nullptr ? "off" : WordOf(breaker->state());
    view.discovered = callee.service->discovered;
    if (callee.service->source.has_value()) {
      const discovery::Finding none;
      view.source = ViewSource(callee, sources.FindingOf(*callee.service).value_or(none), now);
    }
    for (size_t i = 0; i < callee.endpoints.size(); ++i) {
      const std::string error = checker.LastError(view.name, callee.endpoints[i]->address);
      view.endpoints.push_back(ViewEndpoint(callee, i, error, now));
    }
    view.policy = ViewPolicy(snapshot, callee.service->policy);
    views.push_back(std::move(view));
  }
  return views;
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
    if (const CircuitBreaker* breaker = callee.other.guards.breaker.get()) {
      reading.breaker = static_cast<int>(breaker->state());
    }
    for (size_t i = 0; i < callee.endpoints.size(); ++i) {
      CountEndpoint(reading.endpoints, StandingOf(callee, i, now));
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
