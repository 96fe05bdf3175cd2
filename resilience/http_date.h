// Reads the dates of HTTP fields such as Retry-After.
//
// All three forms of RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" and
// "Sun Nov  6 08:49:37 1994".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace naru::resilience {

// Unix seconds; nothing when malformed or no such day. `now_seconds` decides the century of a two-digit year.
std::optional<int64_t> ParseHttpDate(std::string_view text, int64_t now_seconds);

}  // namespace naru::resilience
