// Words for what an xDS server sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discovery/endpoint.h"
#include "discovery/xds/ads.pb.h"
#include "discovery/xds/ads_message.h"

namespace naru::discovery::test {

inline constexpr char kEds[] = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
inline constexpr char kCds[] = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

// What of the load assignment of one cluster a test says: one locality of these addresses.
xds::ClusterLoadAssignment Assignment(const std::string& cluster, const std::vector<std::string>& addresses);
xds::LocalityLbEndpoints& AddLocality(xds::ClusterLoadAssignment& assignment, const std::string& zone);
xds::LbEndpoint& AddEndpoint(xds::LocalityLbEndpoints& locality, const std::string& address);

xds::Cluster EdsCluster(const std::string& name, const std::string& service_name = "");
void SetSquad(xds::Cluster& cluster, const std::string& squad);

AdsResource Packed(const xds::ClusterLoadAssignment& assignment);
AdsResource Packed(const xds::Cluster& cluster);

// As a server would write it.
std::string Encoded(const AdsResponse& response);

std::vector<Endpoint> EndpointsAt(const std::vector<std::string>& addresses);

}  // namespace naru::discovery::test
