#include "resilience/deadline.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Deadline, IsReadAsMilliseconds) {
  struct Row {
    std::string_view field;
    std::optional<Duration> expected;
  };
  const std::vector<Row> table = {
      {"0", milliseconds(0)},
      {"1", milliseconds(1)},
      {"250", milliseconds(250)},
      {"007", milliseconds(7)},
      {"999999999", milliseconds(999'999'999)},
      {"1000000000", std::nullopt},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"1.5", std::nullopt},
      {"1ms", std::nullopt},
      {"0x10", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseDeadlineMs(row.field), row.expected) << row.field;
}

TEST(Deadline, IsSentInWholeMillisecondsRoundedDownAndNeverBelowOne) {
  EXPECT_EQ(FormatDeadlineMs(seconds(5)), "5000");
  EXPECT_EQ(FormatDeadlineMs(microseconds(1999)), "1");
  EXPECT_EQ(FormatDeadlineMs(microseconds(999)), "1");
  EXPECT_EQ(FormatDeadlineMs(Duration::zero()), "1");
  EXPECT_EQ(FormatDeadlineMs(seconds(-5)), "1");
}

TEST(Deadline, OfTheCallerOnlyEverShortensTheTimeout) {
  EXPECT_EQ(EffectiveTimeout(seconds(5), std::nullopt), Duration(seconds(5)));
  EXPECT_EQ(EffectiveTimeout(seconds(5), milliseconds(200)), Duration(milliseconds(200)));
  EXPECT_EQ(EffectiveTimeout(seconds(5), seconds(60)), Duration(seconds(5)));
  EXPECT_EQ(EffectiveTimeout(seconds(5), Duration::zero()), Duration::zero());
}

TEST(Deadline, DoesNotCutTheLastAttemptShort) {
  EXPECT_EQ(AttemptTimeout(seconds(2), false), Duration(seconds(2)));
  EXPECT_EQ(AttemptTimeout(seconds(2), true), std::nullopt);
  EXPECT_EQ(AttemptTimeout(std::nullopt, false), std::nullopt);
}

}  // namespace
}  // namespace naru::resilience
