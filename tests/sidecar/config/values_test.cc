#include "sidecar/config/values.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace naru::config {
namespace {

using namespace std::chrono_literals;

template <typename T>
std::string Complaint(const absl::StatusOr<T>& parsed) {
  return parsed.ok() ? "sound" : std::string(parsed.status().message());
}

TEST(Values, ReadsDurations) {
  const std::vector<std::pair<std::string, Duration>> rows = {
      {"250ms", 250ms}, {"5s", 5s}, {"1.5s", 1500ms}, {"2m", 2min}, {"1h", 1h},
      {"10us", 10us},   {"0s", 0s}, {"0", 0s},        {"5 s", 5s},  {"7ns", 7ns},
  };
  for (const auto& [text, duration] : rows) EXPECT_EQ(*ParseDuration(text), duration) << text;
}

TEST(Values, SaysWhatIsWrongWithADuration) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"5", "has no unit: write 5s or 5ms"},
      {"", "is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {"s", "is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {"-5s", "is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {".5s", "is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {"5.s", "is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {"0x5s", "is not a duration: the units are ms, s, m and h"},
      {"5sec", "is not a duration: the units are ms, s, m and h"},
      {"1m30s", "is not a duration: the units are ms, s, m and h"},
      {"99999999999h", "is longer than any duration here may be"},
  };
  for (const auto& [text, complaint] : rows) EXPECT_EQ(Complaint(ParseDuration(text)), complaint) << text;
}

TEST(Values, ReadsSizes) {
  EXPECT_EQ(*ParseSize("512B"), 512u);
  EXPECT_EQ(*ParseSize("64KiB"), 65536u);
  EXPECT_EQ(*ParseSize("1.5MiB"), 1572864u);
  EXPECT_EQ(*ParseSize("0"), 0u);
  EXPECT_EQ(Complaint(ParseSize("64")), "has no unit: write 64B or 64KiB");
  EXPECT_EQ(Complaint(ParseSize("64KB")), "is not a size: the units are B, KiB, MiB and GiB");
  EXPECT_EQ(Complaint(ParseSize("0.5B")), "is not a whole number of bytes");
  EXPECT_EQ(Complaint(ParseSize("big")), "is not a size: write it as 512B, 64KiB or 1MiB");
}

TEST(Values, ReadsRatios) {
  EXPECT_DOUBLE_EQ(*ParseRatio("20%"), 0.2);
  EXPECT_DOUBLE_EQ(*ParseRatio("0.2"), 0.2);
  EXPECT_DOUBLE_EQ(*ParseRatio("1"), 1.0);
  EXPECT_EQ(Complaint(ParseRatio("20")), "is above 1: a ratio is a share; write 20% for percent");
  EXPECT_EQ(Complaint(ParseRatio("nan")), "is not a ratio: write it as 20% or 0.2");
  EXPECT_EQ(Complaint(ParseRatio("20s")), "is not a ratio: write it as 20% or 0.2");
}

TEST(Values, ReadsRates) {
  EXPECT_DOUBLE_EQ(*ParseRate("10/s"), 10);
  EXPECT_DOUBLE_EQ(*ParseRate("0.5/s"), 0.5);
  EXPECT_EQ(Complaint(ParseRate("10/m")), "is not a rate: rates are per second, such as 10/s");
  EXPECT_EQ(Complaint(ParseRate("fast")), "is not a rate: write it as 10/s");
}

TEST(Values, ReadsCountsAndBooleans) {
  EXPECT_EQ(*ParseCount("100"), 100u);
  EXPECT_EQ(Complaint(ParseCount("-1")), "is not a whole number");
  EXPECT_EQ(Complaint(ParseCount("1.5")), "is not a whole number");
  EXPECT_EQ(Complaint(ParseCount("")), "is not a whole number");
  EXPECT_EQ(Complaint(ParseCount("99999999999999999999")), "is larger than any number here may be");
  EXPECT_TRUE(*ParseBoolean("true"));
  EXPECT_EQ(Complaint(ParseBoolean("yes")), "is neither true nor false");
}

TEST(Values, FormatsWhatItReadsBack) {
  for (std::string_view text : {"250ms", "5s", "2m", "1h", "1500ms", "0s", "7ns"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
  EXPECT_EQ(FormatDuration(90s), "90s");
  for (std::string_view text : {"512B", "64KiB", "1MiB", "0B"}) EXPECT_EQ(FormatSize(*ParseSize(text)), text);
  for (std::string_view text : {"20%", "0.5%", "100%", "0%"}) EXPECT_EQ(FormatRatio(*ParseRatio(text)), text);
  for (std::string_view text : {"10/s", "0.5/s", "0/s"}) EXPECT_EQ(FormatRate(*ParseRate(text)), text);
}

}  // namespace
}  // namespace naru::config
