// Which calls a route means: a method and a path with named segments, such as "GET /v1/courses/{id}".
//
//   METHOD PATH    METHOD may be "*" or left out: any method. A path segment is literal, "{name}" (exactly
//   one non-empty
//                  segment) or, only as the last one, "**" (any number of segments, none included).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace naru::config {

class RoutePattern {
 public:
  // Fails with a sentence that says what is wrong and where.
  static absl::StatusOr<RoutePattern> Parse(std::string_view text);

  // `path` starts with '/' and carries no query. Allocates nothing.
  bool Matches(std::string_view method, std::string_view path) const;

  // True if every call that `other` matches is matched by this one too: placed earlier, it hides `other`.
  bool Covers(const RoutePattern& other) const;

  const std::string& text() const { return text_; }

 private:
  struct Segment {
    enum class Kind { kLiteral, kOne, kRest } kind;
    std::string literal;
  };
  static absl::StatusOr<Segment> ParseSegment(std::string_view text, bool last);

  std::string text_;
  std::string method_;  // empty: any
  std::vector<Segment> segments_;
};

}  // namespace naru::config
