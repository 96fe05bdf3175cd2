#include "discovery/xds/xds_subscriptions.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "discovery/xds/ads.pb.h"
#include "tests/discovery/xds/messages.h"

namespace naru::discovery {

// For readable failures.
void PrintTo(const XdsSubscriptions::News& news, std::ostream* out) {
  *out << news.cluster << ": ";
  if (const auto* trouble = std::get_if<Trouble>(&news.report)) *out << "trouble: " << trouble->detail;
  if (std::holds_alternative<Confirmed>(news.report)) *out << "confirmed";
  if (const auto* answer = std::get_if<Answer>(&news.report)) {
    *out << (answer->exists ? "" : "gone ") << "revision " << answer->revision << " squad " << answer->squad;
    for (const Endpoint& endpoint : answer->endpoints) *out << " " << endpoint.address.ToString();
  }
}

namespace {

using std::chrono::seconds;
using test::Assignment;
using test::EdsCluster;
using test::EndpointsAt;
using test::kCds;
using test::kEds;
using test::Packed;
using test::SetSquad;
using News = XdsSubscriptions::News;

constexpr TimePoint kNow{seconds(1000)};
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

AdsRequest Cds(std::vector<std::string> names, std::string version = "", std::string nonce = "",
               std::string error = "") {
  AdsRequest request = Eds(std::move(names), std::move(version), std::move(nonce), std::move(error));
  request.type = ResourceType::kCluster;
  return request;
}

AdsRequest First(AdsRequest request) {
  request.node = kNode;
  return request;
}

AdsResponse Response(const char* type, std::string version, std::string nonce,
                     std::vector<AdsResource> resources) {
  return {.type_url = type,
          .version = std::move(version),
          .nonce = std::move(nonce),
          .resources = std::move(resources)};
}

News AnswerOf(const std::string& cluster, const std::vector<std::string>& addresses,
              const std::string& revision, const std::string& squad = "") {
  return {cluster,
          Answer{.endpoints = EndpointsAt(addresses), .exists = true, .squad = squad, .revision = revision}};
}

News GoneOf(const std::string& cluster, const std::string& revision) {
  return {cluster, Answer{.endpoints = {}, .exists = false, .squad = "", .revision = revision}};
}

News TroubleOf(const std::string& cluster, const std::string& detail) {
  return {cluster, Trouble{detail}};
}

News ConfirmedOf(const std::string& cluster) {
  return {cluster, Confirmed{}};
}

AdsResource CoursesAt(const std::string& address) {
  return Packed(Assignment("courses", {address}));
}

AdsResource UsersAt(const std::string& address) {
  return Packed(Assignment("users", {address}));
}

// A load assignment that makes no sense.
AdsResource Malformed(const std::string& cluster) {
  xds::ClusterLoadAssignment assignment = Assignment(cluster, {"10.0.0.1:80"});
  assignment.mutable_endpoints(0)->mutable_lb_endpoints(0)->mutable_endpoint()->clear_address();
  return Packed(assignment);
}

const char kNoAddress[] = "endpoints[0] lb_endpoints[0] has no socket_address";

std::string CannotBeUsed(const std::string& cluster, const std::string& why) {
  return "the xDS server xds:18000 says of \"" + cluster + "\" what cannot be used: " + why +
         "; what it said before stays in use until it is corrected there";
}

struct Subscriptions : ::testing::Test {
  explicit Subscriptions(bool clusters = false) : subscriptions("xds:18000", kNode, clusters) {}

  std::vector<AdsRequest> SendAll(TimePoint now = kNow) {
    std::vector<AdsRequest> requests;
    while (std::optional<AdsRequest> request = subscriptions.NextRequest()) {
      subscriptions.RequestSent(now);
      requests.push_back(*std::move(request));
    }
    return requests;
  }

  std::vector<News> ReceiveEds(std::string version, std::string nonce, std::vector<AdsResource> resources) {
    return subscriptions.Receive(Response(kEds, std::move(version), std::move(nonce), std::move(resources)));
  }

  std::vector<News> ReceiveCds(std::string version, std::string nonce, std::vector<AdsResource> resources) {
    return subscriptions.Receive(Response(kCds, std::move(version), std::move(nonce), std::move(resources)));
  }

