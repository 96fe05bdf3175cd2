#include "sidecar/config/near_words.h"

#include <gtest/gtest.h>

namespace naru::config {
namespace {

using Words = std::vector<std::string>;
constexpr std::string_view kKnown[] = {"timeout", "try_timeout", "connect_timeout", "retry",
                                       "port",    "hosts",       "routes"};

TEST(NearWords, FindsOneEditInThreeLetters) {
  EXPECT_EQ(NearWords("timout", kKnown), (Words{"timeout"}));
  EXPECT_EQ(NearWords("rertry", kKnown), (Words{"retry"}));
  EXPECT_EQ(NearWords("tiemout", kKnown), (Words{"timeout"}));
  EXPECT_EQ(NearWords("prot", kKnown), (Words{"port"}));
  EXPECT_EQ(NearWords("zzz", kKnown), (Words{}));
  EXPECT_EQ(NearWords("", kKnown), (Words{}));
}

TEST(NearWords, AWordAndItsBeginningAreNear) {
  EXPECT_EQ(NearWords("connect", kKnown), (Words{"connect_timeout"}));
  EXPECT_EQ(NearWords("timeout_ms", kKnown), (Words{"timeout"}));
}

TEST(NearWords, ListsTheNearestFirstAndNoMoreThanAsked) {
  constexpr std::string_view kAlike[] = {"aaab", "aaaa", "aabb", "aaac"};
  EXPECT_EQ(NearWords("aaaa", kAlike, 2), (Words{"aaaa", "aaab"}));
}

TEST(NearWords, LooksOnlyAtTheBeginningOfALongWord) {
  const std::string wordy(1000, 'a');
  const std::string_view known[] = {wordy};
  EXPECT_EQ(NearWords(std::string(2000, 'a'), known), (Words{wordy}));
}

TEST(DidYouMean, IsASentence) {
  EXPECT_EQ(DidYouMean({}), "");
  EXPECT_EQ(DidYouMean({"a"}), "did you mean \"a\"?");
  EXPECT_EQ(DidYouMean({"a", "b", "c"}), "did you mean \"a\", \"b\" or \"c\"?");
}

}  // namespace
}  // namespace naru::config
