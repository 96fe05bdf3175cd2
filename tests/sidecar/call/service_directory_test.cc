#include "sidecar/call/service_directory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::call {
namespace {

using resilience::FailureKind;

config::Route MakeRoute(std::string_view match, std::string name) {
  config::Route route;
  route.pattern = *config::RoutePattern::Parse(match);
  route.name = std::move(name);
  return route;
}

config::Config TwoServices() {
  config::Config config;
  config.files = {"naru.yaml"};
  config.admin.text = "127.0.0.1:4001";
  config::Service courses;
  courses.name = "courses";
  courses.hosts = {"api.example.com", "[fd00::9]"};
  courses.port = 4101;
  courses.routes.push_back(MakeRoute("GET /v1/courses/{id}", "course"));
  config::Service orders;
  orders.name = "orders";
  config.services = {courses, orders};
  return config;
}

// What a test says of an answer, on one line: "courses by kPath: /v1/x" or "kBadRequest of NAME".
std::string Say(NamedBy named_by) {
  switch (named_by) {
    case NamedBy::kPort:
      return "port";
    case NamedBy::kHost:
      return "host";
    case NamedBy::kHostAlias:
      return "alias";
    case NamedBy::kPath:
      return "path";
    case NamedBy::kAbsoluteUrl:
      return "url";
  }
  return "?";
}

std::string Say(const std::variant<Target, NamingFailure>& answer) {
  if (const auto* failure = std::get_if<NamingFailure>(&answer)) {
    return std::string(resilience::TraitsOf(failure->kind).name) + " " + failure->name;
  }
  const Target& target = std::get<Target>(answer);
  std::string said =
      target.service->name + " by " + Say(target.named_by) + ": " + std::string(target.path_and_query);
  if (!target.kept_host.empty()) said += " keeping " + std::string(target.kept_host);
  if (target.route != nullptr) said += " route " + target.route->name;
  return said;
}

class ServiceDirectoryTest : public testing::Test {
 protected:
  std::string Resolve(const Naming& naming) const { return Say(directory_.Resolve(naming)); }
  NamingFailure Failure(const Naming& naming) const {
    return std::get<NamingFailure>(directory_.Resolve(naming));
  }

