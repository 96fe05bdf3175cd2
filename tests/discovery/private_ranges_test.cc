#include "discovery/private_ranges.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::discovery {
namespace {

constexpr std::string_view kPublic = "it is a public address";
constexpr std::string_view kLoopback =
    "loopback is allowed only for endpoints written in the configuration file";
constexpr std::string_view kMetadata = "instance metadata and credentials live at link-local addresses";
constexpr std::string_view kAwsMetadata = "AWS serves instance metadata and credentials in fd00:ec2::/32";
constexpr std::string_view kUnspecified = "it is the unspecified address, which names no host";
constexpr std::string_view kMulticast = "it is a multicast address";
constexpr std::string_view kBroadcast = "it is the broadcast address";

Address At(std::string_view ip) {
  return Address{*ParseIp(ip), 80};
}

struct Row {
  std::string_view ip;
  std::string_view why_not;  // empty: allowed
};

// What a source answers, without anything allowed beyond the private ranges.
const std::vector<Row> kOfASource = {
    // RFC 1918, each range with the addresses around its ends
    {"9.255.255.255", kPublic},
    {"10.0.0.0", ""},
    {"10.255.255.255", ""},
    {"11.0.0.0", kPublic},
    {"172.15.255.255", kPublic},
    {"172.16.0.0", ""},
    {"172.31.255.255", ""},
    {"172.32.0.0", kPublic},
    {"192.167.255.255", kPublic},
    {"192.168.0.0", ""},
    {"192.168.255.255", ""},
    {"192.169.0.0", kPublic},
    // RFC 6598
    {"100.63.255.255", kPublic},
    {"100.64.0.0", ""},
    {"100.127.255.255", ""},
    {"100.128.0.0", kPublic},
    // RFC 4193
    {"fbff:ffff::1", kPublic},
    {"fc00::", ""},
    {"fd12:3456:789a::1", ""},
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
    {"fe00::", kPublic},
    // loopback
    {"126.255.255.255", kPublic},
    {"127.0.0.1", kLoopback},
    {"127.255.255.255", kLoopback},
    {"::1", kLoopback},
    {"::2", kPublic},
    // link-local, and metadata that is not
    {"169.253.255.255", kPublic},
    {"169.254.0.0", kMetadata},
    {"169.254.169.254", kMetadata},
    {"169.254.170.2", kMetadata},
    {"169.254.255.255", kMetadata},
    {"169.255.0.0", kPublic},
    {"fe7f:ffff::", kPublic},
    {"fe80::1", kMetadata},
    {"febf:ffff::", kMetadata},
    {"fec0::1", kPublic},
    {"fd00:ec2::254", kAwsMetadata},
    {"fd00:ec3::1", ""},
    // no host's address
    {"0.0.0.0", kUnspecified},
    {"0.255.255.255", kUnspecified},
    {"1.0.0.0", kPublic},
    {"::", kUnspecified},
    {"223.255.255.255", kPublic},
    {"224.0.0.0", kMulticast},
    {"239.255.255.255", kMulticast},
    {"ff02::1", kMulticast},
    {"240.0.0.0", kPublic},
    {"255.255.255.254", kPublic},
    {"255.255.255.255", kBroadcast},
    // IPv4 inside IPv6: mapped is IPv4, all else travels in public
    {"::ffff:10.0.0.1", ""},
    {"::ffff:8.8.8.8", kPublic},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:169.254.169.254", kMetadata},
    {"::ffff:0.0.0.0", kUnspecified},
    {"::10.0.0.1", kPublic},
    {"64:ff9b::10.0.0.1", kPublic},
    {"64:ff9b::a9fe:a9fe", kPublic},
    {"2002:0a00:0001::1", kPublic},
    {"2001:db8::1", kPublic},
    // public resolvers and documentation
    {"8.8.8.8", kPublic},
    {"198.51.100.1", kPublic},
    {"2606:4700:4700::1111", kPublic},
};

TEST(PrivateRanges, JudgesWhatASourceAnswers) {
  const PrivateRanges ranges;
  for (const Row& row : kOfASource) {
    EXPECT_EQ(ranges.WhyNot(At(row.ip), WrittenBy::kSource), row.why_not) << row.ip;
    EXPECT_EQ(ranges.Allows(At(row.ip), WrittenBy::kSource), row.why_not.empty()) << row.ip;
  }
}

TEST(PrivateRanges, AllowsLoopbackBesidesInTheConfigurationFile) {
  const PrivateRanges ranges;
  for (const Row& row : kOfASource) {
    const std::string_view expected = row.why_not == kLoopback ? "" : row.why_not;
    EXPECT_EQ(ranges.WhyNot(At(row.ip), WrittenBy::kConfigurationFile), expected) << row.ip;
  }
}

TEST(PrivateRanges, AllowsWhatTheConfigurationAdds) {
  const PrivateRanges ranges({*Cidr::Parse("198.51.100.0/24"), *Cidr::Parse("2001:db8::/33")});
  EXPECT_TRUE(ranges.Allows(At("198.51.100.0"), WrittenBy::kSource));
  EXPECT_TRUE(ranges.Allows(At("198.51.100.255"), WrittenBy::kSource));
  EXPECT_FALSE(ranges.Allows(At("198.51.101.0"), WrittenBy::kSource));
  EXPECT_TRUE(ranges.Allows(At("2001:db8:7fff::1"), WrittenBy::kSource));
  EXPECT_FALSE(ranges.Allows(At("2001:db8:8000::1"), WrittenBy::kSource));
}

TEST(PrivateRanges, NeverAllowMetadataWhateverTheConfigurationSays) {
  const PrivateRanges everything({*Cidr::Parse("0.0.0.0/0"), *Cidr::Parse("::/0")});
  EXPECT_TRUE(everything.Allows(At("8.8.8.8"), WrittenBy::kSource));
  EXPECT_EQ(everything.WhyNot(At("169.254.169.254"), WrittenBy::kConfigurationFile), kMetadata);
  EXPECT_EQ(everything.WhyNot(At("fe80::1"), WrittenBy::kConfigurationFile), kMetadata);
  EXPECT_EQ(everything.WhyNot(At("fd00:ec2::254"), WrittenBy::kConfigurationFile), kAwsMetadata);
  EXPECT_EQ(everything.WhyNot(At("0.0.0.0"), WrittenBy::kConfigurationFile), kUnspecified);
  EXPECT_EQ(everything.WhyNot(At("255.255.255.255"), WrittenBy::kConfigurationFile), kBroadcast);
}

TEST(PrivateRanges, SayWhichNetworkCanNeverBeAllowed) {
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("169.254.0.0/16")), kMetadata);
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("169.254.169.254/32")), kMetadata);
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("fe80::/64")), kMetadata);
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("224.0.0.0/8")), kMulticast);
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("198.51.100.0/24")), "");
  EXPECT_EQ(WhyNeverAllowed(*Cidr::Parse("0.0.0.0/0")), "");  // more than what is never allowed
}

