#include "discovery/xds/ads_message.h"

#include <gtest/gtest.h>

#include <string>

#include "discovery/xds/ads.pb.h"
#include "tests/discovery/xds/messages.h"

namespace naru::discovery {
namespace {

using test::kCds;
using test::kEds;

// Field numbers and wire types of envoy.service.discovery.v3.DiscoveryRequest, written out by hand: a tag is
// number * 8 + wire type (2: length-delimited, 0: varint).
std::string Text(int field, const std::string& value) {
  return std::string{static_cast<char>(field * 8 + 2), static_cast<char>(value.size())} + value;
}

TEST(AdsMessage, TheFirstRequestOfAStreamIsOnTheWireWhatEnvoyWouldSend) {
  const AdsRequest request{.type = ResourceType::kLoadAssignment,
                           .version = "7",
                           .nonce = "",
                           .names = {"a", "b"},
                           .node = AdsNode{.id = "video/video-api", .cluster = "video-api"},
                           .error = ""};
  const std::string node = Text(1, "video/video-api") + Text(2, "video-api") + Text(6, "naru");
  EXPECT_EQ(Encode(request), Text(1, "7") + Text(2, node) + Text(3, "a") + Text(3, "b") + Text(4, kEds));
}

TEST(AdsMessage, ARefusalCarriesTheNonceAndTheReason) {
  const AdsRequest request{.type = ResourceType::kCluster,
                           .version = "6",
                           .nonce = "n",
                           .names = {"a"},
                           .node = std::nullopt,
                           .error = "no"};
  const std::string status = std::string{1 * 8 + 0, 3 /* INVALID_ARGUMENT */} + Text(2, "no");
  EXPECT_EQ(Encode(request), Text(1, "6") + Text(3, "a") + Text(4, kCds) + Text(5, "n") + Text(6, status));
}

TEST(AdsMessage, AResponseIsReadAndWhatIsUnknownInItSkipped) {
  const std::string any = Text(1, kEds) + Text(2, "bytes");
  const std::string control_plane = Text(1, "istiod");
  const std::optional<AdsResponse> response =
      DecodeAdsResponse(Text(1, "7") + Text(2, any) + std::string{3 * 8 + 0, 1} + Text(4, kEds) +
                        Text(5, "n") + Text(6, control_plane));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->type_url, kEds);
  EXPECT_EQ(response->version, "7");
  EXPECT_EQ(response->nonce, "n");
  ASSERT_EQ(response->resources.size(), 1u);
  EXPECT_EQ(response->resources[0].type_url, kEds);
  EXPECT_EQ(response->resources[0].bytes, "bytes");
}

TEST(AdsMessage, WhatIsNoResponseIsNotRead) {
  EXPECT_FALSE(
      DecodeAdsResponse("\x0a\x05"
                        "abc"));  // five bytes are announced
  EXPECT_FALSE(DecodeAdsResponse("HTTP/1.1 200 OK"));
}

TEST(AdsMessage, TypesAreNamedAsTheProtocolNamesThem) {
  EXPECT_EQ(TypeUrlOf(ResourceType::kCluster), kCds);
  EXPECT_EQ(TypeOfUrl(kCds), ResourceType::kCluster);
  EXPECT_EQ(TypeOfUrl(kEds), ResourceType::kLoadAssignment);
  EXPECT_EQ(TypeOfUrl("type.googleapis.com/envoy.config.listener.v3.Listener"), std::nullopt);
}

}  // namespace
}  // namespace naru::discovery
