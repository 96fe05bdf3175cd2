#include "tests/discovery/xds/messages.h"

namespace naru::discovery::test {

xds::LocalityLbEndpoints& AddLocality(xds::ClusterLoadAssignment& assignment, const std::string& zone) {
  xds::LocalityLbEndpoints& locality = *assignment.add_endpoints();
  if (!zone.empty()) locality.mutable_locality()->set_zone(zone);
  return locality;
}

xds::LbEndpoint& AddEndpoint(xds::LocalityLbEndpoints& locality, const std::string& address) {
  const Address parsed = *Address::Parse(address);
  xds::LbEndpoint& endpoint = *locality.add_lb_endpoints();
  xds::SocketAddress& socket = *endpoint.mutable_endpoint()->mutable_address()->mutable_socket_address();
  socket.set_address(IpToString(parsed.ip));
  socket.set_port_value(parsed.port);
  return endpoint;
}

xds::ClusterLoadAssignment Assignment(const std::string& cluster, const std::vector<std::string>& addresses) {
  xds::ClusterLoadAssignment assignment;
  assignment.set_cluster_name(cluster);
  if (addresses.empty()) return assignment;
  xds::LocalityLbEndpoints& locality = AddLocality(assignment, "");
  for (const std::string& address : addresses) AddEndpoint(locality, address);
  return assignment;
}

xds::Cluster EdsCluster(const std::string& name, const std::string& service_name) {
  xds::Cluster cluster;
  cluster.set_name(name);
  cluster.set_type(xds::Cluster::EDS);
  cluster.mutable_eds_cluster_config()->set_service_name(service_name);
  return cluster;
}

void SetSquad(xds::Cluster& cluster, const std::string& squad) {
  xds::Struct& ours = (*cluster.mutable_metadata()->mutable_filter_metadata())["naru"];
  (*ours.mutable_fields())["squad"].set_string_value(squad);
}

AdsResource Packed(const xds::ClusterLoadAssignment& assignment) {
  return {kEds, assignment.SerializeAsString()};
}

AdsResource Packed(const xds::Cluster& cluster) {
  return {kCds, cluster.SerializeAsString()};
}

std::string Encoded(const AdsResponse& response) {
  xds::DiscoveryResponse message;
  message.set_type_url(response.type_url);
  message.set_version_info(response.version);
  message.set_nonce(response.nonce);
  for (const AdsResource& resource : response.resources) {
    xds::Any& any = *message.add_resources();
    any.set_type_url(resource.type_url);
    any.set_value(resource.bytes);
  }
  return message.SerializeAsString();
}

std::vector<Endpoint> EndpointsAt(const std::vector<std::string>& addresses) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : addresses) endpoints.push_back({.address = *Address::Parse(address)});
  return endpoints;
}

}  // namespace naru::discovery::test
