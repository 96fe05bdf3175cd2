#include <gtest/gtest.h>

#include <string>

#include "sidecar/call/callee.h"
#include "sidecar/call/snapshot.h"
#include "tests/support/call_world.h"

namespace naru::call {
namespace {

using resilience::Grade;
using resilience::TimePoint;
using std::chrono::seconds;

const TimePoint kNow(seconds(1000));

std::string Yaml(const std::string& endpoints = "10.0.0.1:80, 10.0.0.2:80", const std::string& policy = "",
                 const std::string& route_policy = "") {
  return "caller: {squad: video, service: video-api}\nservices:\n  courses:\n    squad: learning\n    "
         "endpoints: [" +
         endpoints + "]\n" + policy + "    routes:\n      - {match: GET /v1/courses, name: course" +
         route_policy + "}\n";
}

TEST(CalleeStates, KeepsEverythingOverAReloadThatChangesNothing) {
  CallWorld world(Yaml());
  const Callee before = world.callee();
  world.Reload(Yaml());
  const Callee& after = world.callee();
  EXPECT_EQ(after.endpoints, before.endpoints);
  EXPECT_EQ(after.other.guards.limit, before.other.guards.limit);
  EXPECT_EQ(after.other.guards.budget, before.other.guards.budget);
  EXPECT_EQ(after.other.guards.breaker, before.other.guards.breaker);
  EXPECT_EQ(after.other.guards.health->endpoints, before.other.guards.health->endpoints);
  EXPECT_EQ(after.other.series, before.other.series);
  EXPECT_EQ(after.series, before.series);
  EXPECT_EQ(after.round_robin, before.round_robin);
  EXPECT_NE(after.service, before.service);
}

TEST(CalleeStates, KeepsAnEndpointThatStaysAndForgetsOneThatGoes) {
  CallWorld world(Yaml("10.0.0.1:80, 10.0.0.2:80"));
  const Callee before = world.callee();
  world.Reload(Yaml("10.0.0.2:80, 10.0.0.3:80"));
  const Callee middle = world.callee();
  EXPECT_EQ(middle.endpoints[0], before.endpoints[1]);
  EXPECT_EQ(middle.other.guards.health->endpoints[0], before.other.guards.health->endpoints[1]);
  EXPECT_EQ(middle.endpoints[1]->text, "10.0.0.3:80");
  world.Reload(Yaml("10.0.0.1:80"));
  EXPECT_NE(world.callee().endpoints[0], before.endpoints[0]);
}

TEST(CalleeStates, AnEjectedEndpointThatGoesGivesItsPlaceBack) {
  CallWorld world(Yaml("10.0.0.1:80, 10.0.0.2:80"));
  auto fail = [&](size_t index) {
    auto& health = *world.plan().guards.health->endpoints[index];
    for (int i = 0; i < 5; ++i) health.Record(Grade::kFailure, 2, kNow, 0);
    return health.Serving(kNow);
  };
  EXPECT_FALSE(fail(0));
  EXPECT_TRUE(fail(1));  // `keep` holds the last one
  world.Reload(Yaml("10.0.0.2:80, 10.0.0.3:80"));
  EXPECT_FALSE(fail(1));
}

TEST(CalleeStates, StartsAGuardAnewWhenItsOwnPolicyChanges) {
  CallWorld world(Yaml());
  const Guards before = world.plan().guards;
  world.Reload(Yaml("10.0.0.1:80, 10.0.0.2:80", "    breaker: {min_calls: 5}\n"));
  const Guards breaker = world.plan().guards;
  EXPECT_NE(breaker.breaker, before.breaker);
  EXPECT_EQ(breaker.budget, before.budget);
  EXPECT_EQ(breaker.health->endpoints, before.health->endpoints);

  world.Reload(Yaml("10.0.0.1:80, 10.0.0.2:80",
                    "    retry: {budget: {ratio: 50%}}\n    ejection: {consecutive: 3}\n"));
  const Guards others = world.plan().guards;
  EXPECT_NE(others.budget, breaker.budget);
  EXPECT_NE(others.health->endpoints, breaker.health->endpoints);
  EXPECT_EQ(others.limit, before.limit);
}

TEST(CalleeStates, NeverForgetsWhatIsInFlight) {
  CallWorld world(Yaml());
  const auto limit = world.plan().guards.limit;
  ASSERT_TRUE(limit->TryAcquire(world.plan().policy->limits));
  world.Reload(Yaml("10.0.0.1:80", "    limits: {concurrent: 1}\n"));
  EXPECT_EQ(world.plan().guards.limit, limit);
  EXPECT_FALSE(limit->TryAcquire(world.plan().policy->limits));
  limit->Release();
}

TEST(CalleeStates, HasNoBreakerAndNoHealthWhereTheyAreOff) {
  CallWorld world(Yaml());
  const Guards before = world.plan().guards;
  world.Reload(Yaml("10.0.0.1:80", "    breaker: off\n    ejection: off\n"));
  EXPECT_EQ(world.plan().guards.breaker, nullptr);
  EXPECT_EQ(world.plan().guards.health, nullptr);
  world.Reload(Yaml());
  EXPECT_NE(world.plan().guards.breaker, nullptr);
  EXPECT_NE(world.plan().guards.breaker, before.breaker);
  EXPECT_EQ(world.plan().guards.health->endpoints.size(), 2u);
}

TEST(CalleeStates, ARouteSharesTheGuardsThatItDoesNotOverride) {
  CallWorld world(Yaml("10.0.0.1:80", "", ", timeout: 1s"));
  const Callee& callee = world.callee();
  EXPECT_EQ(callee.routes[0].guards.limit, callee.other.guards.limit);
  EXPECT_EQ(callee.routes[0].guards.budget, callee.other.guards.budget);
  EXPECT_EQ(callee.routes[0].guards.breaker, callee.other.guards.breaker);
  EXPECT_EQ(callee.routes[0].guards.health, callee.other.guards.health);
  EXPECT_NE(callee.routes[0].series, callee.other.series);
  EXPECT_EQ(callee.routes[0].name, "course");
  EXPECT_EQ(callee.routes[0].policy->timeout, seconds(1));
}

TEST(CalleeStates, ARouteOwnsTheGuardsThatItOverrides) {
  struct Row {
    const char* policy;
    bool limit, budget, breaker, health;  // its own?
  };
  for (const Row& row : {Row{", limits: {concurrent: 3}", true, false, false, false},
                         Row{", retry: {budget: {floor: 9/s}}", false, true, false, false},
                         Row{", breaker: {min_calls: 3}", false, false, true, false},
                         Row{", breaker: off", false, false, true, false},
                         Row{", ejection: {consecutive: 3}", false, false, false, true},
                         Row{", ejection: off", false, false, false, true}}) {
    CallWorld world(Yaml("10.0.0.1:80", "", row.policy));
    const Guards& own = world.callee().routes[0].guards;
    const Guards& shared = world.callee().other.guards;
    EXPECT_EQ(own.limit != shared.limit, row.limit) << row.policy;
    EXPECT_EQ(own.budget != shared.budget, row.budget) << row.policy;
    EXPECT_EQ(own.breaker != shared.breaker, row.breaker) << row.policy;
    EXPECT_EQ(own.health != shared.health, row.health) << row.policy;

    const Guards before = own;
    world.Reload(Yaml("10.0.0.1:80", "", row.policy));
    EXPECT_EQ(world.callee().routes[0].guards.limit, before.limit) << row.policy;
    EXPECT_EQ(world.callee().routes[0].guards.budget, before.budget) << row.policy;
    EXPECT_EQ(world.callee().routes[0].guards.breaker, before.breaker) << row.policy;
  }
}

TEST(CalleeStates, ForgetsServicesThatAreGone) {
  const auto config = ConfigOf(Yaml());
  metrics::Registry registry({{"ok"}, {}, {}}, {"video", "video-api"}, 1);
  CalleeStates states;
  const Callee before = states.Build(config->services[0], std::nullopt, registry, 1);
  states.KeepOnly({"courses"});
  EXPECT_EQ(states.Build(config->services[0], std::nullopt, registry, 1).endpoints, before.endpoints);
  states.KeepOnly({"orders"});
  EXPECT_NE(states.Build(config->services[0], std::nullopt, registry, 1).endpoints, before.endpoints);
}

TEST(Snapshot, GivesEveryWorkerCellsOfItsOwn) {
  CallWorld world(Yaml(), 2);
  const Callee& callee = world.callee();
  ASSERT_EQ(callee.series.size(), 2u);
  EXPECT_NE(callee.series[0], callee.series[1]);
  ASSERT_EQ(callee.other.series.size(), 2u);
  EXPECT_NE(callee.other.series[0], callee.other.series[1]);
}

TEST(Snapshot, OutlivesAReloadForTheCallsThatHoldIt) {
  CallWorld world(Yaml());
  const std::shared_ptr<const Snapshot> held = world.snapshot();
  world.Reload(Yaml("10.0.0.9:80"));
  EXPECT_EQ(held->callees()[0]->endpoints[0]->text, "10.0.0.1:80");
  EXPECT_EQ(held->callees()[0]->service->name, "courses");
  EXPECT_EQ(world.callee().endpoints[0]->text, "10.0.0.9:80");
}

class FoundEndpointsTest : public testing::Test {
 protected:
  static discovery::Finding Found(uint64_t version, std::vector<discovery::Endpoint> endpoints,
                                  std::vector<discovery::Address> refused = {}) {
    discovery::Finding finding;
    finding.set = std::make_shared<discovery::EndpointSet>(
        discovery::EndpointSet{version, "dns://courses:80", std::move(endpoints), std::move(refused)});
    return finding;
  }
  static discovery::Endpoint On(std::string_view text, uint32_t weight = 1) {
    return {*discovery::Address::Parse(text), weight, "", {}};
  }
  FindingOf FindingOfAll() {
    return [this](const config::Service&) { return finding; };
  }
  std::shared_ptr<const Snapshot> Make() {
    return std::make_shared<Snapshot>(config, states, registry, 1, FindingOfAll());
  }
  std::shared_ptr<const Snapshot> After(const Snapshot& before) {
    return Snapshot::After(before, states, registry, 1, FindingOfAll());
  }

