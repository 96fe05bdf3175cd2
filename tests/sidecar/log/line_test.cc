#include "sidecar/log/line.h"

#include <gtest/gtest.h>

#include <limits>

namespace naru::log {
namespace {

// 2026-03-04T05:06:07.089Z
constexpr std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1772600767089)};

TEST(FormatLine, WritesTypedFieldsInTheirOrder) {
  const std::string service = "courses";
  EXPECT_EQ(
      FormatLine(kTime, Level::kWarn, "call failed",
                 {{"service", service}, {"status", 504}, {"ms", 1.5}, {"outcome", "timeout"}, {"n", -3}}),
      "{\"time\":\"2026-03-04T05:06:07.089Z\",\"level\":\"warn\",\"message\":\"call failed\","
      "\"service\":\"courses\",\"status\":504,\"ms\":1.5,\"outcome\":\"timeout\",\"n\":-3}\n");
}

TEST(FormatLine, EscapesMessageAndValues) {
  EXPECT_EQ(FormatLine(kTime, Level::kInfo, "a \"b\"", {{"path", "/x\n\xff"}}),
            "{\"time\":\"2026-03-04T05:06:07.089Z\",\"level\":\"info\",\"message\":\"a \\\"b\\\"\","
            "\"path\":\"/x\\n�\"}\n");
}

TEST(FormatLine, WritesNumbersThatJsonCannotHoldAsNull) {
  EXPECT_EQ(FormatLine(kTime, Level::kDebug, "m",
                       {{"nan", std::numeric_limits<double>::quiet_NaN()},
                        {"inf", std::numeric_limits<double>::infinity()}}),
            "{\"time\":\"2026-03-04T05:06:07.089Z\",\"level\":\"debug\",\"message\":\"m\",\"nan\":null,"
            "\"inf\":null}\n");
}

TEST(FormatLine, CutsLongTexts) {
  const std::string text(kMaxTextBytes + 1, 'x');
  EXPECT_EQ(FormatLine(kTime, Level::kError, "m", {{"text", text}}),
            "{\"time\":\"2026-03-04T05:06:07.089Z\",\"level\":\"error\",\"message\":\"m\",\"text\":\"" +
                std::string(kMaxTextBytes, 'x') + "...\"}\n");
}

}  // namespace
}  // namespace naru::log
