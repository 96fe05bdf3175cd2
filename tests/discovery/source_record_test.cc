#include "discovery/source_record.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

Endpoint On(std::string_view text) {
  return {*Address::Parse(text), 1, "", {}};
}

Answer Of(std::vector<Endpoint> endpoints) {
  return {std::move(endpoints), true, "", ""};
}

class SourceRecordTest : public testing::Test {
 protected:
  SourceRecord record{*SourceUri::Parse("dns://courses:80"), PrivateRanges()};
  const Finding& finding() { return record.finding(); }
};

TEST_F(SourceRecordTest, KnowsNothingBeforeTheFirstAnswer) {
  EXPECT_EQ(finding().set, nullptr);
  EXPECT_TRUE(record.Take(Trouble{"timed out"}, kStart).trouble_began);
  EXPECT_EQ(finding().set, nullptr);
  EXPECT_EQ(finding().error, "timed out");
}

TEST_F(SourceRecordTest, AnAnswerThatDiffersIsANewVersion) {
  EXPECT_TRUE(record.Take(Of({On("10.0.0.1:80")}), kStart).endpoints);
  EXPECT_EQ(finding().set->version, 1u);
  EXPECT_FALSE(record.Take(Of({On("10.0.0.1:80"), On("10.0.0.1:80")}), kStart + 1s).endpoints);
  EXPECT_EQ(finding().set->version, 1u);
  EXPECT_EQ(finding().confirmed, kStart + 1s);
  EXPECT_TRUE(record.Take(Of({On("10.0.0.2:80")}), kStart + 2s).endpoints);
  EXPECT_EQ(finding().set->version, 2u);
  EXPECT_EQ(finding().answers, 3u);
}

TEST_F(SourceRecordTest, TroubleNeverShrinksWhatIsKnown) {
  record.Take(Of({On("10.0.0.1:80")}), kStart);
  const std::shared_ptr<const EndpointSet> known = finding().set;
  EXPECT_TRUE(record.Take(Trouble{"SERVFAIL"}, kStart + 1s).trouble_began);
  EXPECT_FALSE(record.Take(Trouble{"SERVFAIL"}, kStart + 2s).trouble_began);
  EXPECT_EQ(finding().set, known);
  EXPECT_EQ(finding().confirmed, kStart);
  EXPECT_EQ(finding().troubles, 2u);
  EXPECT_TRUE(record.Take(Confirmed{}, kStart + 3s).trouble_ended);
  EXPECT_EQ(finding().set, known);
  EXPECT_EQ(finding().confirmed, kStart + 3s);
  EXPECT_EQ(finding().error, "");
}

TEST_F(SourceRecordTest, TroubleIsToldWithoutTheNameOfTheSource) {
  record.Take(Trouble{"dns://courses:80: timed out"}, kStart);
  EXPECT_EQ(finding().error, "timed out");
}

TEST_F(SourceRecordTest, ASureEmptyAnswerEmptiesIt) {
  record.Take(Of({On("10.0.0.1:80")}), kStart);
  EXPECT_TRUE(record.Take(Of({}), kStart).endpoints);
  EXPECT_TRUE(finding().set->endpoints.empty());
  EXPECT_TRUE(record.Take(Answer{{}, false, "", ""}, kStart).endpoints);
  EXPECT_FALSE(finding().exists);
}

TEST_F(SourceRecordTest, TellsWhenOtherAddressesAreRefused) {
  EXPECT_TRUE(record.Take(Of({On("8.8.8.8:80")}), kStart).refused);
  EXPECT_FALSE(record.Take(Of({On("8.8.8.8:80"), On("10.0.0.1:80")}), kStart).refused);
  EXPECT_TRUE(record.Take(Of({On("8.8.4.4:80")}), kStart).refused);
}

TEST_F(SourceRecordTest, WhatAnEarlierRunLeftServesUntilTheSourceAnswers) {
  EXPECT_TRUE(record.Restore({Of({On("10.0.0.1:80")}), 90s}, kStart).endpoints);
  EXPECT_TRUE(finding().kept);
  EXPECT_EQ(finding().confirmed, kStart - 90s);
  record.Take(Trouble{"refused"}, kStart);
  EXPECT_EQ(finding().set->endpoints, (std::vector<Endpoint>{On("10.0.0.1:80")}));
  record.Take(Of({On("10.0.0.1:80")}), kStart + 1s);
  EXPECT_FALSE(finding().kept);
  EXPECT_EQ(finding().set->version, 1u);
}

TEST_F(SourceRecordTest, WhatAnEarlierRunLeftComesTooLateAfterAnAnswer) {
  record.Take(Of({On("10.0.0.2:80")}), kStart);
  EXPECT_FALSE(record.Restore({Of({On("10.0.0.1:80")}), 1s}, kStart).endpoints);
  EXPECT_EQ(finding().set->endpoints, (std::vector<Endpoint>{On("10.0.0.2:80")}));
}

TEST_F(SourceRecordTest, OtherRangesAreAppliedToWhatWasAnswered) {
  record.Take(Of({On("198.51.100.7:80")}), kStart);
  EXPECT_TRUE(finding().set->endpoints.empty());
  EXPECT_TRUE(record.UseRanges(PrivateRanges({*Cidr::Parse("198.51.100.0/24")})).endpoints);
  EXPECT_EQ(finding().set->endpoints, (std::vector<Endpoint>{On("198.51.100.7:80")}));
}

}  // namespace
}  // namespace naru::discovery