  std::shared_ptr<const config::Config> config = ConfigOf(R"(
services:
  courses: {squad: learning, endpoints: "dns://courses:80", routes: [{match: /x, timeout: 1s}]}
  media: {squad: video, endpoints: [10.0.0.7:80]}
)");
  CalleeStates states;
  metrics::Registry registry{{}, {"a", "b"}, 1};
  std::optional<discovery::Finding> finding;
};

TEST_F(FoundEndpointsTest, NewsOfOneServiceShareEverythingElse) {
  finding = Found(1, {On("10.0.0.1:80")});
  const auto before = Make();
  EXPECT_EQ(After(*before), nullptr) << "nothing is new";
  finding = Found(2, {On("10.0.0.1:80"), On("10.0.0.2:80")});
  const auto after = After(*before);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(&after->directory(), &before->directory());
  EXPECT_EQ(after->callees()[1], before->callees()[1]);
  EXPECT_EQ(before->callees()[0]->endpoints.size(), 1u);
  EXPECT_EQ(after->callees()[0]->endpoints.size(), 2u);
}

TEST_F(FoundEndpointsTest, EndpointsThatStayKeepTheirState) {
  finding = Found(1, {On("10.0.0.1:80"), On("10.0.0.2:80")});
  const auto before = Make();
  finding = Found(2, {On("10.0.0.2:80"), On("10.0.0.3:80")});
  const auto after = After(*before);
  EXPECT_EQ(after->callees()[0]->endpoints[0], before->callees()[0]->endpoints[1]);
  EXPECT_EQ(after->callees()[0]->other.guards.health->endpoints[0],
            before->callees()[0]->other.guards.health->endpoints[1]);
  EXPECT_EQ(after->callees()[0]->other.guards.breaker, before->callees()[0]->other.guards.breaker);
  EXPECT_EQ(after->callees()[0]->routes[0].guards.health, after->callees()[0]->other.guards.health);
}

TEST_F(FoundEndpointsTest, WeightsAreKeptWhereTheyDiffer) {
  finding = Found(1, {On("10.0.0.1:80", 5), On("10.0.0.2:80", 5)});
  const auto alike = Make();
  EXPECT_TRUE(alike->callees()[0]->weights.empty());
  finding = Found(2, {On("10.0.0.1:80", 5), On("10.0.0.2:80", 1)});
  EXPECT_EQ(After(*alike)->callees()[0]->weights, (std::vector<uint32_t>{5, 1}));
}

TEST_F(FoundEndpointsTest, SaysWhyThereIsNoEndpoint) {
  EXPECT_EQ(Make()->callees()[0]->why_none, "dns://courses:80 has not answered yet");
  finding.emplace().error = "timed out";
  EXPECT_EQ(Make()->callees()[0]->why_none, "dns://courses:80 has not answered yet: timed out");
  finding = Found(1, {});
  EXPECT_EQ(Make()->callees()[0]->why_none, "dns://courses:80 knows the service and no endpoint of it");
  finding->exists = false;
  EXPECT_EQ(Make()->callees()[0]->why_none, "dns://courses:80 knows no such service");
  finding->error = "timed out";
  EXPECT_EQ(Make()->callees()[0]->why_none, "dns://courses:80 knows no such service; asked again: timed out");
  finding =
      Found(2, {}, {*discovery::Address::Parse("8.8.8.8:80"), *discovery::Address::Parse("8.8.4.4:80")});
  EXPECT_EQ(Make()->callees()[0]->why_none,
            "dns://courses:80 knows 2 addresses of it, such as 8.8.8.8:80, and none in a private range; a "
            "network of "
            "your own can be added under private.allow");
}

TEST_F(FoundEndpointsTest, WithoutEndpointsTheNewestTroubleIsNews) {
  const auto before = Make();
  finding.emplace().error = "timed out";
  const auto after = After(*before);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->callees()[0]->why_none, "dns://courses:80 has not answered yet: timed out");
}

}  // namespace
}  // namespace naru::call
