// Which calls a route means: a method and a path with named segments, such as "GET /v1/courses/{id}", or a
// gRPC method by its full name, such as "courses.v1.Courses/Get".
//
//   METHOD PATH       METHOD may be "*" or left out: any method. A path segment is literal, "{name}" (exactly
//                     one non-empty segment) or, only as the last one, "**" (any number of segments, none
//                     included).
//   SERVICE/METHOD    The same calls as POST /SERVICE/METHOD. METHOD may be "*": any method of the service.
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

  // As Parse, of SERVICE/METHOD. Fails with a clause that can follow "TEXT ".
  static absl::StatusOr<RoutePattern> ParseGrpc(std::string_view text);

  // `path` starts with '/' and carries no query. Allocates nothing.
  bool Matches(std::string_view method, std::string_view path) const;

  // True if every call that `other` matches is matched by this one too: placed earlier, it hides `other`.
  bool Covers(const RoutePattern& other) const;

  const std::string& text() const { return text_; }  // as it was written

  // True if the text names gRPC methods. What it matches is a method and a path all the same.
  bool is_grpc() const { return is_grpc_; }

 private:
  struct Segment {
    enum class Kind { kLiteral, kOne, kRest } kind;
    std::string literal;
  };
  static absl::StatusOr<Segment> ParseSegment(std::string_view text, bool last);

  std::string text_;
  bool is_grpc_ = false;
  std::string method_;  // empty: any
  std::vector<Segment> segments_;
};

}  // namespace naru::config
