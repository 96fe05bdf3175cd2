#include "sidecar/config/schema.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "sidecar/config/effective_config.h"
#include "sidecar/config/field_doc.h"
#include "sidecar/config/load_config.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/config/values.h"
#include "tests/sidecar/config/fake_environment.h"

namespace naru::config {
namespace {

namespace json = boost::json;

TEST(ReferencePage, IsTheCommittedOne) {
  std::ifstream file(NARU_SOURCE_DIR "/docs/reference/configuration.md");
  const std::string committed(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(committed, ReferencePage())
      << "the page is out of date: naru check --reference > docs/reference/configuration.md";
}

// Every default that a table states in words is the one that holds when nothing is said.
TEST(ReferencePage, StatedDefaultsAreInForce) {
  FakeEnvironment environment;
  environment.files["naru.yaml"] = "services: {}";
  const auto config = LoadConfig("naru.yaml", environment).config;
  ASSERT_NE(config, nullptr);
  std::map<std::string_view, std::string_view> stated;
  for (const FieldDoc& field : FieldsOf(Section::kFile)) stated[field.key] = field.fallback;
  EXPECT_EQ(stated["listen"], config->listen[0].text);
  EXPECT_EQ(stated["admin"], config->admin.text);
  EXPECT_EQ(stated["workers"], std::to_string(config->workers));
  EXPECT_EQ(stated["drain_timeout"], FormatDuration(config->drain_timeout));
}

TEST(PolicyFields, EveryDefaultIsOneThatCouldBeWritten) {
  for (const PolicyField& field : PolicyFields()) {
    if (field.type.kind == ValueKind::kGroup || field.type.kind == ValueKind::kWords) continue;
    const Value value = field.get(WithEveryGroup());
    if (std::holds_alternative<Off>(value) && !field.type.may_be_off) continue;  // it has none
    const std::string text = FormatValue(field.type, value);
    const absl::StatusOr<Value> parsed = ParseValue(field.type, text);
    ASSERT_TRUE(parsed.ok()) << field.key << ' ' << text;
    EXPECT_EQ(FormatValue(field.type, *parsed), text) << field.key;
  }
}

TEST(PolicyFields, KeysAreUniqueAndFollowTheirGroup) {
  std::set<std::string_view> seen = {""};
  for (const PolicyField& field : PolicyFields()) {
    const size_t dot = field.key.rfind('.');
    EXPECT_TRUE(seen.contains(dot == field.key.npos ? "" : field.key.substr(0, dot))) << field.key;
    EXPECT_TRUE(seen.insert(field.key).second) << field.key;
  }
}

TEST(Schema, KnowsEveryKeyAndNoOther) {
  const json::object schema = json::parse(SchemaJson()).as_object();
  const json::object& properties = schema.at("properties").as_object();
  EXPECT_EQ(properties.size(), FieldsOf(Section::kFile).size());
  EXPECT_FALSE(schema.at("additionalProperties").as_bool());
  const json::object& service = properties.at("services").at("additionalProperties").as_object();
  EXPECT_EQ(json::serialize(service.at("required")), R"(["squad","endpoints"])");
  EXPECT_EQ(
      json::serialize(service.at("properties").at("retry").at("properties").at("attempts")),
      R"({"anyOf":[{"type":"integer","minimum":1,"maximum":10},{"type":"string","pattern":"^[0-9]+$|\\$\\{"}],)"
      R"("description":"Attempts of one call, the first included; 1 never retries. Default: 2"})");
  EXPECT_TRUE(service.at("properties").as_object().contains("routes"));
  EXPECT_TRUE(service.at("properties").as_object().contains("health_check"));
  const json::value& route = service.at("properties").at("routes").at("items").at("properties");
  EXPECT_TRUE(route.as_object().contains("ejection"));
  EXPECT_FALSE(route.as_object().contains("health_check"));
  EXPECT_FALSE(service.at("properties").as_object().contains("hedge"));
  EXPECT_EQ(json::serialize(service.at("properties").at("protocol").at("anyOf").at(0)),
            R"({"enum":["auto","http1","http2"]})");
}

TEST(Schema, ARouteHasExactlyOneOfMatchAndGrpc) {
  const json::value schema = json::parse(SchemaJson());
  const json::value& route = schema.at("properties")
                                 .at("services")
                                 .at("additionalProperties")
                                 .at("properties")
                                 .at("routes")
                                 .at("items");
  EXPECT_EQ(json::serialize(route.at("oneOf")), R"([{"required":["match"]},{"required":["grpc"]}])");
  EXPECT_FALSE(route.as_object().contains("required"));
  EXPECT_TRUE(route.at("properties").as_object().contains("grpc"));
}

TEST(EffectiveConfig, ShowsARouteAsItWasWritten) {
  FakeEnvironment environment;
  environment.files["naru.yaml"] =
      "services:\n  a:\n    squad: s\n    endpoints: [10.0.0.1:80]\n"
      "    routes:\n      - match: GET /x\n      - {grpc: a.B/*, name: b}\n";
  const auto config = LoadConfig("naru.yaml", environment).config;
  ASSERT_NE(config, nullptr);
  json::value routes = json::parse(EffectiveConfigJson(*config)).at("services").at("a").at("routes");
  for (json::value& route : routes.as_array()) route.as_object().erase("policy");
  EXPECT_EQ(json::serialize(routes), R"([{"name":"GET /x","match":"GET /x","from":"naru.yaml:6"},)"
                                     R"({"name":"b","grpc":"a.B/*","from":"naru.yaml:7"}])");
}

TEST(EffectiveConfig, SaysTheProtocolAsItIsWritten) {
  for (std::string_view word : kProtocolWords) {
    FakeEnvironment environment;
    environment.files["naru.yaml"] =
        "services: {a: {squad: s, endpoints: [10.0.0.1:80], protocol: " + std::string(word) + "}}";
    const auto config = LoadConfig("naru.yaml", environment).config;
    ASSERT_NE(config, nullptr);
    const json::value effective = json::parse(EffectiveConfigJson(*config));
    EXPECT_EQ(effective.at("services").at("a").at("protocol"), json::value(word));
  }
}

TEST(EffectiveConfig, SaysEveryValueAndWhereItCameFrom) {
  FakeEnvironment environment;
  environment.files["naru.yaml"] =
      "services:\n  a:\n    squad: s\n    endpoints: [10.0.0.1:80]\n    timeout: 3s\n    breaker: off\n"
      "    routes: [{match: /x, timeout: 1s}]\n";
  const auto config = LoadConfig("naru.yaml", environment).config;
  ASSERT_NE(config, nullptr);
  const json::value effective = json::parse(EffectiveConfigJson(*config));
  EXPECT_EQ(json::serialize(effective.at("admin")), R"({"value":"127.0.0.1:4001","from":"default"})");
  const json::value& service = effective.at("services").at("a");
  EXPECT_EQ(json::serialize(service.at("endpoints")), R"({"value":["10.0.0.1:80"],"from":"naru.yaml:4"})");
  EXPECT_EQ(json::serialize(service.at("policy").at("timeout")), R"({"value":"3s","from":"naru.yaml:5"})");
  EXPECT_EQ(json::serialize(service.at("policy").at("breaker")), R"({"value":"off","from":"naru.yaml:6"})");
  EXPECT_EQ(json::serialize(service.at("policy").at("retry.attempts")), R"({"value":"2","from":"default"})");
  EXPECT_EQ(json::serialize(service.at("routes").at(0).at("policy").at("timeout")),
            R"({"value":"1s","from":"naru.yaml:7"})");
}

// Every value that stands neither in {value, from} nor beside the `from` of its route needs an entry of
// `origins`, by its path from the object that has them.
void ExpectOrigins(const json::value& value, const std::string& path, const json::object& origins) {
  const json::object* object = value.if_object();
  if (object == nullptr) {
    EXPECT_TRUE(origins.contains(path)) << path << " does not say where it is from";
    return;
  }
  if (object->contains("value") && object->contains("from")) return;
  const json::value* own = object->if_contains("origins");
  for (const auto& [key, member] : *object) {
    const bool is_told =
        key == "origins" || key == "from" || key == "files" || key == "routes" || key == "listen";
    if (is_told) continue;
    const std::string name(key);
    ExpectOrigins(member, own != nullptr || path.empty() ? name : path + "." + name,
                  own != nullptr ? own->as_object() : origins);
  }
}

TEST(EffectiveConfig, EveryValueSaysWhereItIsFrom) {
  FakeEnvironment environment;
  for (const char* text : {"services: {}", R"(caller: {squad: video, service: video-api}
private: {allow: [198.51.100.0/24]}
workers: 2
discovery:
  default: dns://{service}.internal:80
  state: /var/lib/naru
  dns:
    servers: [10.0.0.2]
    min_ttl: 2s
services:
  a.b:
    squad: s
    endpoints: dns://x:80
    hosts: [x.example.com]
    port: 4101
    protocol: http1
  c: {squad: s, endpoints: [10.0.0.1:80]}
)"}) {
    environment.files["naru.yaml"] = text;
    const auto config = LoadConfig("naru.yaml", environment).config;
    ASSERT_NE(config, nullptr);
    ExpectOrigins(json::parse(EffectiveConfigJson(*config)), "", {});
  }
  const auto config = LoadConfig("naru.yaml", environment).config;
  const json::value effective = json::parse(EffectiveConfigJson(*config));
  EXPECT_EQ(effective.at("origins").at("caller.squad"), "naru.yaml:1");
  EXPECT_EQ(effective.at("origins").at("caller.zone"), "default");
  EXPECT_EQ(effective.at("origins").at("private.allow"), "naru.yaml:2");
  EXPECT_EQ(effective.at("origins").at("workers"), "naru.yaml:3");
  EXPECT_EQ(effective.at("origins").at("drain_timeout"), "default");
  EXPECT_EQ(effective.at("origins").at("discovery.dns.min_ttl"), "naru.yaml:9");
  EXPECT_EQ(effective.at("origins").at("discovery.dns.max_ttl"), "default");
  EXPECT_EQ(
      json::serialize(effective.at("services").at("a.b").at("origins")),
      R"({"squad":"naru.yaml:12","hosts":"naru.yaml:14","port":"naru.yaml:15","protocol":"naru.yaml:16",)"
      R"("source":"naru.yaml:13"})");
}

TEST(EffectiveConfig, ACallerThatWasFoundOutIsNoDefault) {
  Config config;
  config.caller = {"video", "unknown", "", "prod", "0123"};
  const json::value origins = json::parse(EffectiveConfigJson(config)).at("origins");
  EXPECT_EQ(origins.at("caller.squad"), "environment or task metadata");
  EXPECT_EQ(origins.at("caller.service"), "default");
  EXPECT_EQ(origins.at("caller.cluster"), "task metadata");
}

}  // namespace
}  // namespace naru::config
