#include "discovery/xds/type_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::discovery {
namespace {

using std::chrono::seconds;

constexpr TimePoint kNow{seconds(1000)};

AdsRequest Request(std::vector<std::string> names, std::string version = "", std::string nonce = "",
                   std::string error = "") {
  return {.type = ResourceType::kLoadAssignment,
          .version = std::move(version),
          .nonce = std::move(nonce),
          .names = std::move(names),
          .node = std::nullopt,
          .error = std::move(error)};
}

struct TypeStreamTest : ::testing::Test {
  std::optional<AdsRequest> SendNext(TimePoint now = kNow) {
    std::optional<AdsRequest> request = stream.Take();
    if (request) stream.Sent(now);
    return request;
  }

  TypeStream stream{ResourceType::kLoadAssignment};
};

TEST_F(TypeStreamTest, AsksForAllNamesInTheirOrderEveryTimeTheyChange) {
  stream.WantOnly({"b", "a"});
  EXPECT_EQ(SendNext(), Request({"a", "b"}));
  EXPECT_EQ(SendNext(), std::nullopt);
  stream.WantOnly({"a", "b", "c"});
  EXPECT_EQ(SendNext(), Request({"a", "b", "c"}));
  stream.WantOnly({"a", "b", "c"});
  EXPECT_EQ(SendNext(), std::nullopt);
}

TEST_F(TypeStreamTest, NeverBeginsWithoutANameForThatWouldAskForEverything) {
  EXPECT_EQ(SendNext(), std::nullopt);
  stream.WantOnly({"a"});
  stream.WantOnly({});
  EXPECT_EQ(SendNext(), std::nullopt);
}

TEST_F(TypeStreamTest, GivesTheLastNameUpWithAnEmptyList) {
  stream.WantOnly({"a"});
  SendNext();
  stream.WantOnly({});
  EXPECT_EQ(SendNext(), Request({}));
}

TEST_F(TypeStreamTest, AcknowledgesWithVersionAndNonce) {
  stream.WantOnly({"a"});
  SendNext();
  stream.Accept("7", "n1");
  EXPECT_EQ(SendNext(), Request({"a"}, "7", "n1"));
  EXPECT_EQ(SendNext(), std::nullopt);
}

TEST_F(TypeStreamTest, RefusesWithTheVersionBeforeAndTheReasonOnce) {
  stream.WantOnly({"a"});
  SendNext();
  stream.Accept("7", "n1");
  SendNext();
  stream.Reject("n2", "bad");
  EXPECT_EQ(SendNext(), Request({"a"}, "7", "n2", "bad"));
  stream.WantOnly({"a", "b"});
  EXPECT_EQ(SendNext(), Request({"a", "b"}, "7", "n2"));
}

TEST_F(TypeStreamTest, ALaterResponseSupersedesAnAnswerThatWasNotSent) {
  stream.WantOnly({"a"});
  SendNext();
  stream.Reject("n1", "bad");
  stream.Accept("8", "n2");
  EXPECT_EQ(SendNext(), Request({"a"}, "8", "n2"));
  EXPECT_EQ(SendNext(), std::nullopt);
}

TEST_F(TypeStreamTest, TheVersionSurvivesTheStreamAndTheNonceDoesNot) {
  stream.WantOnly({"a"});
  SendNext();
  EXPECT_FALSE(stream.answered());
  stream.Accept("7", "n1");
  EXPECT_TRUE(stream.answered());
  stream.Ended();
  EXPECT_FALSE(stream.answered());
  EXPECT_EQ(SendNext(), Request({"a"}, "7"));
}

TEST_F(TypeStreamTest, ARefusalThatWasNotSentIsForgottenWithItsStream) {
  stream.WantOnly({"a"});
  SendNext();
  stream.Reject("n1", "bad");
  stream.Ended();
  EXPECT_EQ(SendNext(), Request({"a"}));
}

TEST_F(TypeStreamTest, WhatHasNotComeWithin15SecondsOfItsRequestIsOverdueOnce) {
  stream.WantOnly({"a", "b"});
  EXPECT_EQ(stream.NextDue(), std::nullopt);
  SendNext();
  stream.Arrived("a");
  EXPECT_EQ(stream.NextDue(), kNow + seconds(15));
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(14)), std::vector<std::string>());
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(15)), std::vector<std::string>{"b"});
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(16)), std::vector<std::string>());
  EXPECT_EQ(stream.NextDue(), std::nullopt);
}

TEST_F(TypeStreamTest, ALaterNameHasItsOwn15Seconds) {
  stream.WantOnly({"a"});
  SendNext(kNow);
  stream.WantOnly({"a", "b"});
  SendNext(kNow + seconds(10));
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(15)), std::vector<std::string>{"a"});
  EXPECT_EQ(stream.NextDue(), kNow + seconds(25));
}

TEST_F(TypeStreamTest, ANewStreamGivesWhatNeverCameAnother15Seconds) {
  stream.WantOnly({"a", "b"});
  SendNext();
  stream.Arrived("b");
  stream.TakeOverdue(kNow + seconds(15));
  stream.Ended();
  EXPECT_EQ(stream.NextDue(), std::nullopt);
  SendNext(kNow + seconds(100));
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(115)), std::vector<std::string>{"a"});
}

TEST_F(TypeStreamTest, WhatIsNoLongerWantedIsNotOverdue) {
  stream.WantOnly({"a", "b"});
  SendNext();
  stream.WantOnly({"b"});
  EXPECT_EQ(stream.TakeOverdue(kNow + seconds(15)), std::vector<std::string>{"b"});
}

TEST_F(TypeStreamTest, IsStaleWhenSomethingGivenUpIsWantedAgain) {
  stream.WantOnly({"a", "b"});
  SendNext();
  stream.WantOnly({"a"});
  EXPECT_FALSE(stream.stale());
  stream.WantOnly({"a", "b"});
  EXPECT_TRUE(stream.stale());
  stream.Ended();
  EXPECT_FALSE(stream.stale());
}

TEST_F(TypeStreamTest, IsNotStaleWhereNothingHadBeenAskedYet) {
  stream.WantOnly({"a"});
  stream.WantOnly({});
  stream.WantOnly({"a"});
  EXPECT_FALSE(stream.stale());
}

}  // namespace
}  // namespace naru::discovery
