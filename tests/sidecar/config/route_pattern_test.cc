#include "sidecar/config/route_pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/allocations.h"

namespace naru::config {
namespace {

RoutePattern Pattern(std::string_view text) {
  return *RoutePattern::Parse(text);
}

std::string Complaint(std::string_view text) {
  return std::string(RoutePattern::Parse(text).status().message());
}

// As a route names it: "grpc a.B/C" by its key `grpc`, anything else by `match`.
RoutePattern Written(std::string_view text) {
  return text.starts_with("grpc ") ? *RoutePattern::ParseGrpc(text.substr(5)) : Pattern(text);
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

TEST(RoutePattern, AGrpcNameMatchesThePostsOfItsPath) {
  struct Row {
    std::string_view pattern, method, path;
    bool matches;
  };
  const std::vector<Row> rows = {
      {"a.v1.Courses/Get", "POST", "/a.v1.Courses/Get", true},
      {"a.v1.Courses/Get", "GET", "/a.v1.Courses/Get", false},
      {"a.v1.Courses/Get", "POST", "/a.v1.Courses/get", false},
      {"a.v1.Courses/Get", "POST", "/a.v1.Courses/List", false},
      {"a.v1.Courses/Get", "POST", "/a.v1.Courses/Get/", false},
      {"a.v1.Courses/Get", "POST", "/a.v1.Courses", false},
      {"a.v1.Courses/Get", "POST", "/Courses/Get", false},
      {"a.v1.Courses/*", "POST", "/a.v1.Courses/Get", true},
      {"a.v1.Courses/*", "POST", "/a.v1.Courses/List", true},
      {"a.v1.Courses/*", "POST", "/a.v1.Courses/", false},
      {"a.v1.Courses/*", "POST", "/a.v1.Courses", false},
      {"a.v1.Courses/*", "POST", "/a.v1.Courses/Get/x", false},
      {"a.v1.Courses/*", "PUT", "/a.v1.Courses/Get", false},
      {"a.v1.Courses/*", "POST", "/a.v1.CoursesAdmin/Get", false},
      {"Courses/Get", "POST", "/Courses/Get", true},
      {"_a._B/_c1", "POST", "/_a._B/_c1", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(RoutePattern::ParseGrpc(row.pattern)->Matches(row.method, row.path), row.matches)
        << row.pattern << " | " << row.method << ' ' << row.path;
  }
}

TEST(RoutePattern, MatchingAllocatesNothing) {
  const std::vector<RoutePattern> patterns = {
      Written("grpc learning.courses.v1.Courses/Get"), Written("grpc learning.courses.v1.Courses/*"),
      Written("POST /learning.courses.v1.Courses/{method}"), Written("POST /**")};
  const size_t before = Allocations();
  for (const RoutePattern& pattern : patterns) {
    EXPECT_TRUE(pattern.Matches("POST", "/learning.courses.v1.Courses/Get"));
    EXPECT_FALSE(pattern.Matches("GET", "/learning.courses.v1.Courses/Get"));
  }
  EXPECT_EQ(Allocations(), before);
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
      {"grpc a.B/C", "grpc a.B/C", true},
      {"grpc a.B/*", "grpc a.B/C", true},
      {"grpc a.B/*", "grpc a.B/*", true},
      {"grpc a.B/C", "grpc a.B/*", false},
      {"grpc a.B/*", "grpc a.D/C", false},
      {"grpc a.B/C", "POST /a.B/C", true},
      {"grpc a.B/*", "POST /a.B/{method}", true},
      {"grpc a.B/*", "POST /a.B/C", true},
      {"grpc a.B/*", "POST /a.B/", false},
      {"grpc a.B/*", "POST /a.B/**", false},
      {"grpc a.B/C", "/a.B/C", false},
      {"grpc a.B/C", "GET /a.B/C", false},
      {"POST /a.B/C", "grpc a.B/C", true},
      {"POST /{service}/{method}", "grpc a.B/*", true},
      {"POST /a.B/**", "grpc a.B/*", true},
      {"/**", "grpc a.B/*", true},
      {"PUT /**", "grpc a.B/C", false},
      {"POST /a.B/C", "grpc a.B/*", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Written(row.pattern).Covers(Written(row.other)), row.covers)
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

TEST(RoutePattern, SaysWhatIsWrongWithAGrpcName) {
  const std::string service = ": it is names of letters, digits and \"_\", no digit first, joined by \".\"";
  const std::string method = ": it is a name of letters, digits and \"_\", no digit first";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "names no service"},
      {"/", "begins with \"/\""},
      {"/a.B/C", "begins with \"/\""},
      {"/a.B/*", "begins with \"/\""},
      {"a.B", "names no method"},
      {"a.B/", "names no method"},
      {"a.B/C/D", "names more than a service and a method"},
      {"a.B/C/*", "names more than a service and a method"},
      {"a.B/**", "has a malformed method, \"**\"" + method},
      {"a.B/Get*", "has a malformed method, \"Get*\"" + method},
      {"a.B/{method}", "has a malformed method, \"{method}\"" + method},
      {"a.B/1", "has a malformed method, \"1\"" + method},
      {"a.B/C?x", "has a malformed method, \"C?x\"" + method},
      {"*/C", "has a malformed service, \"*\"" + service},
      {"*/*", "has a malformed service, \"*\"" + service},
      {"a.*/C", "has a malformed service, \"a.*\"" + service},
      {"POST /a.B/C", "has a malformed service, \"POST \"" + service},
      {".B/C", "has a malformed service, \".B\"" + service},
      {"a..B/C", "has a malformed service, \"a..B\"" + service},
      {"a./C", "has a malformed service, \"a.\"" + service},
      {"1a.B/C", "has a malformed service, \"1a.B\"" + service},
      {"a-b.B/C", "has a malformed service, \"a-b.B\"" + service},
      {std::string(1025, 'a'), "is longer than 1024 characters"},
  };
  for (const auto& [text, complaint] : rows) {
    EXPECT_EQ(std::string(RoutePattern::ParseGrpc(text).status().message()), complaint) << text;
  }
}

TEST(RoutePattern, KeepsItsText) {
  EXPECT_EQ(Pattern("GET  /a").text(), "GET  /a");
  EXPECT_FALSE(Pattern("POST /a.B/C").is_grpc());
  EXPECT_EQ(Written("grpc a.B/*").text(), "a.B/*");
  EXPECT_TRUE(Written("grpc a.B/*").is_grpc());
}

}  // namespace
}  // namespace naru::config
