#include "sidecar/service_views.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "tests/support/call_world.h"

namespace naru {
namespace {

using namespace std::chrono_literals;
using resilience::Grade;
using resilience::TimePoint;

constexpr TimePoint kNow{1h};

constexpr char kRoutesWithGuardsOfTheirOwn[] = R"(caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.1.11:8080, 10.0.1.12:8080]
    routes:
      - match: GET /v1/courses/{id}
        name: course
        timeout: 800ms
        try_timeout: 400ms
        breaker: {min_calls: 2}
      - match: POST /v1/enrolments
        name: enrol
        breaker: off
        ejection: {consecutive: 1}
      - match: /v1/shared
)";

class ServiceViewsTest : public testing::Test {
 protected:
  // The vocabulary: what happens to calls of a route, or of none.
  static void OpenBreaker(const call::RoutePlan& plan) {
    resilience::CircuitBreaker& breaker = *plan.guards.breaker;
    while (breaker.state() != resilience::CircuitBreaker::State::kOpen) {
      breaker.Record(breaker.Admit(kNow), Grade::kFailure, kNow);
    }
  }
  static void Eject(const call::RoutePlan& plan, size_t endpoint) {
    resilience::EndpointHealth& health = *plan.guards.health->endpoints[endpoint];
    while (health.ejected_until() <= kNow) health.Record(Grade::kFailure, 2, kNow, 0);
  }

  metrics::ServiceReading Read() const {
    return ReadServices(*world_.snapshot(), sources_, kNow, 1s, 1).front();
  }
  admin::ServiceView View() const {
    return *ViewService("courses", *world_.snapshot(), sources_, checker_, kNow);
  }
  admin::ServiceView Listed() const {
    return ViewServices(*world_.snapshot(), sources_, checker_, kNow).front();
  }
  // By route: its breaker, and how many endpoints its calls go past.
  std::map<std::string, std::pair<std::string, size_t>> Routes() const {
    std::map<std::string, std::pair<std::string, size_t>> routes;
    for (const admin::RouteView& route : View().routes) {
      routes[route.name] = {route.breaker, route.ejected.size()};
    }
    return routes;
  }