  XdsSubscriptions subscriptions;
};

using Requests = std::vector<AdsRequest>;
using AllNews = std::vector<News>;

struct XdsSubscriptionsTest : Subscriptions {};

TEST_F(XdsSubscriptionsTest, AsksForAllClustersInOneRequestAndIntroducesItselfInTheFirstOfAStream) {
  subscriptions.Subscribe("users");
  subscriptions.Subscribe("courses");
  EXPECT_EQ(SendAll(), Requests{First(Eds({"courses", "users"}))});
  subscriptions.Subscribe("videos");
  EXPECT_EQ(SendAll(), Requests{Eds({"courses", "users", "videos"})});
  subscriptions.StreamEnded();
  EXPECT_EQ(SendAll(), Requests{First(Eds({"courses", "users", "videos"}))});
}

TEST_F(XdsSubscriptionsTest, AnswersWithWhatArrivedAndAcknowledgesIt) {
  subscriptions.Subscribe("courses");
  SendAll();
  EXPECT_EQ(ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "7")});
  EXPECT_EQ(SendAll(), Requests{Eds({"courses"}, "7", "n1")});
  EXPECT_EQ(subscriptions.Known("courses"),
            std::get<Answer>(AnswerOf("courses", {"10.0.0.1:80"}, "7").report));
}

TEST_F(XdsSubscriptionsTest, ALoadAssignmentThatIsNotInAResponseIsUnchanged) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80"), UsersAt("10.0.0.2:80")});
  EXPECT_EQ(ReceiveEds("8", "n2", {UsersAt("10.0.0.3:80")}),
            AllNews{AnswerOf("users", {"10.0.0.3:80"}, "8")});
  EXPECT_EQ(ReceiveEds("9", "n3", {}), AllNews());
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

TEST_F(XdsSubscriptionsTest, AnEmptyLoadAssignmentMeansThatThereAreNoEndpoints) {
  subscriptions.Subscribe("courses");
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  EXPECT_EQ(ReceiveEds("8", "n2", {Packed(Assignment("courses", {}))}),
            AllNews{AnswerOf("courses", {}, "8")});
}

TEST_F(XdsSubscriptionsTest, WhatWasNotAskedForIsIgnoredEvenWhenMalformed) {
  subscriptions.Subscribe("courses");
  SendAll();
  EXPECT_EQ(ReceiveEds("7", "n1", {Malformed("secrets"), CoursesAt("10.0.0.1:80")}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "7")});
  EXPECT_EQ(SendAll(), Requests{Eds({"courses"}, "7", "n1")});
}

TEST_F(XdsSubscriptionsTest, ATypeThatWasNotAskedForIsIgnored) {
  subscriptions.Subscribe("courses");
  SendAll();
  EXPECT_EQ(ReceiveCds("7", "n1", {Packed(EdsCluster("courses"))}), AllNews());
  EXPECT_EQ(subscriptions.Receive(Response("type.googleapis.com/x", "7", "n1", {})), AllNews());
  EXPECT_EQ(SendAll(), Requests());
}

TEST_F(XdsSubscriptionsTest, AMalformedOneIsRefusedKeepsItsStateAndTheOthersAreUsed) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80"), UsersAt("10.0.0.2:80")});
  SendAll();
  EXPECT_EQ(ReceiveEds("8", "n2", {Malformed("courses"), UsersAt("10.0.0.3:80")}),
            (AllNews{TroubleOf("courses", CannotBeUsed("courses", kNoAddress)),
                     AnswerOf("users", {"10.0.0.3:80"}, "8")}));
  EXPECT_EQ(SendAll(),
            Requests{Eds({"courses", "users"}, "7", "n2", std::string("\"courses\": ") + kNoAddress)});
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

TEST_F(XdsSubscriptionsTest, OneThatIsTwiceInAResponseIsRefused) {
  subscriptions.Subscribe("courses");
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  SendAll();
  EXPECT_EQ(ReceiveEds("8", "n2", {CoursesAt("10.0.0.2:80"), CoursesAt("10.0.0.3:80")}),
            AllNews{TroubleOf("courses", CannotBeUsed("courses", "it is in the response twice"))});
  EXPECT_EQ(SendAll(), Requests{Eds({"courses"}, "7", "n2", "\"courses\": it is in the response twice")});
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

TEST_F(XdsSubscriptionsTest, WhatCannotBeReadAtAllTroublesThoseWhomItMayBeAbout) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  SendAll();
  EXPECT_EQ(ReceiveEds("7", "n1",
                       {{kEds,
                         "\x0a\x05"
                         "abc"},
                        UsersAt("10.0.0.2:80")}),
            (AllNews{AnswerOf("users", {"10.0.0.2:80"}, "7"),
                     TroubleOf("courses",
                               CannotBeUsed("courses", "a resource cannot be used: it cannot be parsed"))}));
  EXPECT_EQ(SendAll(),
            Requests{Eds({"courses", "users"}, "", "n1", "a resource cannot be used: it cannot be parsed")});
}

