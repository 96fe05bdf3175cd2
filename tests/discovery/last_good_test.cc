#include "discovery/last_good.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace naru::discovery {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const WallTime kThen = WallTime(std::chrono::seconds(1'800'000'000));

const Answer& Known() {
  static const Answer answer{{{*Address::Parse("10.0.0.1:80"), 3, "a", {{"version", "2"}}},
                              {*Address::Parse("[fd00::1]:8080"), 1, "", {}}},
                             true,
                             "learning",
                             "17"};
  return answer;
}

SourceUri Uri(std::string_view text = "cloudmap://prod/courses") {
  return *SourceUri::Parse(text);
}

class LastGoodTest : public testing::Test {
 protected:
  const TemporaryDirectory temporary;
  const fs::path directory = temporary.path() / "state";
  const LastGood last_good{directory.string()};
};

TEST_F(LastGoodTest, WhatIsSavedIsFoundAgainWithItsAge) {
  ASSERT_TRUE(last_good.Save(Uri(), Known(), kThen).ok());
  const auto kept = last_good.Load(Uri(), kThen + 90s);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_TRUE(kept->has_value());
  EXPECT_EQ((*kept)->answer, Known());
  EXPECT_EQ((*kept)->age, 90s);
}

TEST_F(LastGoodTest, NothingIsFoundWhereNothingWasSaved) {
  const auto kept = last_good.Load(Uri(), kThen);
  ASSERT_TRUE(kept.ok());
  EXPECT_FALSE(kept->has_value());
}

TEST_F(LastGoodTest, ALaterAnswerReplacesTheFileWhole) {
  ASSERT_TRUE(last_good.Save(Uri(), Known(), kThen).ok());
  ASSERT_TRUE(last_good.Save(Uri(), Answer{}, kThen).ok());
  EXPECT_EQ((*last_good.Load(Uri(), kThen))->answer, Answer{});
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), {}), 1);
}

TEST_F(LastGoodTest, AnAnswerThatIsTooOldIsNotUsed) {
  ASSERT_TRUE(last_good.Save(Uri(), Known(), kThen).ok());
  EXPECT_TRUE(last_good.Load(Uri(), kThen + kLongestKept).ok());
  const auto kept = last_good.Load(Uri(), kThen + kLongestKept + 1s);
  ASSERT_FALSE(kept.ok());
  EXPECT_TRUE(std::string(kept.status().message()).ends_with(".json is older than three days"));
}

TEST_F(LastGoodTest, AClockThatWentBackMakesNoNegativeAge) {
  ASSERT_TRUE(last_good.Save(Uri(), Known(), kThen).ok());
  EXPECT_EQ((*last_good.Load(Uri(), kThen - 1h))->age, 0s);
}

TEST_F(LastGoodTest, ADirectoryThatCannotBeWrittenIsSaidSo) {
  const absl::Status status = LastGood("/proc/nowhere").Save(Uri(), Known(), kThen);
  EXPECT_TRUE(std::string(status.message()).starts_with("cannot write /proc/nowhere/")) << status;
}

TEST_F(LastGoodTest, WithoutADirectoryNothingHappens) {
  const LastGood nowhere("");
  EXPECT_TRUE(nowhere.Save(Uri(), Known(), kThen).ok());
  EXPECT_FALSE((*nowhere.Load(Uri(), kThen)).has_value());
}

TEST_F(LastGoodTest, PruningKeepsWhatIsFresh) {
  const WallTime now = std::chrono::system_clock::now();
  ASSERT_TRUE(last_good.Save(Uri(), Known(), now).ok());
  std::ofstream(directory / "somebody-elses.txt") << "x";
  last_good.Prune(now);
  EXPECT_TRUE((*last_good.Load(Uri(), now)).has_value());
  last_good.Prune(now + kLongestKept + 1h);
  EXPECT_FALSE((*last_good.Load(Uri(), now)).has_value());
  EXPECT_TRUE(fs::exists(directory / "somebody-elses.txt"));
}

struct Damage {
  std::string_view content;
  std::string_view why;
};

TEST(KeptAnswer, DamageOfEveryKindIsSaid) {
  for (const Damage& row : {
           Damage{"", "holds no JSON object"},
           Damage{"[]", "holds no JSON object"},
           Damage{R"({"naru_last_good": 2})", "is of another version of naru"},
           Damage{R"({"naru_last_good": 1, "source": "dns://a:80"})", "belongs to another source"},
           Damage{R"({"naru_last_good": 1, "source": "cloudmap://prod/courses"})",
                  "does not say how old it is"},
           Damage{R"({"naru_last_good": 1, "source": "cloudmap://prod/courses", "confirmed": -1})",
                  "does not say how old it is"},
           Damage{R"({"naru_last_good": 1, "source": "cloudmap://prod/courses", "confirmed": 1800000000})",
                  "has no list of endpoints"},
           Damage{R"({"naru_last_good": 1, "source": "cloudmap://prod/courses", "confirmed": 1800000000,
                      "endpoints": [{"address": "here"}]})",
                  "has a malformed endpoint"},
           Damage{R"({"naru_last_good": 1, "source": "cloudmap://prod/courses", "confirmed": 1800000000,
                      "endpoints": [7]})",
                  "has a malformed endpoint"},
       }) {
    EXPECT_EQ(std::string(DecodeKept(row.content, Uri(), kThen).status().message()), row.why) << row.content;
  }
}

TEST(KeptAnswer, OddValuesAreBroughtIntoBounds) {
  const auto kept =
      DecodeKept(R"({"naru_last_good": 1, "source": "cloudmap://prod/courses", "confirmed": 1800000000,
      "endpoints": [{"address": "10.0.0.1:80", "weight": -5, "metadata": {"b": "2", "a": 1}}]})",
                 Uri(), kThen);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->answer.endpoints,
            (std::vector<Endpoint>{{*Address::Parse("10.0.0.1:80"), 1, "", {{"b", "2"}}}}));
}

}  // namespace
}  // namespace naru::discovery
