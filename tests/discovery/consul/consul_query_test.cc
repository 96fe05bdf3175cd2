#include "discovery/consul/consul_query.h"

#include <gtest/gtest.h>

#include <map>

namespace naru::discovery {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

ConsulQuery For(std::string_view uri, const ConsulSettings& settings = {}) {
  return *ConsulQuery::For(*SourceUri::Parse(uri), settings);
}

std::string Blocking(std::string_view uri, const ConsulSettings& settings = {}) {
  return For(uri, settings).Health(7).url.ToString();
}

TEST(ConsulQuery, AsksAtOnceWithIndexZeroAndBlocksWithAnother) {
  const ConsulQuery query = For("consul://courses");
  EXPECT_EQ(query.Health(0).url.ToString(), "http://127.0.0.1:8500/v1/health/service/courses?stale");
  EXPECT_EQ(query.Health(0).timeout, seconds(10));
  EXPECT_EQ(query.Health(7).url.ToString(),
            "http://127.0.0.1:8500/v1/health/service/courses?stale&index=7&wait=300s");
  EXPECT_EQ(query.Services().url.ToString(), "http://127.0.0.1:8500/v1/catalog/services?stale");
}

// The server may add a sixteenth to the wait.
TEST(ConsulQuery, WaitsForLongerThanTheServerMayWait) {
  EXPECT_GT(For("consul://courses").Health(7).timeout, minutes(5) * 17 / 16);
  ConsulSettings settings;
  settings.wait = minutes(60);
  EXPECT_EQ(Blocking("consul://courses", settings),
            "http://127.0.0.1:8500/v1/health/service/courses?stale&index=7&wait=600s");
  EXPECT_GT(For("consul://courses", settings).Health(7).timeout, minutes(10) * 17 / 16);
}

TEST(ConsulQuery, PutsOptionsOfTheUriAndTheSettingsIn) {
  ConsulSettings settings;
  settings.address = "https://consul.internal/proxy/";
  settings.datacenter = "busan";
  settings.cached = true;
  settings.stale = false;
  EXPECT_EQ(Blocking("consul://courses", settings),
            "https://consul.internal/proxy/v1/health/service/courses?dc=busan&cached&index=7&wait=300s");
  EXPECT_EQ(Blocking("consul://a%b?dc=seoul&ns=x%26y", settings),
            "https://consul.internal/proxy/v1/health/service/"
            "a%25b?dc=seoul&ns=x%26y&cached&index=7&wait=300s");
  EXPECT_EQ(For("consul://c?dc=seoul").Services().url.target,
            "/v1/catalog/services?dc=seoul&stale");
}

TEST(ConsulQuery, LooksAtTagsAndPassingItself) {
  const ConsulQuery query = For("consul://courses?tag=v2&passing&tag=blue");
  EXPECT_EQ(query.filter(), (InstanceFilter{{"v2", "blue"}, true}));
  EXPECT_EQ(query.Health(0).url.target, "/v1/health/service/courses?stale");
}

TEST(ConsulQuery, SendsTheTokenInAField) {
  EXPECT_EQ(For("consul://courses").Health(0).fields, HttpFields());
  ConsulSettings settings;
  settings.token = "secret";
  EXPECT_EQ(For("consul://courses", settings).Health(0).fields, (HttpFields{{"X-Consul-Token", "secret"}}));
  EXPECT_EQ(For("consul://courses", settings).Services().fields, (HttpFields{{"X-Consul-Token", "secret"}}));
}

TEST(ConsulQuery, SaysWhichAddressCannotBeAsked) {
  ConsulSettings settings;
  settings.address = "unix:///run/consul.sock";
  const std::string why(ConsulQuery::For(*SourceUri::Parse("consul://c"), settings).status().message());
  EXPECT_TRUE(why.starts_with("Consul's address unix:///run/consul.sock ")) << why;
  EXPECT_TRUE(why.ends_with(": set discovery.consul.address to one such as http://127.0.0.1:8500")) << why;
}

ConsulSettings In(const std::map<std::string, std::string>& environment, ConsulSettings settings = {}) {
  return WithEnvironment(std::move(settings), [&](const char* name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    return at == environment.end() ? std::nullopt : std::optional(at->second);
  });
}

TEST(ConsulEnvironment, FillsInWhatTheSettingsLeaveOpen) {
  EXPECT_EQ(In({}), ConsulSettings());
  EXPECT_EQ(In({{"CONSUL_HTTP_ADDR", "10.0.0.5:8500"}}).address, "http://10.0.0.5:8500");
  EXPECT_EQ(In({{"CONSUL_HTTP_ADDR", "10.0.0.5:8501"}, {"CONSUL_HTTP_SSL", "true"}}).address,
            "https://10.0.0.5:8501");
  EXPECT_EQ(In({{"CONSUL_HTTP_ADDR", "https://c:8501"}}).address, "https://c:8501");
  EXPECT_EQ(In({{"CONSUL_HTTP_TOKEN", "t"}}).token, "t");
}

TEST(ConsulEnvironment, GivesWayToTheSettings) {
  ConsulSettings settings;
  settings.address = "http://10.0.0.9:8500";
  settings.token = "mine";
  EXPECT_EQ(In({{"CONSUL_HTTP_ADDR", "10.0.0.5:8500"}, {"CONSUL_HTTP_TOKEN", "t"}}, settings), settings);
}

}  // namespace
}  // namespace naru::discovery
