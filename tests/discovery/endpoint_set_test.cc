#include "discovery/endpoint_set.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

Address At(std::string_view text) {
  return *Address::Parse(text);
}

TEST(EndpointSet, KeepsWhatTheGuardRemovesAside) {
  const EndpointSet set = Guarded({At("10.0.0.1:80"), At("8.8.8.8:80"), At("127.0.0.1:80")}, PrivateRanges(),
                                  WrittenBy::kSource, "file", 7);
  EXPECT_EQ(set, (EndpointSet{7, "file", {At("10.0.0.1:80")}, {At("8.8.8.8:80"), At("127.0.0.1:80")}}));
}

TEST(EndpointSet, HoldsEveryEndpointOnceAndInOrder) {
  const EndpointSet set =
      Guarded({At("10.0.0.2:80"), At("10.0.0.1:90"), At("[::ffff:10.0.0.2]:80"), At("10.0.0.1:80")},
              PrivateRanges(), WrittenBy::kSource, "file", 1);
  EXPECT_EQ(set.endpoints, (std::vector<Address>{At("10.0.0.1:80"), At("10.0.0.1:90"), At("10.0.0.2:80")}));
  EXPECT_TRUE(set.refused.empty());
}

TEST(EndpointSet, MayBeEmpty) {
  EXPECT_EQ(Guarded({}, PrivateRanges(), WrittenBy::kConfigurationFile, "file", 1), (EndpointSet{1, "file"}));
}

}  // namespace
}  // namespace naru::discovery
