#include "sidecar/config/effective_config.h"

#include <boost/json.hpp>

#include "sidecar/config/policy_fields.h"
#include "sidecar/config/values.h"

namespace naru::config {
namespace {

namespace json = boost::json;

json::object ValueFrom(json::value value, const Config& config, const Origin& origin) {
  return {{"value", std::move(value)}, {"from", config.Where(origin)}};
}

json::object PolicyJson(const Config& config, const Policy& policy) {
  json::object object;
  for (const PolicyLine& line : Explain(policy)) {
    object[line.key] = ValueFrom(json::value(line.value), config, line.origin);
  }
  return object;
}

json::array EndpointsJson(const Service& service) {
  json::array endpoints;
  for (const discovery::Address& endpoint : service.endpoints) endpoints.emplace_back(endpoint.ToString());
  return endpoints;
}

json::array RoutesJson(const Config& config, const Service& service) {
  json::array routes;
  for (const Route& route : service.routes) {
    routes.push_back({{"name", route.name},
                      {route.pattern.is_grpc() ? "grpc" : "match", route.pattern.text()},
                      {"from", config.Where(route.origin)},
                      {"policy", PolicyJson(config, route.policy)}});
  }
  return routes;
}

json::object ServiceJson(const Config& config, const Service& service) {
  json::object object{{"squad", service.squad},
                      {"from", config.Where(service.origin)},
                      {"endpoints", ValueFrom(EndpointsJson(service), config, service.endpoints_origin)},
                      {"hosts", json::array(service.hosts.begin(), service.hosts.end())},
                      {"port", nullptr},
                      {"protocol", WordOf(service.protocol)},
                      {"policy", PolicyJson(config, service.policy)},
                      {"routes", RoutesJson(config, service)}};
  if (service.port.has_value()) object["port"] = *service.port;
  return object;
}

}  // namespace

std::string EffectiveConfigJson(const Config& config) {
  json::array listen;
  for (const ListenAddress& address : config.listen) {
    listen.push_back(ValueFrom(json::value(address.text), config, address.origin));
  }
  json::object services;
  for (const Service& service : config.services) services[service.name] = ServiceJson(config, service);
  const Caller& caller = config.caller;
  return json::serialize(json::object{
      {"files", json::array(config.files.begin(), config.files.end())},
      {"caller", {{"squad", caller.squad}, {"service", caller.service}, {"zone", caller.zone}}},
      {"listen", std::move(listen)},
      {"admin", ValueFrom(json::value(config.admin.text), config, config.admin.origin)},
      {"workers", config.workers},
      {"drain_timeout", FormatDuration(config.drain_timeout)},
      {"private", {{"allow", json::array(config.allowed_networks.begin(), config.allowed_networks.end())}}},
      {"services", std::move(services)}});
}

}  // namespace naru::config
