#include "discovery/xds/resources.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "discovery/xds/ads.pb.h"
#include "tests/discovery/xds/messages.h"

namespace naru::discovery {
namespace {

using test::AddEndpoint;
using test::AddLocality;
using test::Assignment;
using test::EdsCluster;
using test::EndpointsAt;
using test::SetSquad;

std::string WhatIsWrong(const xds::ClusterLoadAssignment& assignment) {
  return std::string(DecodeLoadAssignment(assignment.SerializeAsString()).content.status().message());
}

std::string WhatIsWrong(const xds::Cluster& cluster) {
  return std::string(DecodeCluster(cluster.SerializeAsString()).content.status().message());
}

// The bytes of a field, as in the wire format.
std::string Text(int field, const std::string& value) {
  return std::string{static_cast<char>(field * 8 + 2), static_cast<char>(value.size())} + value;
}

TEST(LoadAssignment, IsReadFromTheBytesThatEnvoyDefines) {
  const std::string socket = Text(2, "10.77.0.1") + std::string{3 * 8 + 0, 80};
  const std::string endpoint = Text(1, Text(1, Text(1, socket)));
  const std::string weight = Text(4, std::string{1 * 8 + 0, 5});
  const std::string health{2 * 8 + 0, 1};
  const std::string locality =
      Text(1, Text(1, "eu-west-1") + Text(2, "eu-west-1a")) + Text(2, endpoint + health + weight);
  const auto decoded = DecodeLoadAssignment(Text(1, "courses") + Text(2, locality));
  EXPECT_EQ(decoded.name, "courses");
  ASSERT_TRUE(decoded.content.ok()) << decoded.content.status();
  EXPECT_EQ(
      decoded.content->endpoints,
      (std::vector<Endpoint>{
          {.address = *Address::Parse("10.77.0.1:80"), .weight = 5, .zone = "eu-west-1a", .metadata = {}}}));
}

TEST(LoadAssignment, WithoutEndpointsIsEmpty) {
  const auto decoded = DecodeLoadAssignment(Assignment("courses", {}).SerializeAsString());
  EXPECT_EQ(decoded.name, "courses");
  ASSERT_TRUE(decoded.content.ok());
  EXPECT_EQ(*decoded.content, LoadAssignmentResource());
}

TEST(LoadAssignment, HasIPv6EndpointsToo) {
  const auto decoded = DecodeLoadAssignment(Assignment("courses", {"[fd00::1]:80"}).SerializeAsString());
  ASSERT_TRUE(decoded.content.ok());
  EXPECT_EQ(decoded.content->endpoints, EndpointsAt({"[fd00::1]:80"}));
}

TEST(LoadAssignment, ServesWhoIsHealthyOrOfUnknownHealth) {
  xds::ClusterLoadAssignment assignment =
      Assignment("courses", {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80",
                             "10.0.0.6:80", "10.0.0.7:80"});
  const xds::HealthStatus states[] = {xds::UNKNOWN,
                                      xds::HEALTHY,
                                      xds::UNHEALTHY,
                                      xds::DRAINING,
                                      xds::TIMEOUT,
                                      xds::DEGRADED,
                                      static_cast<xds::HealthStatus>(77)};
  for (int i = 0; i < 7; ++i)
    assignment.mutable_endpoints(0)->mutable_lb_endpoints(i)->set_health_status(states[i]);
  const auto decoded = DecodeLoadAssignment(assignment.SerializeAsString());
  ASSERT_TRUE(decoded.content.ok());
  EXPECT_EQ(decoded.content->endpoints, EndpointsAt({"10.0.0.1:80", "10.0.0.2:80"}));
}

TEST(LoadAssignment, SaysWhatNaruDoesNotDoOfItsPolicy) {
  xds::ClusterLoadAssignment assignment = Assignment("courses", {"10.0.0.1:80"});
  assignment.mutable_policy()->add_drop_overloads()->set_category("throttle");
  EXPECT_EQ(DecodeLoadAssignment(assignment.SerializeAsString()).content->unsupported,
            "policy.drop_overloads");
  assignment.mutable_policy()->mutable_endpoint_stale_after()->set_seconds(60);
  EXPECT_EQ(DecodeLoadAssignment(assignment.SerializeAsString()).content->unsupported,
            "policy.drop_overloads and policy.endpoint_stale_after");
}

TEST(LoadAssignment, IsRefusedWholeWhereOneEndpointMakesNoSense) {
  struct Row {
    std::function<void(xds::LbEndpoint&)> spoil;
    std::string what;
  };
  const auto socket = [](xds::LbEndpoint& endpoint) {
    return endpoint.mutable_endpoint()->mutable_address()->mutable_socket_address();
  };
  const Row rows[] = {
      {[&](auto& one) { socket(one)->set_address("courses.internal"); },
       "endpoints[0] lb_endpoints[1] has the address \"courses.internal\", which is no IP address"},
      {[&](auto& one) { socket(one)->set_address(""); },
       "endpoints[0] lb_endpoints[1] has the address \"\", which is no IP address"},
      {[&](auto& one) { socket(one)->set_port_value(0); },
       "endpoints[0] lb_endpoints[1] has no port_value between 1 and 65535 (10.0.0.2)"},
      {[&](auto& one) { socket(one)->set_port_value(65'536); },
       "endpoints[0] lb_endpoints[1] has no port_value between 1 and 65535 (10.0.0.2)"},
      {[&](auto& one) { socket(one)->set_protocol(xds::SocketAddress::UDP); },
       "endpoints[0] lb_endpoints[1] is not reached by TCP"},
      {[](auto& one) { one.clear_endpoint(); }, "endpoints[0] lb_endpoints[1] has no socket_address"},
      {[](auto& one) { one.mutable_load_balancing_weight(); },
       "endpoints[0] lb_endpoints[1] has the load_balancing_weight 0 (10.0.0.2:80)"},
  };
  for (const Row& row : rows) {
    xds::ClusterLoadAssignment assignment = Assignment("courses", {"10.0.0.1:80", "10.0.0.2:80"});
    row.spoil(*assignment.mutable_endpoints(0)->mutable_lb_endpoints(1));
    EXPECT_EQ(WhatIsWrong(assignment), row.what);
    EXPECT_EQ(DecodeLoadAssignment(assignment.SerializeAsString()).name, "courses");
  }
}

TEST(LoadAssignment, IsRefusedWithAPriorityBeyond128) {
  xds::ClusterLoadAssignment assignment = Assignment("courses", {"10.0.0.1:80"});
  assignment.mutable_endpoints(0)->set_priority(129);
  EXPECT_EQ(WhatIsWrong(assignment), "endpoints[0] has the priority 129");
}

TEST(LoadAssignment, WithoutANameOrUnreadableBelongsToNobody) {
  EXPECT_EQ(WhatIsWrong(Assignment("", {"10.0.0.1:80"})), "it has no name");
  const auto decoded = DecodeLoadAssignment(
      "\x0a\x05"
      "abc");
  EXPECT_EQ(decoded.name, "");
  EXPECT_EQ(decoded.content.status().message(), "it cannot be parsed");
}

TEST(Cluster, NamesItsLoadAssignmentAndItsSquad) {
  xds::Cluster cluster = EdsCluster("courses", "courses-blue");
  SetSquad(cluster, "learning");
  const auto decoded = DecodeCluster(cluster.SerializeAsString());
  EXPECT_EQ(decoded.name, "courses");
  ASSERT_TRUE(decoded.content.ok());
  EXPECT_EQ(*decoded.content, (ClusterResource{.load_assignment = "courses-blue", .squad = "learning"}));
}

TEST(Cluster, WithoutAServiceNameIsKnownToEdsByItsOwn) {
  EXPECT_EQ(*DecodeCluster(EdsCluster("courses").SerializeAsString()).content,
            (ClusterResource{.load_assignment = "courses", .squad = ""}));
}

TEST(Cluster, OfAnotherTypeIsRefused) {
  xds::Cluster cluster = EdsCluster("courses");
  cluster.set_type(xds::Cluster::STRICT_DNS);
  EXPECT_EQ(WhatIsWrong(cluster),
            "it is of type STRICT_DNS, and naru takes endpoints of clusters of type EDS only");
  cluster.mutable_cluster_type()->set_name("envoy.clusters.aggregate");
  EXPECT_EQ(WhatIsWrong(cluster),
            "it is of type envoy.clusters.aggregate, and naru takes endpoints of clusters of type EDS only");
  cluster.clear_cluster_discovery_type();
  EXPECT_EQ(WhatIsWrong(cluster),
            "it is of type STATIC, and naru takes endpoints of clusters of type EDS only");
}

}  // namespace
}  // namespace naru::discovery