  CallWorld world_{kRoutesWithGuardsOfTheirOwn};
  const call::Callee& callee_ = world_.callee();
  log::Logger logger_{log::LoggerOptions{}};
  ServiceSources sources_{logger_, [] {}};
  health::HealthChecker checker_{logger_};
};

TEST_F(ServiceViewsTest, TellOfWhatIsWell) {
  EXPECT_EQ(Read().breaker, 0);
  EXPECT_EQ(Read().endpoints.serving, 2u);
  EXPECT_EQ(Listed().breaker, "closed");
  EXPECT_EQ(View().breaker, "closed");
  EXPECT_EQ(Routes(), (std::map<std::string, std::pair<std::string, size_t>>{{"/v1/shared", {"closed", 0}},
                                                                             {"course", {"closed", 0}},
                                                                             {"enrol", {"off", 0}},
                                                                             {"other", {"closed", 0}}}));
}

TEST_F(ServiceViewsTest, TellTheWorstBreakerOfTheRoutes) {
  OpenBreaker(callee_.routes[0]);
  EXPECT_EQ(Read().breaker, 2);
  EXPECT_EQ(Listed().breaker, "open");
  EXPECT_EQ(View().breaker, "open");
  EXPECT_EQ(Routes(), (std::map<std::string, std::pair<std::string, size_t>>{{"/v1/shared", {"closed", 0}},
                                                                             {"course", {"open", 0}},
                                                                             {"enrol", {"off", 0}},
                                                                             {"other", {"closed", 0}}}));
}

TEST_F(ServiceViewsTest, TellTheServicesOwnBreakerOfTheRoutesThatShareIt) {
  OpenBreaker(callee_.other);
  EXPECT_EQ(Read().breaker, 2);
  EXPECT_EQ(Routes(), (std::map<std::string, std::pair<std::string, size_t>>{{"/v1/shared", {"open", 0}},
                                                                             {"course", {"closed", 0}},
                                                                             {"enrol", {"off", 0}},
                                                                             {"other", {"open", 0}}}));
}

TEST_F(ServiceViewsTest, CountAnEndpointThatOneRouteHasEjected) {
  Eject(callee_.routes[1], 1);
  EXPECT_EQ(Read().endpoints.serving, 1u);
  EXPECT_EQ(Read().endpoints.ejected, 1u);
  EXPECT_EQ(Routes()["enrol"], (std::pair<std::string, size_t>{"off", 1}));
  EXPECT_EQ(Routes()["other"], (std::pair<std::string, size_t>{"closed", 0}));
  const admin::EndpointView endpoint = Listed().endpoints[1];
  EXPECT_EQ(endpoint.state, "ejected");
  EXPECT_EQ(endpoint.why,
            "failed several times in a row (ejection.consecutive), in calls of the route enrol");
  EXPECT_EQ(endpoint.serving_again_in_ms, 1000);
}

TEST_F(ServiceViewsTest, SayOfAnEndpointThatTheServiceHasEjectedJustWhy) {
  Eject(callee_.routes[1], 1);
  Eject(callee_.other, 1);
  EXPECT_EQ(Listed().endpoints[1].why, "failed several times in a row (ejection.consecutive)");
}

TEST_F(ServiceViewsTest, TellTheLatencyAsItWasMeasuredHoweverLongAgo) {
  callee_.endpoints[0]->estimate.RecordLatency(5ms, kNow - 30s);
  const admin::EndpointView endpoint = Listed().endpoints[0];
  EXPECT_EQ(endpoint.latency_ms, 5);
  EXPECT_EQ(endpoint.latency_age_s, 30);
  EXPECT_FALSE(Listed().endpoints[1].latency_ms.has_value());
}

TEST_F(ServiceViewsTest, TellTheLastFailureUntilAnAttemptGoesWell) {
  call::EndpointState& dead = *callee_.endpoints[0];
  EXPECT_FALSE(Listed().endpoints[0].last_failure.has_value());
  dead.estimate.RecordLatency(5ms, kNow - 40s);
  dead.last_failure.Record(resilience::FailureKind::kConnectRefused, kNow - 30s);
  admin::EndpointView endpoint = Listed().endpoints[0];
  EXPECT_EQ(endpoint.state, "serving");
  EXPECT_EQ(endpoint.last_failure->reason, "connect_refused");
  EXPECT_EQ(endpoint.last_failure->age_s, 30);
  EXPECT_TRUE(endpoint.last_failure->is_latest);
  EXPECT_EQ(endpoint.why, "its last attempt failed (connect_refused): nobody has tried it since");

  dead.estimate.RecordLatency(5ms, kNow - 20s);
  endpoint = Listed().endpoints[0];
  EXPECT_EQ(endpoint.last_failure->reason, "connect_refused");
  EXPECT_FALSE(endpoint.last_failure->is_latest);
  EXPECT_EQ(endpoint.why, "");
}

TEST_F(ServiceViewsTest, TellStatusesThatFailed) {
  call::LastFailure& failure = callee_.endpoints[0]->last_failure;
  failure.RecordStatus(503, kNow);
  EXPECT_EQ(failure.Read()->reason, "status 503");
  failure.Record(resilience::GrpcCode::kUnavailable, kNow);
  EXPECT_EQ(failure.Read()->reason, "grpc-status UNAVAILABLE");
  EXPECT_EQ(failure.Read()->at, kNow);
}

TEST_F(ServiceViewsTest, TellWhatARouteHasOfItsOwnInThePolicyInForce) {
  using Values = std::vector<admin::PolicyValue>;
  const std::vector<admin::RouteView> routes = View().routes;
  EXPECT_EQ(routes[0].pattern, "GET /v1/courses/{id}");
  EXPECT_EQ(routes[0].policy, (Values{{"timeout", "800ms", "naru.yaml:9"},
                                      {"try_timeout", "400ms", "naru.yaml:10"},
                                      {"breaker.min_calls", "2", "naru.yaml:11"}}));
  EXPECT_EQ(routes[2].policy, Values());
  EXPECT_EQ(View().policy.front(), (admin::PolicyValue{"timeout", "5s", "default"}));
  EXPECT_TRUE(Listed().policy.empty());
  EXPECT_FALSE(ViewService("corses", *world_.snapshot(), sources_, checker_, kNow).has_value());
}

}  // namespace
}  // namespace naru
