#include "discovery/xds/resources.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "discovery/text.h"
#include "discovery/xds/ads.pb.h"
#include "discovery/xds/localities.h"

namespace naru::discovery {
namespace {

constexpr uint32_t kHighestPriority = 128;  // envoy.config.endpoint.v3.LocalityLbEndpoints.priority
constexpr uint32_t kHighestPort = 65'535;

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

// --- Cluster ---

std::string SquadOf(const xds::Cluster& message) {
  const auto& filters = message.metadata().filter_metadata();
  const auto ours = filters.find("naru");
  if (ours == filters.end()) return "";
  const auto squad = ours->second.fields().find("squad");
  return squad == ours->second.fields().end() ? "" : squad->second.string_value();
}

std::string NameOfType(const xds::Cluster& message) {
  if (message.has_cluster_type()) return message.cluster_type().name();
  constexpr std::string_view kNames[] = {"STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"};
  const auto index = static_cast<size_t>(message.type());
  return index < std::size(kNames) ? std::string(kNames[index])
                                   : Cat("type ", static_cast<int>(message.type()));
}

absl::StatusOr<ClusterResource> ReadCluster(const xds::Cluster& message) {
  if (!message.has_type() || message.type() != xds::Cluster::EDS) {
    return Wrong(Cat("it is of type ", NameOfType(message),
                     ", and naru takes endpoints of clusters of type EDS only"));
  }
  const std::string& service_name = message.eds_cluster_config().service_name();
  return ClusterResource{.load_assignment = service_name.empty() ? message.name() : service_name,
                         .squad = SquadOf(message)};
}

// --- ClusterLoadAssignment ---

LbHealth HealthOf(xds::HealthStatus status) {
  switch (status) {
    case xds::UNKNOWN:
    case xds::HEALTHY:
      return LbHealth::kServing;
    case xds::DEGRADED:
      return LbHealth::kDegraded;
    default:
      return LbHealth::kNotServing;
  }
}

absl::StatusOr<Address> ReadAddress(const xds::Endpoint& endpoint) {
  if (!endpoint.address().has_socket_address()) return Wrong("has no socket_address");
  const xds::SocketAddress& socket = endpoint.address().socket_address();
  if (socket.protocol() != xds::SocketAddress::TCP) return Wrong("is not reached by TCP");
  const std::optional<IpBytes> ip = ParseIp(socket.address());
  if (!ip) return Wrong(Cat("has the address \"", socket.address(), "\", which is no IP address"));
  if (socket.port_value() == 0 || socket.port_value() > kHighestPort) {
    return Wrong(Cat("has no port_value between 1 and 65535 (", socket.address(), ")"));
  }
  return Address{.ip = *ip, .port = static_cast<uint16_t>(socket.port_value())};
}

absl::StatusOr<LbEndpoint> ReadEndpoint(const xds::LbEndpoint& message) {
  absl::StatusOr<Address> address = ReadAddress(message.endpoint());
  if (!address.ok()) return address.status();
  const bool weighted = message.has_load_balancing_weight();
  if (weighted && message.load_balancing_weight().value() == 0) {
    return Wrong(Cat("has the load_balancing_weight 0 (", address->ToString(), ")"));
  }
  return LbEndpoint{.address = *address,
                    .health = HealthOf(message.health_status()),
                    .weight = weighted ? message.load_balancing_weight().value() : 1};
}

absl::StatusOr<Locality> ReadLocality(const xds::LocalityLbEndpoints& message) {
  if (message.priority() > kHighestPriority) return Wrong(Cat("has the priority ", message.priority()));
  Locality locality{.zone = message.locality().zone(), .priority = message.priority()};
  if (message.has_load_balancing_weight()) locality.weight = message.load_balancing_weight().value();
  locality.endpoints.reserve(message.lb_endpoints_size());
  for (int i = 0; i < message.lb_endpoints_size(); ++i) {
    const absl::StatusOr<LbEndpoint> endpoint = ReadEndpoint(message.lb_endpoints(i));
    if (!endpoint.ok()) return Wrong(Cat("lb_endpoints[", i, "] ", endpoint.status().message()));
    locality.endpoints.push_back(*endpoint);
  }
  return locality;
}

std::string UnsupportedOf(const xds::ClusterLoadAssignment& message) {
  std::string unsupported;
  if (message.policy().drop_overloads_size() > 0) unsupported = "policy.drop_overloads";
  if (message.policy().has_endpoint_stale_after()) {
    unsupported += unsupported.empty() ? "" : " and ";
    unsupported += "policy.endpoint_stale_after";
  }
  return unsupported;
}

absl::StatusOr<LoadAssignmentResource> ReadLoadAssignment(const xds::ClusterLoadAssignment& message) {
  std::vector<Locality> localities;
  for (int i = 0; i < message.endpoints_size(); ++i) {
    absl::StatusOr<Locality> locality = ReadLocality(message.endpoints(i));
    if (!locality.ok()) return Wrong(Cat("endpoints[", i, "] ", locality.status().message()));
    localities.push_back(*std::move(locality));
  }
  return LoadAssignmentResource{.endpoints = EndpointsOf(localities), .unsupported = UnsupportedOf(message)};
}

template <typename Message, typename Content>
Decoded<Content> DecodeAs(std::string_view bytes, const std::string& (Message::*name)() const,
                          absl::StatusOr<Content> (*read)(const Message&)) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return {"", Wrong("it cannot be parsed")};
  }
  const std::string& its_name = (message.*name)();
  if (its_name.empty()) return {"", Wrong("it has no name")};
  return {its_name, read(message)};
}

}  // namespace

Decoded<ClusterResource> DecodeCluster(std::string_view bytes) {
  return DecodeAs<xds::Cluster, ClusterResource>(bytes, &xds::Cluster::name, &ReadCluster);
}

Decoded<LoadAssignmentResource> DecodeLoadAssignment(std::string_view bytes) {
  return DecodeAs<xds::ClusterLoadAssignment, LoadAssignmentResource>(
      bytes, &xds::ClusterLoadAssignment::cluster_name, &ReadLoadAssignment);
}

}  // namespace naru::discovery
