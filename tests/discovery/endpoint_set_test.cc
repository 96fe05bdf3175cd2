#include "discovery/endpoint_set.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

Address At(std::string_view text) {
  return *Address::Parse(text);
}

Endpoint On(std::string_view text, std::string zone = "") {
  return {At(text), 1, std::move(zone), {}};
}

TEST(EndpointSet, KeepsWhatTheGuardRemovesAside) {
  const EndpointSet set = Guarded({On("10.0.0.1:80"), On("8.8.8.8:80"), On("127.0.0.1:80")}, PrivateRanges(),
                                  WrittenBy::kSource, "file", 7);
  EXPECT_EQ(set, (EndpointSet{7, "file", {On("10.0.0.1:80")}, {At("8.8.8.8:80"), At("127.0.0.1:80")}}));
}

TEST(EndpointSet, HoldsEveryEndpointOnceAndInOrder) {
  const EndpointSet set =
      Guarded({On("10.0.0.2:80", "a"), On("10.0.0.1:90"), On("[::ffff:10.0.0.2]:80", "b"), On("10.0.0.1:80")},
              PrivateRanges(), WrittenBy::kSource, "file", 1);
  EXPECT_EQ(set.endpoints,
            (std::vector<Endpoint>{On("10.0.0.1:80"), On("10.0.0.1:90"), On("10.0.0.2:80", "a")}));
  EXPECT_TRUE(set.refused.empty());
}

TEST(EndpointSet, MayBeEmpty) {
  EXPECT_EQ(Guarded({}, PrivateRanges(), WrittenBy::kConfigurationFile, "file", 1), (EndpointSet{1, "file"}));
}

TEST(EndpointSet, IsBounded) {
  std::vector<Endpoint> answer;
  for (uint32_t i = 0; i < kMostEndpoints + 5; ++i) {
    Endpoint endpoint = On("10.0.0.1:80");
    endpoint.address.ip[13] = static_cast<uint8_t>(i >> 8);
    endpoint.address.ip[15] = static_cast<uint8_t>(i);
    answer.push_back(endpoint);
  }
  EXPECT_EQ(Guarded(std::move(answer), PrivateRanges(), WrittenBy::kSource, "file", 1).endpoints.size(),
            kMostEndpoints);
}

}  // namespace
}  // namespace naru::discovery
