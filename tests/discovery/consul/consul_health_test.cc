#include "discovery/consul/consul_health.h"

#include <gtest/gtest.h>

#include <string>

#include "discovery/endpoint_set.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

using Strings = std::vector<std::string>;

// An instance as Consul describes it, with what else there is of its service and the states of its checks.
std::string Instance(const std::string& address, const std::string& more = "",
                     const Strings& checks = {"passing"}) {
  std::string list;
  for (const std::string& check : checks)
    list += Cat(list.empty() ? "" : ",", R"({"Status": ")", check, R"("})");
  return Cat(R"({"Node": {"Node": "n1", "Address": "10.9.9.9", "Meta": {}}, "Service": {"Service": "courses",
             "Address": ")",
             address, R"(", "Port": 8080)", more, R"(}, "Checks": [)", list, "]}");
}

std::string ListOf(const Strings& instances) {
  return Cat("[", Join(instances, ","), "]");
}

HealthList Read(const Strings& instances, const InstanceFilter& filter = {}) {
  const absl::StatusOr<HealthList> list = ReadHealth(ListOf(instances), filter);
  EXPECT_TRUE(list.ok()) << list.status();
  return list.ok() ? *list : HealthList();
}

Strings AddressesOf(const HealthList& list) {
  Strings addresses;
  for (const Endpoint& endpoint : list.answer.endpoints) addresses.push_back(endpoint.address.ToString());
  return addresses;
}

std::string WhyNot(std::string_view body) {
  return std::string(ReadHealth(body, {}).status().message());
}

