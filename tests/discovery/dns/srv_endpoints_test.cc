#include "discovery/dns/srv_endpoints.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

std::vector<IpBytes> Ips(std::vector<std::string> texts) {
  std::vector<IpBytes> ips;
  for (const std::string& text : texts) ips.push_back(*ParseIp(text));
  return ips;
}

SrvTarget To(std::string host, std::vector<std::string> ips = {}, uint16_t weight = 1,
             uint16_t priority = 1) {
  return {{priority, weight, 8080, std::move(host)}, Ips(std::move(ips))};
}

DnsFound Has(std::vector<std::string> ips) {
  return {Ips(std::move(ips)), {}, true, true, ""};
}
const DnsFound kSurelyNothing{{}, {}, true, true, "nothing"};
const DnsFound kUnknown{{}, {}, false, true, ""};

// "10.0.0.1:8080*10", with its weight; or "awaited".
std::string InWords(const std::optional<Answer>& answer) {
  if (!answer) return "awaited";
  std::string words;
  for (const Endpoint& endpoint : answer->endpoints) {
    words += (words.empty() ? "" : " ") + endpoint.address.ToString() + "*" + std::to_string(endpoint.weight);
  }
  return words;
}

class SrvEndpointsTest : public testing::Test {
 protected:
  std::string Combine(const SrvEndpoints::Resolved& resolved = {}) { return InWords(srv_.Combine(resolved)); }

  SrvEndpoints srv_;
};

TEST_F(SrvEndpointsTest, TakesTheAddressesThatCameAlong) {
  srv_.Update({To("a", {"10.0.0.1"}, 10), To("b", {"10.0.0.2", "fd00::2"}, 20)});
  EXPECT_EQ(srv_.HostsToResolve(), std::vector<std::string>());
  EXPECT_EQ(Combine(), "10.0.0.1:8080*10 10.0.0.2:8080*20 [fd00::2]:8080*20");
}

TEST_F(SrvEndpointsTest, AWeightOfNoughtCountsAsOne) {
  srv_.Update({To("a", {"10.0.0.1"}, 0)});
  EXPECT_EQ(Combine(), "10.0.0.1:8080*1");
}

TEST_F(SrvEndpointsTest, UsesTheLowestPriorityOnly) {
  srv_.Update({To("spare", {"10.0.0.9"}, 1, 20), To("a", {"10.0.0.1"}, 1, 10), To("far", {}, 1, 20)});
  EXPECT_EQ(srv_.HostsToResolve(), std::vector<std::string>());
  EXPECT_EQ(Combine(), "10.0.0.1:8080*1");
}

TEST_F(SrvEndpointsTest, ResolvesTheOthersAndWaitsForAllOfThem) {
  srv_.Update({To("a"), To("b"), To("c", {"10.0.0.3"})});
  EXPECT_EQ(srv_.HostsToResolve(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Combine({{"a", Has({"10.0.0.1"})}}), "awaited");
  EXPECT_EQ(Combine({{"a", Has({"10.0.0.1"})}, {"b", Has({"10.0.0.2"})}}),
            "10.0.0.1:8080*1 10.0.0.2:8080*1 10.0.0.3:8080*1");
}

TEST_F(SrvEndpointsTest, GoesOnWithoutAHostThatCannotBeResolved) {
  srv_.Update({To("a"), To("b")});
  EXPECT_EQ(Combine({{"a", Has({"10.0.0.1"})}, {"b", kUnknown}}), "10.0.0.1:8080*1");
  EXPECT_EQ(Combine({{"a", Has({"10.0.0.1"})}, {"b", kSurelyNothing}}), "10.0.0.1:8080*1");
}

TEST_F(SrvEndpointsTest, IsEmptyOnlyWhereThatIsSure) {
  srv_.Update({To("a"), To("b")});
  EXPECT_EQ(Combine({{"a", kSurelyNothing}, {"b", kUnknown}}), "awaited");
  EXPECT_EQ(Combine({{"a", kSurelyNothing}, {"b", kSurelyNothing}}), "");
}

// RFC 2782
TEST_F(SrvEndpointsTest, ATargetOfADotSaysThatThereIsNothing) {
  srv_.Update({To("")});
  EXPECT_EQ(Combine(), "");
}

TEST_F(SrvEndpointsTest, KeepsAnAddressThatCameAlongWhenTheNextMessageHasNoRoomForIt) {
  srv_.Update({To("a", {"10.0.0.1"})});
  srv_.Update({To("a")});
  EXPECT_EQ(srv_.HostsToResolve(), (std::vector<std::string>{"a"}));
  EXPECT_EQ(Combine(), "10.0.0.1:8080*1");
  EXPECT_EQ(Combine({{"a", kUnknown}}), "10.0.0.1:8080*1");
  EXPECT_EQ(Combine({{"a", Has({"10.0.0.7"})}}), "10.0.0.7:8080*1");
  EXPECT_EQ(Combine({{"a", kSurelyNothing}}), "");
}

TEST_F(SrvEndpointsTest, ForgetsAHostThatTheRecordsNameNoMore) {
  srv_.Update({To("a", {"10.0.0.1"})});
  srv_.Update({To("b", {"10.0.0.2"})});
  EXPECT_EQ(Combine(), "10.0.0.2:8080*1");
  srv_.Update({To("a")});
  EXPECT_EQ(Combine({{"a", kUnknown}}), "awaited");
}

}  // namespace
}  // namespace naru::discovery
