#include "resilience/http_date.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::resilience {
namespace {

constexpr int64_t kExample = 784111777;  // the date that RFC 9110 5.6.7 writes in three ways
constexpr int64_t kYear2026 = 1767225600;

struct Row {
  std::string_view text;
  std::optional<int64_t> expected;
};

TEST(HttpDate, ReadsAllThreeForms) {
  const std::vector<Row> table = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", kExample},   {"Sunday, 06-Nov-94 08:49:37 GMT", kExample},
      {"Sun Nov  6 08:49:37 1994", kExample},        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200},
  };
  for (const Row& row : table) EXPECT_EQ(ParseHttpDate(row.text, kYear2026), row.expected) << row.text;
}

TEST(HttpDate, TakesATwoDigitYearFarAheadForThePast) {
  EXPECT_EQ(ParseHttpDate("Wednesday, 01-Jan-76 00:00:00 GMT", kYear2026), 3345062400);  // 2076
  EXPECT_EQ(ParseHttpDate("Saturday, 01-Jan-77 00:00:00 GMT", kYear2026), 220924800);    // 1977
}

TEST(HttpDate, RefusesWhatIsNoDate) {
  for (const std::string_view text : {
           "",
           "GMT",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 6 Nov 1994 08:49:37 GMT",
           "Sun, 31 Feb 1994 08:49:37 GMT",
           "Sun, 00 Nov 1994 08:49:37 GMT",
           "Sun, 06 nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 24:00:00 GMT",
           "Sun, 06 Nov 1994 08:60:00 GMT",
           "Sun, 06 Nov 1994 8:49:37 GMT",
           "Sun, 06 Nov 199 08:49:37 GMT",
           "Sun, 06 Nov 19941 08:49:37 GMT",
           "Sun, 06 Nov 1994 08:49:37 GMT x",
           "Sun Nov 6 08:49:37 94",
           "06 Nov 1994 08:49:37 GMT",
           "Sun, +6 Nov 1994 08:49:37 GMT",
       }) {
    EXPECT_EQ(ParseHttpDate(text, kYear2026), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace naru::resilience
