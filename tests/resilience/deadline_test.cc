#include "resilience/deadline.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
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

TEST(GrpcTimeout, IsOneToEightDigitsAndAUnit) {
  struct Row {
    std::string_view field;
    std::optional<Duration> expected;
  };
  const std::vector<Row> table = {
      {"1n", nanoseconds(1)},
      {"1u", microseconds(1)},
      {"1m", milliseconds(1)},
      {"1S", seconds(1)},
      {"1M", minutes(1)},
      {"1H", hours(1)},
      {"0m", milliseconds(0)},
      {"007m", milliseconds(7)},
      {"99999999n", nanoseconds(99'999'999)},
      {"99999999m", milliseconds(99'999'999)},
      {"8760H", hours(8760)},
      // What is longer than a year is a year.
      {"8761H", hours(8760)},
      {"99999999S", hours(8760)},
      {"99999999M", hours(8760)},
      {"99999999H", hours(8760)},
      {"100000000n", std::nullopt},
      {"000000001n", std::nullopt},
      {"", std::nullopt},
      {"S", std::nullopt},
      {"1", std::nullopt},
      {"1X", std::nullopt},
      {"1s", std::nullopt},
      {"1h", std::nullopt},
      {"1N", std::nullopt},
      {"-1S", std::nullopt},
      {"+1S", std::nullopt},
      {" 1S", std::nullopt},
      {"1S ", std::nullopt},
      {"1 S", std::nullopt},
      {"1.5S", std::nullopt},
      {"1SS", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseGrpcTimeout(row.field), row.expected) << row.field;
}

TEST(GrpcTimeout, IsSentInTheFinestUnitThatEightDigitsAllowAndNeverBelowOne) {
  struct Row {
    Duration remaining;
    std::string_view expected;
  };
  const std::vector<Row> table = {
      {nanoseconds(1), "1n"},
      {nanoseconds(99'999'999), "99999999n"},
      {nanoseconds(100'000'000), "100000u"},
      {milliseconds(99'999) + microseconds(999), "99999999u"},
      {seconds(100), "100000m"},
      {seconds(99'999) + milliseconds(999), "99999999m"},
      {seconds(100'000), "100000S"},
      {seconds(99'999'999), "99999999S"},
      {seconds(100'000'000), "1666666M"},
      {hours(24 * 365 * 200), "1752000H"},  // as minutes it has nine digits
      {Duration::zero(), "1n"},
      {seconds(-5), "1n"},
  };
  for (const Row& row : table) EXPECT_EQ(FormatGrpcTimeout(row.remaining), row.expected) << row.expected;
}

TEST(GrpcTimeout, IsReadBackAsNoMoreThanWasSent) {
  for (Duration remaining = nanoseconds(1); remaining < hours(8760);
       remaining = remaining * 7 + nanoseconds(3)) {
    const std::optional<Duration> read = ParseGrpcTimeout(FormatGrpcTimeout(remaining));
    ASSERT_TRUE(read.has_value());
    EXPECT_LE(*read, remaining);
    EXPECT_GE(*read, remaining - remaining / 10'000);
  }
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