std::string Problem(std::string_view text) {
  const absl::StatusOr<Cidr> cidr = Cidr::Parse(text);
  return cidr.ok() ? "" : std::string(cidr.status().message());
}

TEST(Cidr, ReadsNetworksOfEveryLength) {
  for (const char* text :
       {"0.0.0.0/0", "10.0.0.0/8", "198.51.100.0/24", "198.51.100.128/25", "198.51.100.7/32", "::/0",
        "fd00::/8", "2001:db8::/33", "2001:db8::1/128", "::ffff:10.0.0.0/104"}) {
    EXPECT_EQ(Problem(text), "") << text;
  }
  EXPECT_TRUE(Cidr::Parse("::ffff:10.0.0.0/104")->Contains(At("10.1.2.3")));
  EXPECT_FALSE(Cidr::Parse("0.0.0.0/0")->Contains(At("fd00::1")));
}

TEST(Cidr, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(Problem("198.51.100.0"),
            "\"198.51.100.0\" has no prefix length: write a network such as 198.51.100.0/24");
  EXPECT_EQ(Problem("198.51.100/24"), "\"198.51.100/24\" does not begin with an IP address");
  EXPECT_EQ(Problem("198.51.100.0/33"), "\"198.51.100.0/33\" does not end with a prefix length from 0 to 32");
  EXPECT_EQ(Problem("198.51.100.0/"), "\"198.51.100.0/\" does not end with a prefix length from 0 to 32");
  EXPECT_EQ(Problem("198.51.100.0/-1"), "\"198.51.100.0/-1\" does not end with a prefix length from 0 to 32");
  EXPECT_EQ(Problem("2001:db8::/129"), "\"2001:db8::/129\" does not end with a prefix length from 0 to 128");
  EXPECT_EQ(Problem("198.51.100.7/24"),
            "\"198.51.100.7/24\" has address bits set beyond its prefix: write 198.51.100.0/24");
  EXPECT_EQ(Problem("2001:db8::1/32"),
            "\"2001:db8::1/32\" has address bits set beyond its prefix: write 2001:db8::/32");
}

}  // namespace
}  // namespace naru::discovery