TEST_F(XdsSubscriptionsTest, AResourceOfAnotherTypeThanItsResponseIsRefused) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveEds("7", "n1", {Packed(EdsCluster("courses"))});
  EXPECT_EQ(SendAll(),
            Requests{Eds({"courses"}, "", "n1", std::string("a resource is of type \"") + kCds + "\"")});
}

TEST_F(XdsSubscriptionsTest, ARefusalTellsTenProblemsAndHowManyMoreThereAre) {
  std::vector<AdsResource> resources;
  for (int i = 10; i < 23; ++i) {
    subscriptions.Subscribe("c" + std::to_string(i));
    resources.push_back(Malformed("c" + std::to_string(i)));
  }
  SendAll();
  ReceiveEds("7", "n1", resources);
  const std::string error = SendAll().front().error;
  EXPECT_TRUE(error.starts_with(std::string("\"c10\": ") + kNoAddress + "; \"c11\": ")) << error;
  EXPECT_TRUE(error.ends_with(std::string("\"c19\": ") + kNoAddress + "; and 3 more")) << error;
}

TEST_F(XdsSubscriptionsTest, WhatIsNotSupportedIsSaidAndTheEndpointsAreUsed) {
  subscriptions.Subscribe("courses");
  xds::ClusterLoadAssignment assignment = Assignment("courses", {"10.0.0.1:80"});
  assignment.mutable_policy()->add_drop_overloads();
  EXPECT_EQ(
      ReceiveEds("7", "n1", {Packed(assignment)}),
      (AllNews{
          AnswerOf("courses", {"10.0.0.1:80"}, "7"),
          TroubleOf("courses",
                    "the xDS server xds:18000 sets policy.drop_overloads for \"courses\", which naru does "
                    "not do; the endpoints are used as if it were not there")}));
}

// Time

TEST_F(XdsSubscriptionsTest, WhatDoesNotComeWithin15SecondsIsTroubleAndNoAnswer) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  SendAll();
  ReceiveEds("7", "n1", {UsersAt("10.0.0.2:80")});
  EXPECT_EQ(subscriptions.NextTick(), kNow + seconds(15));
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(14)), AllNews());
  EXPECT_EQ(
      subscriptions.Tick(kNow + seconds(15)),
      (AllNews{
          TroubleOf("courses",
                    "the xDS server xds:18000 has sent no \"courses\" for 15 s: it knows no such cluster, "
                    "or tells only who asks for clusters first (discovery.xds.clusters: true)"),
          ConfirmedOf("users")}));
  EXPECT_EQ(subscriptions.Known("courses"), std::nullopt);
}

TEST_F(XdsSubscriptionsTest, WhatComesLateIsAnAnswer) {
  subscriptions.Subscribe("courses");
  SendAll();
  subscriptions.Tick(kNow + seconds(15));
  EXPECT_EQ(ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "7")});
}

TEST_F(XdsSubscriptionsTest, AStreamThatStandsConfirmsEvery15Seconds) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(15)), AllNews{ConfirmedOf("courses")});
  EXPECT_EQ(subscriptions.NextTick(), kNow + seconds(30));
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(20)), AllNews());
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(30)), AllNews{ConfirmedOf("courses")});
}

TEST_F(XdsSubscriptionsTest, ALaterStreamConfirmsWhatAnEarlierOneSaidThoughNothingIsSentAgain) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  subscriptions.StreamEnded();
  EXPECT_EQ(subscriptions.NextTick(), std::nullopt);
  EXPECT_EQ(SendAll(kNow + seconds(60)), Requests{First(Eds({"courses"}, "7"))});
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(75)), AllNews{ConfirmedOf("courses")});
}

TEST_F(XdsSubscriptionsTest, WhatWasRefusedIsNotConfirmedUntilItIsCorrected) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  ReceiveEds("8", "n2", {Malformed("courses")});
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(15)), AllNews());
  ReceiveEds("9", "n3", {CoursesAt("10.0.0.1:80")});
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(30)), AllNews{ConfirmedOf("courses")});
}

// Streams and subscriptions that end

TEST_F(XdsSubscriptionsTest, AFailureIsTroubleForEveryoneAndWhatIsKnownStaysKnown) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  subscriptions.StreamEnded();
  EXPECT_EQ(subscriptions.Failed("gone"),
            (AllNews{TroubleOf("courses", "gone"), TroubleOf("users", "gone")}));
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

