#include "sidecar/default_services.h"

#include <gtest/gtest.h>

#include "sidecar/config/discovered.h"

namespace naru {
namespace {

using namespace std::chrono_literals;
using discovery::Finding;
using resilience::TimePoint;
using Told = DefaultServices::Told;

constexpr TimePoint kStart{1h};

Finding Found(std::string squad = "") {
  Finding finding;
  finding.set = std::make_shared<discovery::EndpointSet>();
  finding.squad = std::move(squad);
  return finding;
}

class DefaultServicesTest : public testing::Test {
 protected:
  DefaultServicesTest() {
    file.discovery.fallback = *discovery::SourceTemplate::Parse("cloudmap://prod/{service}");
  }

  std::optional<Told> Want(const std::string& name, int worker = 0) {
    return services.Want(file, name, worker, now);
  }
  std::vector<Told> Take(std::optional<Finding> finding) {
    return services.Take([&](const std::string&) { return finding; }, now);
  }
  std::vector<std::string> Known() {
    std::vector<std::string> names;
    for (const config::Service& service : services.Services(file))
      names.push_back(service.squad + "/" + service.name);
    return names;
  }

  config::Config file;
  DefaultServices services;
  TimePoint now = kStart;
};

TEST_F(DefaultServicesTest, ANameIsAskedForOnceWhoeverWantsIt) {
  EXPECT_EQ(Want("orders", 0), std::nullopt);
  EXPECT_EQ(Want("orders", 1), std::nullopt);
  EXPECT_EQ(services.Sources(),
            (std::vector<discovery::SourceUri>{*discovery::SourceUri::Parse("cloudmap://prod/orders")}));
  EXPECT_TRUE(Take(std::nullopt).empty());
  EXPECT_EQ(Take(Found("shop")), (std::vector<Told>{{"orders", {0, 1}, true, true, ""}}));
  EXPECT_EQ(Known(), (std::vector<std::string>{"shop/orders"}));
  EXPECT_TRUE(services.Sources().empty());
  EXPECT_EQ(Want("orders", 1), (Told{"orders", {1}, true, true, ""}));
}

TEST_F(DefaultServicesTest, ANegativeAnswerHoldsForFiveSeconds) {
  Want("orders");
  Finding none = Found();
  none.exists = false;
  const Told denied{"orders", {0}, false, false, "cloudmap://prod/orders knows no such service"};
  EXPECT_EQ(Take(none), (std::vector<Told>{denied}));
  now += DefaultServices::kDenied - 1ms;
  EXPECT_EQ(Want("orders"), denied);
  now += 1ms;
  EXPECT_EQ(Want("orders"), std::nullopt);
  EXPECT_EQ(services.Sources().size(), 1u);
}

TEST_F(DefaultServicesTest, TroubleIsToldAndAskingGoesOn) {
  Want("orders");
  Finding trouble;
  trouble.error = "timed out";
  EXPECT_EQ(Take(trouble), (std::vector<Told>{{"orders", {0}, false, true, "timed out"}}));
  EXPECT_EQ(Want("orders", 2), (Told{"orders", {2}, false, true, "timed out"}));
  EXPECT_EQ(services.Sources().size(), 1u);
  EXPECT_TRUE(Take(Found())[0].known);
  EXPECT_EQ(Known(), (std::vector<std::string>{"unknown/orders"}));
}

TEST_F(DefaultServicesTest, WhatNobodyCallsIsForgotten) {
  Want("orders");
  Take(Found());
  Want("media");
  Take(Found());
  now += DefaultServices::kIdle - 1s;
  services.Used("media", now);
  EXPECT_FALSE(services.ForgetIdle(now));
  now += 1s;
  EXPECT_TRUE(services.ForgetIdle(now));
  EXPECT_EQ(Known(), (std::vector<std::string>{"unknown/media"}));
}

TEST_F(DefaultServicesTest, WhatIsWantedInVainIsForgottenSooner) {
  Want("orders");
  now += DefaultServices::kUnwanted;
  EXPECT_TRUE(services.ForgetIdle(now));
  EXPECT_TRUE(services.empty());
}

TEST_F(DefaultServicesTest, IsBounded) {
  for (size_t i = 0; i < DefaultServices::kMost; ++i) EXPECT_EQ(Want("s" + std::to_string(i)), std::nullopt);
  EXPECT_EQ(Want("one-more"),
            (Told{"one-more",
                  {0},
                  false,
                  true,
                  "discovery.default has found 1000 services already, all of them in use"}));
  Finding none = Found();
  none.exists = false;
  Take(none);
  EXPECT_EQ(Want("one-more"), std::nullopt) << "what was denied makes room";
}

TEST_F(DefaultServicesTest, TheFileWinsAndAnotherDefaultSourceStartsAnew) {
  Want("orders");
  Want("media");
  Take(Found("shop"));
  config::Config names_orders = file;
  names_orders.services.push_back(config::DiscoveredService(file, "orders", "sales"));
  services.Reloaded(names_orders);
  EXPECT_EQ(Known(), (std::vector<std::string>{"shop/media"}));
  file.discovery.fallback = *discovery::SourceTemplate::Parse("consul://{service}");
  services.Reloaded(file);
  EXPECT_TRUE(services.empty());
}

TEST_F(DefaultServicesTest, ANameThatTheSourceCannotHaveIsDeniedAtOnce) {
  file.discovery.fallback = *discovery::SourceTemplate::Parse("dns://{service}.internal:80");
  EXPECT_EQ(Want("a..b"), (Told{"a..b",
                                {0},
                                false,
                                false,
                                "\"dns://a..b.internal:80\" has no well-formed host name: write it as "
                                "dns://courses.internal:8080"}));
}

TEST_F(DefaultServicesTest, WithoutADefaultSourceNothingIsAsked) {
  file.discovery.fallback.reset();
  EXPECT_EQ(Want("orders"), (Told{"orders", {0}, false, false, ""}));
  EXPECT_TRUE(services.Sources().empty());
}

}  // namespace
}  // namespace naru
