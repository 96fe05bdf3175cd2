// The whole source against a real gRPC server.

#include "discovery/xds/xds_provider.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "discovery/text.h"
#include "tests/discovery/xds/ads_server.h"
#include "tests/discovery/xds/messages.h"
#include "tests/support/reserved_port.h"

namespace naru::discovery {
namespace {

using test::AdsServer;
using test::Assignment;
using test::EndpointsAt;
using test::kEds;
using test::Packed;

constexpr std::chrono::seconds kPatience(20);
const AdsNode kNode{.id = "video/video-api", .cluster = "video-api"};

AdsRequest Eds(std::vector<std::string> names, std::string version = "", std::string nonce = "",
               std::string error = "") {
  return {.type = ResourceType::kLoadAssignment,
          .version = std::move(version),
          .nonce = std::move(nonce),
          .names = std::move(names),
          .node = std::nullopt,
          .error = std::move(error)};
}

AdsRequest First(AdsRequest request) {
  request.node = kNode;
  return request;
}

AdsResponse Response(std::string version, std::string nonce, std::vector<AdsResource> resources) {
  return {.type_url = kEds,
          .version = std::move(version),
          .nonce = std::move(nonce),
          .resources = std::move(resources)};
}

int Threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

struct XdsProviderTest : testing::Test {
  void Provide(const std::string& server) {
    provider = MakeXdsProvider(SourceContext{io, random},
                               {.server = server, .node_id = kNode.id, .node_cluster = kNode.cluster});
  }

  std::unique_ptr<Source> Open(const std::string& cluster) {
    return provider->Open(*SourceUri::Parse("xds://" + cluster),
                          [this](Report report) { reports.push_back(std::move(report)); });
  }

  template <class Condition>
  testing::AssertionResult Becomes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return testing::AssertionSuccess();
      io.run_for(std::chrono::milliseconds(2));
      io.restart();
    }
    return testing::AssertionFailure() << "not within " << kPatience.count() << " s";
  }

  // The next request of the server, in the order in which they came.
  testing::AssertionResult Asks(AdsServer& server, const AdsRequest& expected) {
    const size_t index = seen++;
    if (!Becomes([&] { return server.requests().size() > index; }))
      return testing::AssertionFailure() << "no request";
    const AdsRequest request = server.requests()[index];
    if (request == expected) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "request " << index << " is for " << Join(request.names, ",") << " version " << request.version
           << " nonce " << request.nonce << " error " << request.error << (request.node ? " with node" : "");
  }

  testing::AssertionResult Reports(const std::vector<Report>& expected) {
    const testing::AssertionResult came = Becomes([&] { return reports.size() >= expected.size(); });
    if (!came) return came;
    const bool same = reports == expected;
    reports.clear();
    return same ? testing::AssertionSuccess() : testing::AssertionFailure() << "other reports came";
  }

  // Runs until it is told of trouble that begins so.
  testing::AssertionResult Troubles(const std::string& begin) {
    std::string last;
    const auto told = [&] {
      for (const Report& report : reports) {
        if (const auto* trouble = std::get_if<Trouble>(&report)) last = trouble->detail;
      }
      return last.starts_with(begin);
    };
    if (Becomes(told)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "last told: " << last;
  }

  Report AnswerOf(const std::vector<std::string>& addresses, const std::string& revision) {
    return Answer{.endpoints = EndpointsAt(addresses), .exists = true, .squad = "", .revision = revision};
  }

  boost::asio::io_context io;
  std::mt19937_64 random{1};
  std::unique_ptr<SourceProvider> provider;
  std::vector<Report> reports;
  size_t seen = 0;
};

TEST_F(XdsProviderTest, AsksAnswersAcknowledgesAndFollowsChanges) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  EXPECT_TRUE(reports.empty());
  EXPECT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
  EXPECT_TRUE(Asks(server, Eds({"courses"}, "1", "n1")));
  server.Send(Response("2", "n2", {Packed(Assignment("courses", {"10.0.0.1:80", "10.0.0.2:80"}))}));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80", "10.0.0.2:80"}, "2")}));
  EXPECT_TRUE(Asks(server, Eds({"courses"}, "2", "n2")));
}

TEST_F(XdsProviderTest, SourcesThatAreOpenedTogetherShareAStreamAndARequest) {
  AdsServer server;
  Provide(server.address());
  const auto courses = Open("courses");
  const auto users = Open("users");
  EXPECT_TRUE(Asks(server, First(Eds({"courses", "users"}))));
  EXPECT_EQ(server.streams_begun(), 1);
}

