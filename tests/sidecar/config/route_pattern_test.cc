#include "sidecar/config/route_pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::config {
namespace {

RoutePattern Pattern(std::string_view text) {
  return *RoutePattern::Parse(text);
}

std::string Complaint(std::string_view text) {
  return std::string(RoutePattern::Parse(text).status().message());
}

TEST(RoutePattern, MatchesMethodAndPath) {
  struct Row {
    std::string_view pattern, method, path;
    bool matches;
  };
  const std::vector<Row> rows = {
      {"GET /v1/courses/{id}", "GET", "/v1/courses/7", true},
      {"GET /v1/courses/{id}", "POST", "/v1/courses/7", false},
      {"GET /v1/courses/{id}", "get", "/v1/courses/7", false},
      {"GET /v1/courses/{id}", "GET", "/v1/courses/", false},
      {"GET /v1/courses/{id}", "GET", "/v1/courses", false},
      {"GET /v1/courses/{id}", "GET", "/v1/courses/7/", false},
      {"GET /v1/courses/{id}", "GET", "/v1/courses/7/parts", false},
      {"GET /v1/courses/{id}", "GET", "/v1/Courses/7", false},
      {"GET /v1/courses/{id}", "GET", "/v1/courses/%2F", true},
      {"/v1/courses", "DELETE", "/v1/courses", true},
      {"* /v1/courses", "DELETE", "/v1/courses", true},
      {"/", "GET", "/", true},
      {"/", "GET", "/x", false},
      {"/", "GET", "", false},
      {"/", "OPTIONS", "*", false},
      {"/**", "OPTIONS", "*", false},
      {"/**", "GET", "/", true},
      {"/**", "GET", "/a/b/c", true},
      {"/v1/**", "GET", "/v1", true},
      {"/v1/**", "GET", "/v1/", true},
      {"/v1/**", "GET", "/v1/a/b", true},
      {"/v1/**", "GET", "/v12", false},
      {"/v1/{a}/**", "GET", "/v1/x", true},
      {"/v1/{a}/**", "GET", "/v1", false},
      {"/v1//x", "GET", "/v1//x", true},
      {"/v1/{a}/x", "GET", "/v1//x", false},
      {"POST /pkg.Courses/Get", "POST", "/pkg.Courses/Get", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Pattern(row.pattern).Matches(row.method, row.path), row.matches)
        << row.pattern << " | " << row.method << ' ' << row.path;
  }
}

TEST(RoutePattern, CoversWhatItHidesWhenPlacedEarlier) {
  struct Row {
    std::string_view pattern, other;
    bool covers;
  };
  const std::vector<Row> rows = {
      {"GET /a", "GET /a", true},
      {"GET /a", "POST /a", false},
      {"/a", "GET /a", true},
      {"GET /a", "/a", false},
      {"/{x}", "/a", true},
      {"/a", "/{x}", false},
      {"/{x}", "/{y}", true},
      {"/{x}", "/", false},
      {"/{x}", "/a/b", false},
      {"/a/{x}", "/a/**", false},
      {"/**", "/a/**", true},
      {"/a/**", "/a", true},
      {"/a/**", "/a/{x}/b", true},
      {"/a/**", "/**", false},
      {"/a/b/**", "/a/**", false},
      {"/**", "/", true},
      {"GET /v1/**", "GET /v1/x/**", true},
      {"/a", "/a/b", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Pattern(row.pattern).Covers(Pattern(row.other)), row.covers)
        << row.pattern << " | " << row.other;
  }
}

TEST(RoutePattern, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "the path \"\" does not begin with /: write METHOD /path or /path"},
      {"GET", "the path \"GET\" does not begin with /: write METHOD /path or /path"},
      {"GET ", "the path \"\" does not begin with /: write METHOD /path or /path"},
      {"GET v1/x", "the path \"v1/x\" does not begin with /: write METHOD /path or /path"},
      {"get /x", "\"get\" is not a method: write it in upper case, such as GET, or * for any"},
      {"GET /x?y", "\"?\" cannot be part of a path: only the path is matched, neither query nor fragment"},
      {"GET /**/x",
       "** stands for the rest of a path and must be its last segment; write {name} for one segment"},
      {"GET /*", "the segment \"*\" is neither literal nor {name} nor **: a name stands for a whole segment"},
      {"GET /a{b}",
       "the segment \"a{b}\" is neither literal nor {name} nor **: a name stands for a whole segment"},
      {"GET /{}",
       "the segment \"{}\" is neither literal nor {name} nor **: a name stands for a whole segment"},
      {"GET /a\x01", "the path holds a control character"},
      {std::string(1025, '/'), "longer than 1024 bytes"},
      {std::string(65, '/'), "more than 64 segments"},
  };
  for (const auto& [text, complaint] : rows) EXPECT_EQ(Complaint(text), complaint);
}

TEST(RoutePattern, KeepsItsText) {
  EXPECT_EQ(Pattern("GET  /a").text(), "GET  /a");
}

}  // namespace
}  // namespace naru::config
