#include "sidecar/config/effective_config.h"

#include <boost/json.hpp>
#include <span>
#include <string_view>

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

// Where plain values came from, those that stand in no {value, from}: by the path from the object beside it.
json::object OriginsJson(const Config& config, const Origins& origins,
                         std::span<const std::string_view> keys) {
  json::object object;
  for (const std::string_view key : keys) object[key] = config.Where(OriginIn(origins, key));
  return object;
}

constexpr std::string_view kServiceKeys[] = {"squad", "hosts", "port", "protocol"};
constexpr std::string_view kFileKeys[] = {"caller.squad",
                                          "caller.service",
                                          "caller.zone",
                                          "workers",
                                          "drain_timeout",
                                          "private.allow",
                                          "discovery.default",
                                          "discovery.state",
                                          "discovery.dns.servers",
                                          "discovery.dns.min_ttl",
                                          "discovery.dns.max_ttl",
                                          "discovery.dns.search",
                                          "discovery.cloudmap.region",
                                          "discovery.cloudmap.endpoint",
                                          "discovery.cloudmap.interval",
                                          "discovery.consul.address",
                                          "discovery.consul.token",
                                          "discovery.consul.datacenter",
                                          "discovery.consul.stale",
                                          "discovery.consul.cached",
                                          "discovery.consul.wait",
                                          "discovery.xds.server",
                                          "discovery.xds.node_id",
                                          "discovery.xds.node_cluster",
                                          "discovery.xds.clusters"};

json::object ServiceOriginsJson(const Config& config, const Service& service) {
  json::object origins = OriginsJson(config, service.origins, kServiceKeys);
  origins["source"] = config.Where(service.endpoints_origin);
  return origins;
}

// What the file leaves open about the caller may have been found out where naru runs.
void NoteFoundOut(json::object& origins, std::string_view key, bool found) {
  constexpr std::string_view kFoundOut = "environment or task metadata";
  if (found && origins[key] == "default") origins[key] = kFoundOut;
}

json::object FileOriginsJson(const Config& config) {
  json::object origins = OriginsJson(config, config.origins, kFileKeys);
  const Caller& caller = config.caller;
  const Caller nobody;
  NoteFoundOut(origins, "caller.squad", caller.squad != nobody.squad);
  NoteFoundOut(origins, "caller.service", caller.service != nobody.service);
  NoteFoundOut(origins, "caller.zone", caller.zone != nobody.zone);
  for (const std::string_view key : {"caller.cluster", "caller.task"}) origins[key] = "task metadata";
  return origins;
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
                      {"origins", ServiceOriginsJson(config, service)},
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
      {"origins", FileOriginsJson(config)},
      {"services", std::move(services)}});
}

}  // namespace naru::config