TEST_F(XdsProviderTest, AFurtherSourceOfAClusterIsToldWhatIsKnown) {
  AdsServer server;
  Provide(server.address());
  const auto one = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  ASSERT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
  const auto other = Open("courses");
  EXPECT_TRUE(reports.empty());
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
  server.Send(Response("2", "n2", {Packed(Assignment("courses", {}))}));
  EXPECT_TRUE(Reports({AnswerOf({}, "2"), AnswerOf({}, "2")}));
}

TEST_F(XdsProviderTest, ASourceThatEndsIsGivenUpAndToldNothingMore) {
  AdsServer server;
  Provide(server.address());
  const auto courses = Open("courses");
  auto users = Open("users");
  ASSERT_TRUE(Asks(server, First(Eds({"courses", "users"}))));
  users.reset();
  EXPECT_TRUE(Asks(server, Eds({"courses"})));
  server.Send(Response(
      "1", "n1",
      {Packed(Assignment("users", {"10.0.0.9:80"})), Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
}

TEST_F(XdsProviderTest, ASourceMayEndItselfAndAllOthersInItsReport) {
  AdsServer server;
  Provide(server.address());
  std::vector<std::unique_ptr<Source>> sources;
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    sources.push_back(provider->Open(*SourceUri::Parse("xds://courses"), [&](Report) {
      ++told;
      sources.clear();
    }));
  }
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  EXPECT_TRUE(Becomes([&] { return server.streams_open() == 0; }));
  EXPECT_EQ(told, 1);
}

TEST_F(XdsProviderTest, TheStreamEndsWithTheLastSourceAndBeginsWithTheNext) {
  AdsServer server;
  Provide(server.address());
  auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  ASSERT_TRUE(Asks(server, Eds({"courses"}, "1", "n1")));
  source.reset();
  EXPECT_TRUE(Becomes([&] { return server.streams_open() == 0; }));
  source = Open("courses");
  EXPECT_TRUE(Asks(server, First(Eds({"courses"}))));
}

TEST_F(XdsProviderTest, ASourceThatIsOpenedAgainIsAskedForOnANewStream) {
  AdsServer server;
  Provide(server.address());
  auto courses = Open("courses");
  const auto users = Open("users");
  ASSERT_TRUE(Asks(server, First(Eds({"courses", "users"}))));
  courses.reset();
  ASSERT_TRUE(Asks(server, Eds({"users"})));
  courses = Open("courses");
  EXPECT_TRUE(Asks(server, First(Eds({"courses", "users"}))));
  EXPECT_EQ(server.streams_begun(), 2);
}

TEST_F(XdsProviderTest, WhatMakesNoSenseIsRefusedAndToldAndTheStreamGoesOn) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  xds::ClusterLoadAssignment assignment = Assignment("courses", {"10.0.0.1:80"});
  assignment.mutable_endpoints(0)
      ->mutable_lb_endpoints(0)
      ->mutable_endpoint()
      ->mutable_address()
      ->mutable_socket_address()
      ->set_address("courses.internal");
  server.Send(Response("1", "n1", {Packed(assignment)}));
  const std::string why =
      "endpoints[0] lb_endpoints[0] has the address \"courses.internal\", which is no IP address";
  EXPECT_TRUE(Asks(server, Eds({"courses"}, "", "n1", "\"courses\": " + why)));
  EXPECT_TRUE(Reports(
      {Trouble{Cat("the xDS server ", server.address(), " says of \"courses\" what cannot be used: ", why,
                   "; what it said before stays in use until it is corrected there")}}));
  server.Send(Response("2", "n2", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "2")}));
}

TEST_F(XdsProviderTest, AStreamThatHadAResponseIsFollowedWithoutTroubleAndKeepsItsVersion) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  ASSERT_TRUE(Asks(server, Eds({"courses"}, "1", "n1")));
  server.EndStream();
  EXPECT_TRUE(Asks(server, First(Eds({"courses"}, "1"))));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
}

TEST_F(XdsProviderTest, AServerThatDiesIsTroubleUntilItIsBack) {
  const ReservedPort port;
  auto server = std::make_unique<AdsServer>(port.number());
  const std::string address = server->address();
  Provide(address);
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(*server, First(Eds({"courses"}))));
  server->Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  ASSERT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
  server.reset();
  EXPECT_TRUE(
      Troubles(Cat("the xDS server ", address, " (discovery.xds.server) does not answer: UNAVAILABLE: ")));
  reports.clear();
  server = std::make_unique<AdsServer>(port.number());
  seen = 0;
  ASSERT_TRUE(Asks(*server, First(Eds({"courses"}, "1"))));
  reports.clear();
  server->Send(Response("1", "m1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
  EXPECT_TRUE(Reports({AnswerOf({"10.0.0.1:80"}, "1")}));
}

TEST_F(XdsProviderTest, AServerThatServesNoAdsIsTrouble) {
  AdsServer server(0, false);
  Provide(server.address());
  const auto source = Open("courses");
  EXPECT_TRUE(
      Reports({Trouble{Cat("the xDS server ", server.address(),
                           " (discovery.xds.server) does not answer: UNIMPLEMENTED: what listens there does "
                           "not serve ADS of xDS v3; what it last said stays in use while naru keeps "
                           "trying")}}));
}

TEST_F(XdsProviderTest, AServerThatEndsStreamsWithoutAResponseIsTrouble) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.EndStream();
  EXPECT_TRUE(
      Reports({Trouble{Cat("the xDS server ", server.address(),
                           " (discovery.xds.server) does not answer: the server ended the stream; what it "
                           "last said stays in use while naru keeps trying")}}));
  EXPECT_TRUE(Asks(server, First(Eds({"courses"}))));
}

