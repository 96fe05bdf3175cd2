#include "discovery/dns/resolv_conf.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using Strings = std::vector<std::string>;

Strings ServersOf(std::string_view text) {
  Strings servers;
  for (const Address& server : ResolvConf::Parse(text).servers) servers.push_back(server.ToString());
  return servers;
}

TEST(ResolvConf, IsReadAsContainersHaveIt) {
  const ResolvConf conf = ResolvConf::Parse(
      "# made by the runtime\n"
      "nameserver 10.0.0.2\n"
      "nameserver\tfd00::2 \r\n"
      "search prod.internal ap-northeast-2.compute.internal.\n"
      "options timeout:2 ndots:2 attempts:3\n");
  EXPECT_EQ(conf, (ResolvConf{{*Address::Parse("10.0.0.2:53"), *Address::Parse("[fd00::2]:53")},
                              {"prod.internal", "ap-northeast-2.compute.internal"},
                              2}));
}

TEST(ResolvConf, MeansTheLocalHostWithoutAServer) {
  EXPECT_EQ(ServersOf(""), (Strings{"127.0.0.1:53"}));
  EXPECT_EQ(ServersOf("nameserver\nnameserver one\n"), (Strings{"127.0.0.1:53"}));
}

TEST(ResolvConf, ReadsTheLastSearchOnlyAndNoComment) {
  const ResolvConf conf = ResolvConf::Parse("search a b\ndomain c\n; search d\n# search e\n");
  EXPECT_EQ(conf.search, (Strings{"c"}));
}

TEST(ResolvConf, KeepsToItsLimits) {
  std::string text = "options ndots:99\noptions ndots:x ndots:-1z\nsearch";
  for (int i = 0; i < 30; ++i) text += " d" + std::to_string(i);
  for (int i = 0; i < 30; ++i) text += "\nnameserver 10.0.0." + std::to_string(i);
  const ResolvConf conf = ResolvConf::Parse(text);
  EXPECT_EQ(conf.dots, ResolvConf::kMostDots);
  EXPECT_EQ(conf.search.size(), ResolvConf::kMostSearch);
  EXPECT_EQ(conf.servers.size(), ResolvConf::kMostServers);
}

TEST(ResolvConf, TriesAShortNameInTheDomainsFirst) {
  const ResolvConf conf{{}, {"prod.internal", "internal"}, 1};
  EXPECT_EQ(conf.NamesFor("courses"), (Strings{"courses.prod.internal.", "courses.internal.", "courses."}));
}

TEST(ResolvConf, TriesANameWithEnoughDotsAsItIsFirst) {
  const ResolvConf conf{{}, {"internal"}, 1};
  EXPECT_EQ(conf.NamesFor("courses.prod"), (Strings{"courses.prod.", "courses.prod.internal."}));
  EXPECT_EQ(conf.NamesFor("courses.prod."), (Strings{"courses.prod."}));
}

}  // namespace
}  // namespace naru::discovery