  const config::Config config_ = TwoServices();
  const ServiceDirectory directory_{config_};
};

TEST_F(ServiceDirectoryTest, ReadsEveryWayOfNamingAService) {
  struct Row {
    Naming naming;
    std::string said;
  };
  const std::vector<Row> rows = {
      // Its own port, whatever the Host.
      {{4101, "GET", "/v1/x", "127.0.0.1:4101"}, "courses by port: /v1/x"},
      {{4101, "GET", "/orders/x", "orders"}, "courses by port: /orders/x"},
      {{4101, "GET", "http://orders/x?y", ""}, "courses by port: /x?y"},
      {{4101, "GET", "/v1/courses/7?full", ""}, "courses by port: /v1/courses/7?full route course"},
      {{4101, "OPTIONS", "*", ""}, "courses by port: *"},
      // Host: case, port and trailing dot do not count.
      {{0, "GET", "/v1/x", "courses"}, "courses by host: /v1/x"},
      {{0, "GET", "/v1/x", "Courses:4000"}, "courses by host: /v1/x"},
      {{0, "GET", "/v1/x", "courses."}, "courses by host: /v1/x"},
      {{0, "GET", "/v1/x", "courses.:80"}, "courses by host: /v1/x"},
      {{0, "GET", "/v1/courses/7", "courses"}, "courses by host: /v1/courses/7 route course"},
      {{0, "POST", "/v1/courses/7", "courses"}, "courses by host: /v1/courses/7"},
      {{0, "OPTIONS", "*", "courses"}, "courses by host: *"},
      {{0, "GET", "/v1/x", "API.example.com:443"}, "courses by alias: /v1/x keeping api.example.com"},
      {{0, "GET", "/v1/x", "[FD00::9]:80"}, "courses by alias: /v1/x keeping [fd00::9]"},
      // A loopback Host, or none: the first path segment.
      {{0, "GET", "/courses/v1/x", "127.0.0.1:4000"}, "courses by path: /v1/x"},
      {{0, "GET", "/courses/v1/x?q=/orders", "localhost"}, "courses by path: /v1/x?q=/orders"},
      {{0, "GET", "/courses/v1/courses/7?x", "localhost"}, "courses by path: /v1/courses/7?x route course"},
      {{0, "GET", "/courses/v1/x", "LOCALHOST."}, "courses by path: /v1/x"},
      {{0, "GET", "/courses/v1/x", "naru.localhost"}, "courses by path: /v1/x"},
      {{0, "GET", "/courses/v1/x", "127.8.9.1"}, "courses by path: /v1/x"},
      {{0, "GET", "/courses/v1/x", "[::1]:4000"}, "courses by path: /v1/x"},
      {{0, "GET", "/courses/v1/x", ""}, "courses by path: /v1/x"},
      {{0, "GET", "/courses", ""}, "courses by path: /"},
      {{0, "OPTIONS", "/courses", ""}, "courses by path: /"},
      {{0, "GET", "/courses/", ""}, "courses by path: /"},
      {{0, "GET", "/courses?x=1", ""}, "courses by path: /?x=1"},
      {{0, "GET", "/courses//orders", ""}, "courses by path: //orders"},
      {{0, "GET", "/courses/../orders/x", ""}, "courses by path: /../orders/x"},
      {{0, "GET", "/courses/%2e%2e/orders/x", ""}, "courses by path: /%2e%2e/orders/x"},
      // The absolute URL of a proxy's client wins over Host.
      {{0, "GET", "http://courses/v1/x", "orders"}, "courses by url: /v1/x"},
      {{0, "GET", "HTTP://COURSES:80/v1/x", "orders"}, "courses by url: /v1/x"},
      {{0, "GET", "http://courses", ""}, "courses by url: /"},
      {{0, "OPTIONS", "http://courses", ""}, "courses by url: *"},
      {{0, "GET", "http://courses?x=1", ""}, "courses by url: /?x=1"},
      {{0, "GET", "http://api.example.com/x", ""}, "courses by url: /x keeping api.example.com"},
      {{0, "GET", "http://localhost:4000/courses/x", "orders"}, "courses by path: /x"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Resolve(row.naming), row.said)
        << row.naming.method << ' ' << row.naming.target << ' ' << row.naming.host;
  }
}

TEST_F(ServiceDirectoryTest, RefusesWhatNamesNoService) {
  struct Row {
    Naming naming;
    std::string said;
  };
  const std::string too_long(300, 'a');
  const std::vector<Row> rows = {
      {{0, "GET", "/x", "billing"}, "unknown_service billing"},
      {{0, "GET", "/x", "127.example.com"}, "unknown_service 127.example.com"},
      {{0, "GET", "/x", "169.254.169.254"}, "unknown_service 169.254.169.254"},
      {{0, "GET", "/x", too_long}, "unknown_service " + too_long.substr(0, 100) + "..."},
      {{0, "GET", "/", "localhost"}, "unknown_service "},
      {{0, "GET", "//courses/x", "localhost"}, "unknown_service "},
      {{0, "GET", "/./courses/x", "localhost"}, "unknown_service ."},
      {{0, "GET", "/../courses/x", "localhost"}, "unknown_service .."},
      {{0, "GET", "/%63ourses/x", "localhost"}, "unknown_service %63ourses"},
      {{0, "GET", "/api.example.com/x", "localhost"}, "unknown_service api.example.com"},
      {{0, "OPTIONS", "*", "localhost"}, "unknown_service "},
      {{0, "GET", "http://localhost", "courses"}, "unknown_service "},
      {{0, "GET", "http://billing/courses/x", "courses"}, "unknown_service billing"},
      {{4999, "GET", "/x", "courses"}, "unknown_service "},
      {{0, "GET", "/x", "::1"}, "bad_request ::1"},
      {{0, "GET", "/x", "[::1"}, "bad_request [::1"},
      {{0, "GET", "/x", "[::1]courses"}, "bad_request [::1]courses"},
      {{0, "GET", "/x", "courses/orders"}, "bad_request courses/orders"},
      {{0, "GET", "http:///x", "courses"}, "bad_request "},
      {{0, "GET", "http://me:pw@courses/x", ""}, "bad_request me:pw@courses"},
      {{0, "GET", "courses/x", "courses"}, "bad_request "},
      {{0, "GET", "*", "courses"}, "bad_request "},
      {{0, "GET", "", "courses"}, "bad_request "},
      {{0, "GET", "ftp://courses/x", ""}, "bad_request "},
      {{0, "CONNECT", "courses:443", "courses:443"}, "https_over_connect courses"},
      {{4101, "CONNECT", "courses:443", ""}, "https_over_connect courses"},
      {{0, "GET", "https://courses/x", ""}, "https_over_connect courses"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Resolve(row.naming), row.said)
        << row.naming.method << ' ' << row.naming.target << ' ' << row.naming.host;
  }
}

TEST_F(ServiceDirectoryTest, AnUnknownNameListsNearNamesAndSaysHowToAddIt) {
  EXPECT_EQ(Failure({0, "GET", "/coruses/x", ""}),
            (NamingFailure{
                FailureKind::kUnknownService, "coruses",
                "no service is called \"coruses\" (the first segment of the path); did you mean \"courses\"? "
                "to add it, define it under services: in naru.yaml"}));
  EXPECT_EQ(Failure({0, "GET", "/x", "zzz"}),
            (NamingFailure{FailureKind::kUnknownService, "zzz",
                           "no service is called \"zzz\" (the Host); "
                           "to add it, define it under services: in naru.yaml"}));
}

TEST_F(ServiceDirectoryTest, AGrpcCallWhosePathWasTakenForANameIsToldHowToNameIt) {
  const std::string unknown =
      "no service is called \"learning.Courses\" (the first segment of the path); to add it, define it under "
      "services: in naru.yaml; or begin the path with a service: courses, orders";
  EXPECT_EQ(Failure({0, "POST", "/learning.Courses/Get", "", true}).detail,
            unknown +
                "; or, as gRPC clients do, name it by :authority, an option of the channel, or dial its "
                "own port");
  EXPECT_EQ(Failure({0, "POST", "/learning.Courses/Get", "", false}).detail, unknown);
  EXPECT_EQ(Failure({0, "POST", "/learning.Courses/Get/x", "", true}).detail, unknown);
}

TEST_F(ServiceDirectoryTest, APathWithoutAServiceIsToldAFewOfThem) {
  EXPECT_EQ(
      Failure({0, "GET", "/v1/courses/7", "127.0.0.1:4000"}).detail,
      "no service is called \"v1\" (the first segment of the path); to add it, define it under services: "
      "in naru.yaml; or begin the path with a service: courses, orders");
  config::Config many;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) many.services.emplace_back().name = name;
  const ServiceDirectory directory(many);
  EXPECT_TRUE(std::get<NamingFailure>(directory.Resolve({0, "GET", "/v1/x", ""}))
                  .detail.ends_with("begin the path with a service: a, b, c, d, e, ..."));
}

