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
                      {"source", nullptr},
                      {"hosts", json::array(service.hosts.begin(), service.hosts.end())},
                      {"port", nullptr},
                      {"protocol", WordOf(service.protocol)},
                      {"policy", PolicyJson(config, service.policy)},
                      {"routes", RoutesJson(config, service)}};
  if (service.source.has_value()) {
    object["source"] = ValueFrom(json::value(service.source->text), config, service.endpoints_origin);
  }
  if (service.discovered) object["discovered"] = true;
  if (service.port.has_value()) object["port"] = *service.port;
  return object;
}

// The token is a secret: whether there is one is all that is said.
json::object DiscoveryJson(const Config& config) {
  const discovery::Settings& discovery = config.discovery;
  json::array servers;
  for (const discovery::Address& server : discovery.dns.servers) servers.emplace_back(server.ToString());
  json::object object{{"default", nullptr},
                      {"state", nullptr},
                      {"dns",
                       {{"servers", std::move(servers)},
                        {"min_ttl", FormatDuration(discovery.dns.min_ttl)},
                        {"max_ttl", FormatDuration(discovery.dns.max_ttl)},
                        {"search", discovery.dns.search}}},
                      {"cloudmap",
                       {{"region", discovery.cloud_map.region},
                        {"endpoint", discovery.cloud_map.endpoint},
                        {"interval", FormatDuration(discovery.cloud_map.interval)}}},
                      {"consul",
                       {{"address", discovery.consul.address},
                        {"token", discovery.consul.token.empty() ? "" : "(set)"},
                        {"datacenter", discovery.consul.datacenter},
                        {"stale", discovery.consul.stale},
                        {"cached", discovery.consul.cached},
                        {"wait", FormatDuration(discovery.consul.wait)}}},
                      {"xds",
                       {{"server", discovery.xds.server},
                        {"node_id", discovery.xds.node_id},
                        {"node_cluster", discovery.xds.node_cluster},
                        {"clusters", discovery.xds.clusters}}}};
  if (discovery.fallback.has_value()) {
    object["default"] =
        ValueFrom(json::value(discovery.fallback->text()), config, config.discovery_default_origin);
  }
  if (discovery.state_directory.has_value()) object["state"] = *discovery.state_directory;
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
      {"caller",
       {{"squad", caller.squad},
        {"service", caller.service},
        {"zone", caller.zone},
        {"cluster", caller.cluster},
        {"task", caller.task}}},
      {"listen", std::move(listen)},
      {"admin", ValueFrom(json::value(config.admin.text), config, config.admin.origin)},
      {"workers", config.workers},
      {"drain_timeout", FormatDuration(config.drain_timeout)},
      {"private", {{"allow", json::array(config.allowed_networks.begin(), config.allowed_networks.end())}}},
      {"discovery", DiscoveryJson(config)},
      {"services", std::move(services)}});
}

}  // namespace naru::config