TEST_F(XdsSubscriptionsTest, UnsubscribingSendsTheNamesThatAreLeft) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  SendAll();
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80"), UsersAt("10.0.0.2:80")});
  SendAll();
  subscriptions.Unsubscribe("courses");
  EXPECT_EQ(SendAll(), Requests{Eds({"users"}, "7", "n1")});
  EXPECT_EQ(subscriptions.Known("courses"), std::nullopt);
  EXPECT_FALSE(subscriptions.NeedsNewStream());
}

TEST_F(XdsSubscriptionsTest, SubscribingAgainNeedsANewStreamBecauseSomeServersDoNotSendTwice) {
  subscriptions.Subscribe("courses");
  subscriptions.Subscribe("users");
  SendAll();
  subscriptions.Unsubscribe("courses");
  subscriptions.Subscribe("courses");
  EXPECT_TRUE(subscriptions.NeedsNewStream());
  subscriptions.StreamEnded();
  EXPECT_FALSE(subscriptions.NeedsNewStream());
  EXPECT_EQ(SendAll(), Requests{First(Eds({"courses", "users"}))});
}

TEST_F(XdsSubscriptionsTest, TheLastToUnsubscribeForgetsEverything) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveEds("7", "n1", {CoursesAt("10.0.0.1:80")});
  subscriptions.Unsubscribe("courses");
  EXPECT_TRUE(subscriptions.empty());
  EXPECT_EQ(subscriptions.NextTick(), std::nullopt);
  EXPECT_EQ(SendAll(), Requests());
  subscriptions.Subscribe("courses");
  EXPECT_EQ(SendAll(), Requests{First(Eds({"courses"}))});
}

// CDS first

struct XdsSubscriptionsWithClustersTest : Subscriptions {
  XdsSubscriptionsWithClustersTest() : Subscriptions(true) {}

  // "courses" whose endpoints EDS calls "blue", all acknowledged.
  void LearnCourses() {
    subscriptions.Subscribe("courses");
    SendAll();
    ReceiveCds("1", "c1", {Packed(EdsCluster("courses", "blue"))});
    SendAll();
    ReceiveEds("1", "e1", {Packed(Assignment("blue", {"10.0.0.1:80"}))});
    SendAll();
  }
};

TEST_F(XdsSubscriptionsWithClustersTest, AsksForTheClusterAndThenForItsEndpointsByTheirName) {
  subscriptions.Subscribe("courses");
  EXPECT_EQ(SendAll(), Requests{First(Cds({"courses"}))});
  xds::Cluster cluster = EdsCluster("courses", "blue");
  SetSquad(cluster, "learning");
  EXPECT_EQ(ReceiveCds("1", "c1", {Packed(cluster)}), AllNews());
  EXPECT_EQ(SendAll(), (Requests{Cds({"courses"}, "1", "c1"), Eds({"blue"})}));
  EXPECT_EQ(ReceiveEds("5", "e1", {Packed(Assignment("blue", {"10.0.0.1:80"}))}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "5", "learning")});
  EXPECT_EQ(SendAll(), Requests{Eds({"blue"}, "5", "e1")});
}

TEST_F(XdsSubscriptionsWithClustersTest, ClustersThatShareEndpointsAreToldBoth) {
  subscriptions.Subscribe("a");
  subscriptions.Subscribe("b");
  ReceiveCds("1", "c1", {Packed(EdsCluster("a", "shared")), Packed(EdsCluster("b", "shared"))});
  EXPECT_EQ(ReceiveEds("1", "e1", {Packed(Assignment("shared", {"10.0.0.1:80"}))}),
            (AllNews{AnswerOf("a", {"10.0.0.1:80"}, "1"), AnswerOf("b", {"10.0.0.1:80"}, "1")}));
}

TEST_F(XdsSubscriptionsWithClustersTest, OtherEndpointsAreAwaitedBeforeTheOldOnesGo) {
  LearnCourses();
  EXPECT_EQ(ReceiveCds("2", "c2", {Packed(EdsCluster("courses", "green"))}), AllNews());
  EXPECT_EQ(SendAll(), (Requests{Cds({"courses"}, "2", "c2"), Eds({"green"}, "1", "e1")}));
  EXPECT_EQ(ReceiveEds("2", "e2", {Packed(Assignment("green", {"10.0.0.2:80"}))}),
            AllNews{AnswerOf("courses", {"10.0.0.2:80"}, "2")});
}

TEST_F(XdsSubscriptionsWithClustersTest, AnotherSquadIsToldAtOnce) {
  LearnCourses();
  xds::Cluster cluster = EdsCluster("courses", "blue");
  SetSquad(cluster, "learning");
  EXPECT_EQ(ReceiveCds("2", "c2", {Packed(cluster)}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "1", "learning")});
  EXPECT_EQ(ReceiveCds("3", "c3", {Packed(cluster)}), AllNews());
}

