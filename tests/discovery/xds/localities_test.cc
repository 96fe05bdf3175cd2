#include "discovery/xds/localities.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace naru::discovery {
namespace {

Address At(int last) {
  return *Address::Parse("10.77.0." + std::to_string(last) + ":80");
}

LbEndpoint One(int last, uint32_t weight = 1, LbHealth health = LbHealth::kServing) {
  return {.address = At(last), .health = health, .weight = weight};
}

LbEndpoint Degraded(int last) {
  return One(last, 1, LbHealth::kDegraded);
}

LbEndpoint NotServing(int last) {
  return One(last, 1, LbHealth::kNotServing);
}

Locality Zone(std::string zone, std::vector<LbEndpoint> endpoints,
              std::optional<uint32_t> weight = std::nullopt, uint32_t priority = 0) {
  return {.zone = std::move(zone), .priority = priority, .weight = weight, .endpoints = std::move(endpoints)};
}

Endpoint Serving(int last, uint32_t weight = 1, std::string zone = "a") {
  return {.address = At(last), .weight = weight, .zone = std::move(zone), .metadata = {}};
}

TEST(Localities, EndpointsCarryTheZoneOfTheirLocalityAndTheirWeight) {
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1), One(2, 5)}), Zone("b", {One(3)})}),
            (std::vector<Endpoint>{Serving(1), Serving(2, 5), Serving(3, 1, "b")}));
}

TEST(Localities, ThoseThatDoNotServeAreLeftOut) {
  EXPECT_EQ(EndpointsOf({Zone("a", {NotServing(1), One(2)})}), (std::vector<Endpoint>{Serving(2)}));
}

TEST(Localities, NoneAtAllMakesNoEndpoints) {
  EXPECT_EQ(EndpointsOf({}), std::vector<Endpoint>());
  EXPECT_EQ(EndpointsOf({Zone("a", {})}), std::vector<Endpoint>());
  EXPECT_EQ(EndpointsOf({Zone("a", {NotServing(1)})}), std::vector<Endpoint>());
}

TEST(Localities, TheLowestPriorityThatHasAServingEndpointServesAlone) {
  EXPECT_EQ(EndpointsOf(
                {Zone("c", {One(3)}, {}, 2), Zone("a", {NotServing(1)}, {}, 0), Zone("b", {One(2)}, {}, 1)}),
            (std::vector<Endpoint>{Serving(2, 1, "b")}));
}

TEST(Localities, TheDegradedServeOnlyWhereNobodyElseDoesInAnyPriority) {
  EXPECT_EQ(EndpointsOf({Zone("a", {Degraded(1), One(2)})}), (std::vector<Endpoint>{Serving(2)}));
  EXPECT_EQ(EndpointsOf({Zone("a", {Degraded(1)}), Zone("b", {One(2)}, {}, 1)}),
            (std::vector<Endpoint>{Serving(2, 1, "b")}));
  EXPECT_EQ(EndpointsOf({Zone("a", {Degraded(1), NotServing(2)}), Zone("b", {Degraded(3)}, {}, 1)}),
            (std::vector<Endpoint>{Serving(1)}));
}

TEST(Localities, AWeightOfALocalityIsSharedByItsEndpoints) {
  // Three quarters for a, however many endpoints it has.
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1), One(2), One(3)}, 3), Zone("b", {One(4)}, 1)}),
            (std::vector<Endpoint>{Serving(1), Serving(2), Serving(3), Serving(4, 1, "b")}));
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1)}, 3), Zone("b", {One(2), One(3)}, 1)}),
            (std::vector<Endpoint>{Serving(1, 6), Serving(2, 1, "b"), Serving(3, 1, "b")}));
}

TEST(Localities, OnlyServingEndpointsShareTheWeightOfTheirLocality) {
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1), NotServing(2)}, 2), Zone("b", {One(3), One(4)}, 2)}),
            (std::vector<Endpoint>{Serving(1, 2), Serving(3, 1, "b"), Serving(4, 1, "b")}));
}

TEST(Localities, EndpointsShareTheWeightOfTheirLocalityByTheirOwn) {
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1, 3), One(2, 1)}, 1)}),
            (std::vector<Endpoint>{Serving(1, 3), Serving(2, 1)}));
}

TEST(Localities, WithoutWeightAmongWeightedOnesALocalityGetsNoCalls) {
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1)}, 5), Zone("b", {One(2)}), Zone("c", {One(3)}, 0)}),
            (std::vector<Endpoint>{Serving(1, 5)}));
}

TEST(Localities, WeightsOfThoseThatDoNotServeDoNotMatter) {
  EXPECT_EQ(EndpointsOf({Zone("a", {NotServing(1)}, 5), Zone("b", {One(2)})}),
            (std::vector<Endpoint>{Serving(2, 1, "b")}));
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1), One(2)}), Zone("b", {One(3)}, 7, 1)}),
            (std::vector<Endpoint>{Serving(1), Serving(2)}));
}

TEST(Localities, WeightsAreScaledIntoWhatAnEndpointCanHave) {
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1, 4'000'000'000), One(2, 2'000'000'000)})}),
            (std::vector<Endpoint>{Serving(1, 2), Serving(2, 1)}));
  EXPECT_EQ(EndpointsOf({Zone("a", {One(1, 4'000'000'000), One(2, 1)})}),
            (std::vector<Endpoint>{Serving(1, 55'440), Serving(2, 1)}));
}

}  // namespace
}  // namespace naru::discovery
