#include "sidecar/cli/public_names.h"

#include <gtest/gtest.h>

#include <map>

#include "sidecar/config/problem.h"

namespace naru::cli {
namespace {

discovery::IpBytes Ip(std::string_view text) {
  return *discovery::ParseIp(text);
}

config::Config Claiming(std::vector<std::string> hosts) {
  config::Config config;
  config::Service& service = config.services.emplace_back();
  service.name = "courses";
  service.hosts = std::move(hosts);
  for (size_t i = 0; i < service.hosts.size(); ++i) {
    service.hosts_origins.push_back({0, static_cast<int>(i) + 5});
  }
  return config;
}

TEST(PublicNames, WarnWhereAHostStillHasAPublicAddress) {
  const std::map<std::string, std::vector<discovery::IpBytes>> answers = {
      {"api.example.com", {Ip("10.0.0.1"), Ip("203.0.113.9")}},
      {"internal.example.com", {Ip("10.0.0.1"), Ip("fd00::1")}},
      {"local.example.com", {Ip("127.0.0.1")}},
  };
  const std::vector<PublicName> names =
      FindPublicNames(Claiming({"api.example.com", "internal.example.com", "local.example.com"}),
                      [&](const std::string& name) { return answers.at(name); });
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].message,
            "courses: its host api.example.com still resolves to the public address 203.0.113.9");
  EXPECT_EQ(names[0].origin, (config::Origin{0, 5}));
}

TEST(PublicNames, AreTheAffairOfALineWithoutColumn) {
  EXPECT_EQ(config::Render(config::Problem{"naru.yaml", 5, 0, "courses: its host", "find who", ""}),
            "naru.yaml:5: courses: its host\n  find who\n");
}

TEST(PublicNames, SayWhereANameIsGone) {
  const std::vector<PublicName> names =
      FindPublicNames(Claiming({"old.example.com"}),
                      [](const std::string&) -> absl::StatusOr<std::vector<discovery::IpBytes>> {
                        return absl::NotFoundError("does not resolve: no such name");
                      });
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].origin, (config::Origin{0, 5}));
  EXPECT_EQ(names[0].message, "courses: its host old.example.com does not resolve: no such name");
}

TEST(PublicNames, TheSystemKnowsThisMachine) {
  const auto addresses = AskSystem("localhost");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  for (const discovery::IpBytes& ip : *addresses) {
    EXPECT_TRUE(ip == Ip("127.0.0.1") || ip == Ip("::1")) << discovery::IpToString(ip);
  }
}

}  // namespace
}  // namespace naru::cli