TEST(ConsulHealth, ReadsAddressWeightZoneSquadAndMetadata) {
  const HealthList list = Read({Instance("10.0.1.11", R"(, "Weights": {"Passing": 10, "Warning": 1},
    "Meta": {"zone": "seoul-a", "squad": "learning", "version": "2", "build": "7"}, "Tags": ["v2"])")});
  EXPECT_EQ(
      list,
      (HealthList{
          Answer{{{*Address::Parse("10.0.1.11:8080"), 10, "seoul-a", {{"build", "7"}, {"version", "2"}}}},
                 true,
                 "learning",
                 ""},
          1, ""}));
}

TEST(ConsulHealth, TakesTheAddressOfTheNodeWhereTheServiceHasNone) {
  EXPECT_EQ(AddressesOf(Read({Instance("")})), (Strings{"10.9.9.9:8080"}));
  EXPECT_EQ(AddressesOf(Read({Instance("fd00::1")})), (Strings{"[fd00::1]:8080"}));
}

TEST(ConsulHealth, ServesWhatWarnsWithTheWeightForThatButNothingCritical) {
  const std::string weights = R"(, "Weights": {"Passing": 10, "Warning": 2})";
  const HealthList list = Read({Instance("10.0.0.1", weights, {"passing", "passing"}),
                                Instance("10.0.0.2", weights, {"passing", "warning"}),
                                Instance("10.0.0.3", weights, {"critical", "passing"}),
                                Instance("10.0.0.4", weights, {"maintenance"}),
                                Instance("10.0.0.5", weights, {"odd"}), Instance("10.0.0.6", weights, {})});
  EXPECT_EQ(list.answer.endpoints, (std::vector<Endpoint>{{*Address::Parse("10.0.0.1:8080"), 10, "", {}},
                                                          {*Address::Parse("10.0.0.2:8080"), 2, "", {}},
                                                          {*Address::Parse("10.0.0.6:8080"), 10, "", {}}}));
  EXPECT_EQ(list.instances, 6u);
}

TEST(ConsulHealth, LeavesOutWhatWarnsWhereOnlyPassingOnesAreWanted) {
  EXPECT_EQ(AddressesOf(Read({Instance("10.0.0.1"), Instance("10.0.0.2", "", {"warning"})}, {{}, true})),
            (Strings{"10.0.0.1:8080"}));
}

TEST(ConsulHealth, LeavesOutWhatHasNoWeightInItsState) {
  const std::string weights = R"(, "Weights": {"Passing": 1, "Warning": 0})";
  EXPECT_EQ(AddressesOf(Read({Instance("10.0.0.1", weights), Instance("10.0.0.2", weights, {"warning"})})),
            (Strings{"10.0.0.1:8080"}));
}

TEST(ConsulHealth, WantsEveryTagWhateverItsLetterCase) {
  const Strings instances = {Instance("10.0.0.1", R"(, "Tags": ["v2", "Blue"])"),
                             Instance("10.0.0.2", R"(, "Tags": ["v2"])"),
                             Instance("10.0.0.3", R"(, "Tags": null)")};
  EXPECT_EQ(AddressesOf(Read(instances, {{"v2", "blue"}, false})), (Strings{"10.0.0.1:8080"}));
  const HealthList none = Read(instances, {{"v3"}, false});
  EXPECT_EQ(none, (HealthList{Answer(), 3, ""}));
}

TEST(ConsulHealth, FindsTheZoneInServiceNodeOrLocality) {
  const auto zone = [](const std::string& node, const std::string& service) {
    const auto list = ReadHealth(
        Cat(R"([{"Node": {"Address": "10.0.0.1")", node, R"(}, "Service": {"Port": 80)", service, "}}]"), {});
    return list.ok() ? list->answer.endpoints.at(0).zone : std::string(list.status().message());
  };
  EXPECT_EQ(zone(R"(, "Meta": {"zone": "n"})", R"(, "Meta": {"zone": "s"})"), "s");
  EXPECT_EQ(zone(R"(, "Meta": {"availability_zone": "n"})", R"(, "Meta": {"other": "s"})"), "n");
  EXPECT_EQ(zone(R"(, "Locality": {"Zone": "n"})", R"(, "Locality": {"Region": "r", "Zone": "s"})"), "s");
  EXPECT_EQ(zone(R"(, "Locality": null, "Meta": null)", ""), "");
}

TEST(ConsulHealth, LeavesOutWhatCannotBeCalledAndSaysSo) {
  const HealthList list =
      Read({Instance("10.0.0.1"), Instance("db.example.com"), Instance("db2.example.com")});
  EXPECT_EQ(AddressesOf(list), (Strings{"10.0.0.1:8080"}));
  EXPECT_EQ(list.note,
            "2 of 3 instances cannot be called, such as \"db.example.com\" port 8080: let them register an "
            "IP address and a port");
  EXPECT_EQ(WhyNot(R"([{"Node": {"Address": "10.0.0.1"}, "Service": {"Port": 0}}])"),
            "1 of 1 instances cannot be called, such as \"10.0.0.1\" port 0: let them register an IP address "
            "and a port");
}

TEST(ConsulHealth, NamesNoSquadWhereInstancesDisagree) {
  const HealthList list = Read({Instance("10.0.0.1", R"(, "Meta": {"squad": "a"})"),
                                Instance("10.0.0.2", R"(, "Meta": {"squad": "b"})")});
  EXPECT_EQ(list.answer.squad, "");
  EXPECT_EQ(list.note, "its instances name more than one squad (a, b): let their metadata `squad` agree");
}

TEST(ConsulHealth, IsBounded) {
  Strings instances;
  for (size_t i = 0; i < kMostEndpoints + 2; ++i) instances.push_back(Instance("10.0.0.1"));
  const HealthList list = Read(instances);
  EXPECT_EQ(list.answer.endpoints.size(), kMostEndpoints);
  EXPECT_EQ(list.note, "2 instances beyond the first 10000 are left out");
}

TEST(ConsulHealth, SaysThatSomethingElseIsNoListOfInstances) {
  for (const char* body :
       {"", "null", "{}", "[1]", "[{}]", R"([{"Node": {}}])", "<html>", "[{\"Node\": {}"}) {
    EXPECT_EQ(WhyNot(body), "the answer is no list of instances: is this Consul?") << body;
  }
}

TEST(ConsulServiceNames, AreReadFromTheCatalog) {
  EXPECT_EQ(*ReadServiceNames(R"({"consul": [], "courses": ["v2"]})"),
            (std::set<std::string>{"consul", "courses"}));
  EXPECT_EQ(*ReadServiceNames("{}"), (std::set<std::string>()));
  EXPECT_EQ(std::string(ReadServiceNames("[]").status().message()),
            "the answer is no map of services: is this Consul?");
}

}  // namespace
}  // namespace naru::discovery