TEST_F(ServiceDirectoryTest, APageOfTheAdminPortIsToldWhereThatIs) {
  EXPECT_EQ(Failure({0, "GET", "/metrics?squad=learning", "127.0.0.1:4000"}).detail,
            "no service is called \"metrics\" (the first segment of the path); to add it, define it under "
            "services: in naru.yaml; naru's own pages are on the admin port: http://127.0.0.1:4001/metrics");
  for (const char* page : {"/healthz", "/readyz", "/services/courses", "/config", "/calls/recent"}) {
    EXPECT_TRUE(Failure({0, "GET", page, ""})
                    .detail.ends_with("naru's own pages are on the admin port: http://127.0.0.1:4001" +
                                      std::string(page)));
  }
}

TEST_F(ServiceDirectoryTest, AnUrlThatIsMeantForSomebodyElseIsToldOfNoProxy) {
  EXPECT_EQ(
      Failure({0, "GET", "http://example.org/", "example.org"}).detail,
      "no service is called \"example.org\" (the host of the URL); to add it, define it under services: "
      "in naru.yaml; or, where it is none of yours, list it in NO_PROXY to go to it directly");
}

TEST_F(ServiceDirectoryTest, ACallThatNamesNothingIsToldHow) {
  EXPECT_EQ(Failure({0, "GET", "/", ""}).detail,
            "neither Host nor path names a service; call http://localhost:PORT/SERVICE/path, set Host to a "
            "service's "
            "name, or use the service's own port (naru check lists them)");
}

TEST_F(ServiceDirectoryTest, ATunnelIsRefusedWithTheWayOut) {
  EXPECT_EQ(
      Failure({0, "CONNECT", "courses:443", ""}).detail,
      "naru carries plain HTTP to private endpoints and opens no tunnels; call http://courses/ instead of "
      "https://, or list the host in NO_PROXY to go to it directly");
  EXPECT_EQ(
      Failure({0, "CONNECT", "example.org:443", ""}).detail,
      "naru carries plain HTTP to private endpoints and opens no tunnels; call http://SERVICE/ instead of "
      "https://, or list the host in NO_PROXY to go to it directly");
}

TEST_F(ServiceDirectoryTest, WhatTheCallerSentIsMadeFitForAnErrorText) {
  EXPECT_EQ(Failure({0, "GET", "/a\"b\x01/x", ""}).name, "a?b?");
}

TEST_F(ServiceDirectoryTest, ARewrittenTargetOutlivesBeingMoved) {
  Target target = std::get<Target>(directory_.Resolve({0, "GET", "/courses?x", ""}));
  const Target moved = std::move(target);
  EXPECT_EQ(moved.path_and_query, "/?x");
}

TEST_F(ServiceDirectoryTest, NearNamesIncludeHosts) {
  EXPECT_EQ(directory_.NearNames("api.exmaple.com"), (std::vector<std::string>{"api.example.com"}));
  EXPECT_EQ(directory_.NearNames("order"), (std::vector<std::string>{"orders"}));
}

}  // namespace
}  // namespace naru::call