TEST_F(XdsSubscriptionsWithClustersTest, AKnownClusterThatAResponseDoesNotContainIsGone) {
  LearnCourses();
  EXPECT_EQ(ReceiveCds("2", "c2", {}), AllNews{GoneOf("courses", "2")});
  EXPECT_EQ(SendAll(), (Requests{Cds({"courses"}, "2", "c2"), Eds({}, "1", "e1")}));
  EXPECT_EQ(ReceiveCds("3", "c3", {}), AllNews());
}

TEST_F(XdsSubscriptionsWithClustersTest, AClusterThatComesBackIsAskedForOnANewStream) {
  LearnCourses();
  ReceiveCds("2", "c2", {});
  SendAll();
  EXPECT_EQ(ReceiveCds("3", "c3", {Packed(EdsCluster("courses", "blue"))}), AllNews());
  EXPECT_TRUE(subscriptions.NeedsNewStream());
  subscriptions.StreamEnded();
  EXPECT_EQ(SendAll(), (Requests{First(Cds({"courses"}, "3")), Eds({"blue"}, "1")}));
  EXPECT_EQ(ReceiveEds("1", "e1", {Packed(Assignment("blue", {"10.0.0.1:80"}))}),
            AllNews{AnswerOf("courses", {"10.0.0.1:80"}, "1")});
}

TEST_F(XdsSubscriptionsWithClustersTest, AClusterThatWasNeverKnownMayOnlyBeLate) {
  subscriptions.Subscribe("courses");
  SendAll();
  EXPECT_EQ(ReceiveCds("1", "c1", {}), AllNews());
}

TEST_F(XdsSubscriptionsWithClustersTest, AClusterWithoutWhichTheServerAnswersFor15SecondsDoesNotExist) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveCds("1", "c1", {});
  SendAll();
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(15)), (AllNews{GoneOf("courses", ""), ConfirmedOf("courses")}));
}

TEST_F(XdsSubscriptionsWithClustersTest, AServerThatSaysNothingFor15SecondsIsTrouble) {
  subscriptions.Subscribe("courses");
  SendAll();
  EXPECT_EQ(
      subscriptions.Tick(kNow + seconds(15)),
      AllNews{TroubleOf("courses", "the xDS server xds:18000 has not answered for 15 s: is it ready?")});
}

TEST_F(XdsSubscriptionsWithClustersTest, EndpointsThatTheServerDoesNotKnowAreTrouble) {
  subscriptions.Subscribe("courses");
  SendAll();
  ReceiveCds("1", "c1", {Packed(EdsCluster("courses", "blue"))});
  SendAll(kNow + seconds(1));
  EXPECT_EQ(subscriptions.Tick(kNow + seconds(16)),
            AllNews{TroubleOf("courses",
                              "the xDS server xds:18000 has sent no \"blue\" for 15 s: its cluster refers to "
                              "endpoints that it does not know")});
}

TEST_F(XdsSubscriptionsWithClustersTest, NoClusterIsGoneWhereTheResponseCannotBeReadWhole) {
  LearnCourses();
  EXPECT_EQ(ReceiveCds("2", "c2",
                       {{kCds,
                         "\x0a\x05"
                         "abc"}}),
            AllNews{TroubleOf("courses",
                              CannotBeUsed("courses", "a resource cannot be used: it cannot be parsed"))});
  EXPECT_EQ(SendAll(),
            Requests{Cds({"courses"}, "1", "c2", "a resource cannot be used: it cannot be parsed")});
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

TEST_F(XdsSubscriptionsWithClustersTest, AClusterOfAnotherTypeIsRefusedAndKeepsItsEndpoints) {
  LearnCourses();
  xds::Cluster cluster = EdsCluster("courses");
  cluster.set_type(xds::Cluster::STATIC);
  const std::string why = "it is of type STATIC, and naru takes endpoints of clusters of type EDS only";
  EXPECT_EQ(ReceiveCds("2", "c2", {Packed(cluster)}),
            AllNews{TroubleOf("courses", CannotBeUsed("courses", why))});
  EXPECT_EQ(SendAll(), Requests{Cds({"courses"}, "1", "c2", "\"courses\": " + why)});
  EXPECT_EQ(subscriptions.Known("courses")->endpoints, EndpointsAt({"10.0.0.1:80"}));
}

}  // namespace
}  // namespace naru::discovery
