#include "sidecar/admin/quantity.h"

#include <gtest/gtest.h>

namespace naru::admin {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(Quantity, NumbersHaveThreeDigitsAndNoExponent) {
  const std::pair<double, const char*> rows[] = {
      {0, "0"},       {5, "5"},       {12.5, "12.5"},       {0.125, "0.125"},         {1.0049, "1"},
      {99.96, "100"}, {2134, "2134"}, {1234567, "1234567"}, {0.00012345, "0.000123"}, {1e-9, "0"},
  };
  for (const auto& [number, text] : rows) EXPECT_EQ(NumberText(number), text);
}

TEST(Quantity, SharesArePercent) {
  const std::pair<double, const char*> rows[] = {{0, "0 %"},           {1, "100 %"},       {0.02, "2 %"},
                                                 {0.333333, "33.3 %"}, {0.0004, "0.04 %"}, {0.995, "99.5 %"}};
  for (const auto& [share, text] : rows) EXPECT_EQ(PercentText(share), text);
}

TEST(Quantity, SpansChangeToSecondsWhereMillisecondsGetLong) {
  const std::pair<nanoseconds, const char*> rows[] = {
      {nanoseconds(0), "0 ms"},       {microseconds(250), "0.25 ms"},    {microseconds(1250), "1.25 ms"},
      {milliseconds(75), "75 ms"},    {microseconds(999'400), "999 ms"}, {microseconds(999'600), "1 s"},
      {milliseconds(2130), "2.13 s"}, {milliseconds(75'000), "75 s"},    {milliseconds(1'200'000), "1200 s"},
  };
  for (const auto& [span, text] : rows) EXPECT_EQ(SpanText(span), text);
}

TEST(Quantity, BytesHaveBinaryUnits) {
  EXPECT_EQ(BytesText(0), "0 bytes");
  EXPECT_EQ(BytesText(1023), "1023 bytes");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(uint64_t{3} << 40), "3.0 TiB");
}

}  // namespace
}  // namespace naru::admin