TEST_F(XdsProviderTest, WhatIsNoResponseEndsTheStream) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.SendBytes("HTTP/1.1 200 OK");
  EXPECT_TRUE(
      Reports({Trouble{Cat("the xDS server ", server.address(),
                           " (discovery.xds.server) does not answer: it sent what is no DiscoveryResponse; "
                           "what it last said stays in use while naru keeps trying")}}));
  EXPECT_TRUE(Asks(server, First(Eds({"courses"}))));
}

TEST_F(XdsProviderTest, TakesAThousandClustersOf50EndpointsInOneResponse) {
  AdsServer server;
  Provide(server.address());
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<AdsResource> resources;
  for (int i = 0; i < 1000; ++i) {
    const std::string cluster = "cluster-" + std::to_string(i);
    sources.push_back(Open(cluster));
    std::vector<std::string> addresses;
    for (int j = 0; j < 50; ++j) addresses.push_back(Cat("10.1.", i % 250, ".", j, ":", 1000 + i));
    resources.push_back(Packed(Assignment(cluster, addresses)));
  }
  ASSERT_TRUE(Becomes([&] { return server.requests().size() == 1; }));
  EXPECT_EQ(server.requests()[0].names.size(), 1000u);
  server.Send(Response("1", "n1", std::move(resources)));
  ASSERT_TRUE(Becomes([&] { return reports.size() == 1000; }));
  for (const Report& report : reports) {
    ASSERT_TRUE(std::holds_alternative<Answer>(report));
    EXPECT_EQ(std::get<Answer>(report).endpoints.size(), 50u);
  }
}

TEST_F(XdsProviderTest, AResponseBeyond64MiBIsTrouble) {
  AdsServer server;
  Provide(server.address());
  const auto source = Open("courses");
  ASSERT_TRUE(Asks(server, First(Eds({"courses"}))));
  server.SendBytes(std::string(64 * 1024 * 1024 + 1, ' '));
  EXPECT_TRUE(Troubles(Cat("the xDS server ", server.address(),
                           " (discovery.xds.server) does not answer: RESOURCE_EXHAUSTED: ")));
}

TEST_F(XdsProviderTest, WithoutAServerSaysWhatToSet) {
  Provide("");
  const auto source = Open("courses");
  EXPECT_TRUE(reports.empty());
  EXPECT_TRUE(Reports({Trouble{"there is no xDS server to ask: set discovery.xds.server to its HOST:PORT"}}));
}

TEST_F(XdsProviderTest, StartsNothingBeforeTheFirstSource) {
  Provide("127.0.0.1:1");
  const int before = Threads();
  io.run_for(std::chrono::milliseconds(10));
  io.restart();
  EXPECT_EQ(Threads(), before);
  const auto source = Open("courses");
  EXPECT_TRUE(Becomes([&] { return Threads() > before; }));
}

TEST_F(XdsProviderTest, EndsInTheMiddleOfAnything) {
  for (int round = 0; round < 50; ++round) {
    AdsServer server;
    Provide(server.address());
    auto source = Open("courses");
    for (int step = 0; step < round; ++step) {
      io.run_for(std::chrono::microseconds(100));
      io.restart();
    }
    server.Send(Response("1", "n1", {Packed(Assignment("courses", {"10.0.0.1:80"}))}));
    source.reset();
    provider.reset();
  }
}

TEST_F(XdsProviderTest, AnIoContextMayEndWithoutHavingRunWhatIsLeftToIt) {
  AdsServer server;
  for (int round = 0; round < 20; ++round) {
    boost::asio::io_context other;
    const auto one = MakeXdsProvider(SourceContext{other, random}, {.server = server.address()});
    const auto source = one->Open(*SourceUri::Parse("xds://courses"), [](Report) {});
    other.run_for(std::chrono::microseconds(200 * round));
  }
}

}  // namespace
}  // namespace naru::discovery
