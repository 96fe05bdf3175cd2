#include "sidecar/config/route_pattern.h"

#include <cstddef>

#include "absl/status/status.h"
#include "sidecar/config/names.h"
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

constexpr size_t kLongestPattern = 1024;
constexpr size_t kMostSegments = 64;

absl::Status Wrong(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

// Cuts the first segment off `rest`, which starts after a '/'. False when the path has no further segment.
bool NextSegment(std::string_view& rest, bool& more, std::string_view& segment) {
  if (!more) return false;
  const size_t slash = rest.find('/');
  segment = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  if (more) rest.remove_prefix(slash + 1);
  return true;
}

bool IsMethod(std::string_view text) {
  if (text.empty() || text.size() > 32) return false;
  for (char c : text) {
    if (!(c >= 'A' && c <= 'Z') && c != '-' && c != '_') return false;
  }
  return true;
}

absl::Status CheckMethod(std::string_view method) {
  if (method == "*" || IsMethod(method)) return absl::OkStatus();
  return Wrong(Cat("\"", method, "\" is not a method: write it in upper case, such as GET, or * for any"));
}

absl::Status CheckPath(std::string_view path) {
  if (path.empty() || path[0] != '/') {
    return Wrong(Cat("the path \"", path, "\" does not begin with /: write METHOD /path or /path"));
  }
  const size_t odd = path.find_first_of("?# \t");
  if (odd != std::string_view::npos) {
    return Wrong(Cat("\"", path.substr(odd, 1), "\" cannot be part of a path: only the path is matched, ",
                     "neither query nor fragment"));
  }
  for (char c : path) {
    if (c < 0x20 || c == 0x7f) return Wrong("the path holds a control character");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RoutePattern> RoutePattern::Parse(std::string_view text) {
  if (text.size() > kLongestPattern) return Wrong(Cat("longer than ", kLongestPattern, " bytes"));
  RoutePattern pattern;
  pattern.text_ = std::string(text);
  std::string_view path = text;
  if (const size_t space = text.find(' '); space != std::string_view::npos) {
    const std::string_view method = text.substr(0, space);
    if (absl::Status status = CheckMethod(method); !status.ok()) return status;
    if (method != "*") pattern.method_ = std::string(method);
    const size_t start = text.find_first_not_of(' ', space);
    path = start == std::string_view::npos ? "" : text.substr(start);
  }
  if (absl::Status status = CheckPath(path); !status.ok()) return status;

  std::string_view rest = path.substr(1);
  std::string_view part;
  for (bool more = true; NextSegment(rest, more, part);) {
    if (pattern.segments_.size() == kMostSegments)
      return Wrong(Cat("more than ", kMostSegments, " segments"));
    absl::StatusOr<Segment> segment = ParseSegment(part, !more);
    if (!segment.ok()) return segment.status();
    pattern.segments_.push_back(*std::move(segment));
  }
  return pattern;
}

// gRPC over HTTP/2, "Requests": the method is POST and the path is "/" service "/" method.
absl::StatusOr<RoutePattern> RoutePattern::ParseGrpc(std::string_view text) {
  if (const std::string why = WhyNoGrpcMethods(text); !why.empty()) return Wrong(why);
  const size_t slash = text.find('/');
  const std::string_view method = text.substr(slash + 1);
  RoutePattern pattern;
  pattern.text_ = std::string(text);
  pattern.is_grpc_ = true;
  pattern.method_ = "POST";
  pattern.segments_ = {Segment{Segment::Kind::kLiteral, std::string(text.substr(0, slash))},
                       method == "*" ? Segment{Segment::Kind::kOne, ""}
                                     : Segment{Segment::Kind::kLiteral, std::string(method)}};
  return pattern;
}

absl::StatusOr<RoutePattern::Segment> RoutePattern::ParseSegment(std::string_view text, bool last) {
  if (text == "**") {
    if (last) return Segment{Segment::Kind::kRest, ""};
    return Wrong(
        "** stands for the rest of a path and must be its last segment; write {name} for one segment");
  }
  if (text.size() > 2 && text.front() == '{' && text.back() == '}' &&
      text.substr(1, text.size() - 2).find_first_of("{}*") == std::string_view::npos) {
    return Segment{Segment::Kind::kOne, ""};
  }
  if (text.find_first_of("{}*") != std::string_view::npos) {
    return Wrong(Cat("the segment \"", text,
                     "\" is neither literal nor {name} nor **: a name stands for a whole segment"));
  }
  return Segment{Segment::Kind::kLiteral, std::string(text)};
}

bool RoutePattern::Matches(std::string_view method, std::string_view path) const {
  if (!method_.empty() && method_ != method) return false;
  if (path.empty() || path[0] != '/') return false;
  std::string_view rest = path.substr(1);
  std::string_view segment;
  bool more = true;
  for (const Segment& wanted : segments_) {
    if (wanted.kind == Segment::Kind::kRest) return true;
    if (!NextSegment(rest, more, segment)) return false;
    if (wanted.kind == Segment::Kind::kOne ? segment.empty() : segment != wanted.literal) return false;
  }
  return !more;
}

bool RoutePattern::Covers(const RoutePattern& other) const {
  if (!method_.empty() && method_ != other.method_) return false;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Segment& mine = segments_[i];
    if (mine.kind == Segment::Kind::kRest) return true;
    if (i == other.segments_.size()) return false;
    const Segment& theirs = other.segments_[i];
    if (theirs.kind == Segment::Kind::kRest) return false;
    const bool one_of_mine = mine.kind == Segment::Kind::kOne
                                 ? theirs.kind == Segment::Kind::kOne || !theirs.literal.empty()
                                 : theirs.kind == Segment::Kind::kLiteral && theirs.literal == mine.literal;
    if (!one_of_mine) return false;
  }
  return segments_.size() == other.segments_.size();
}

}  // namespace naru::config
