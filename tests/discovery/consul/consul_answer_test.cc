#include "discovery/consul/consul_answer.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpResponse WithFields(HttpFields fields) {
  return {200, std::move(fields), "[]"};
}

TEST(ConsulMeta, IsReadFromTheHead) {
  EXPECT_EQ(MetaOf(WithFields({{"x-consul-index", "42"},
                               {"x-consul-knownleader", "false"},
                               {"x-consul-lastcontact", "1500"},
                               {"age", "7"},
                               {"x-consul-results-filtered-by-acls", "true"}})),
            (ConsulMeta{42, false, milliseconds(1500), seconds(7), true}));
}

TEST(ConsulMeta, TakesWhatIsMissingOrMalformedForTheBest) {
  EXPECT_EQ(MetaOf(WithFields({})), ConsulMeta());
  EXPECT_EQ(MetaOf(WithFields({{"x-consul-index", "-1"}, {"x-consul-lastcontact", "soon"}, {"age", "1e9"}})),
            ConsulMeta());
  EXPECT_EQ(MetaOf(WithFields({{"age", "18446744073709551615"}})).age, std::chrono::hours(24 * 365));
}

TEST(ConsulMeta, SaysWhyAnAnswerMayBeOutdated) {
  EXPECT_EQ(WhyOutdated({}), "");
  EXPECT_EQ(WhyOutdated({1, true, seconds(30), seconds(30)}), "");
  EXPECT_EQ(WhyOutdated({1, false}), "Consul's servers have no leader");
  EXPECT_EQ(WhyOutdated({1, true, seconds(31)}),
            "the server that answered has not heard of its leader for 31 s");
  EXPECT_EQ(WhyOutdated({1, true, seconds(0), seconds(90)}),
            "the agent answers from its cache and has not reached a server for 90 s");
}

TEST(ConsulRefusal, SaysWhatConsulSaidAndWhatToDo) {
  EXPECT_EQ(
      WhyRefused({403, {}, "Permission denied: token lacks permission\nmore"}),
      "status 403 (Permission denied: token lacks permission): let discovery.consul.token be one that has "
      "service:read and node:read");
  EXPECT_EQ(WhyRefused({500, {}, "No cluster leader"}), "status 500 (No cluster leader)");
  EXPECT_EQ(
      WhyRefused({429, {}, ""}),
      "status 429: the agent or its servers are overloaded, or limits.http_max_conns_per_client is reached");
  EXPECT_EQ(WhyRefused({502, {}, "a\x1b[31mb"}), "status 502 (a?[31mb)");
}

constexpr std::string_view kHint = ": let discovery.consul.token be one that has service:read and node:read";

std::string With(std::string_view what) {
  return std::string(what) + std::string(kHint);
}

const ConsulMeta kWhole;
const ConsulMeta kFiltered{std::nullopt, true, {}, {}, true};

TEST(ConsulEmptyList, IsCertainWhereTheCatalogShowsOthersOnly) {
  EXPECT_EQ(JudgeEmptyList("courses", kWhole, kWhole, {"consul", "billing"}), (EmptyList{true, ""}));
}

TEST(ConsulEmptyList, IsNotBelievedWhereSomethingWasLeftOutOfIt) {
  EXPECT_EQ(JudgeEmptyList("courses", kFiltered, kWhole, {"consul"}),
            (EmptyList{false, With("the token may not read all instances of courses")}));
}

TEST(ConsulEmptyList, IsNotBelievedWhereTheCatalogStillListsTheService) {
  EXPECT_EQ(JudgeEmptyList("courses", kWhole, kWhole, {"consul", "courses"}),
            (EmptyList{false, With("the catalog lists courses, but none of its instances can be seen")}));
}

TEST(ConsulEmptyList, IsNotBelievedWhereNothingAtAllIsSeen) {
  EXPECT_EQ(JudgeEmptyList("courses", kWhole, kWhole, {}),
            (EmptyList{false, With("no service at all can be seen, not even Consul's own")}));
}

// A token that may read this service only.
TEST(ConsulEmptyList, IsCertainWhereOnlyTheCatalogSaysThatSomethingWasLeftOut) {
  EXPECT_EQ(JudgeEmptyList("courses", kWhole, kFiltered, {}), (EmptyList{true, ""}));
}

}  // namespace
}  // namespace naru::discovery
