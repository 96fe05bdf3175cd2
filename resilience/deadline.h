// When a call must have begun to be answered, and what of it an attempt may use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "resilience/time.h"

namespace naru::resilience {

// The milliseconds of an x-naru-deadline-ms field: digits only, at most nine of them. Nothing when malformed.
std::optional<Duration> ParseDeadlineMs(std::string_view field);

// What is sent upstream: the remainder in whole milliseconds, rounded down, never below 1.
std::string FormatDeadlineMs(Duration remaining);

// The value of a grpc-timeout field: at most eight digits and a unit, H M S m u n
// (grpc/doc/PROTOCOL-HTTP2.md). Nothing when malformed; what exceeds a Duration is cut to the longest.
std::optional<Duration> ParseGrpcTimeout(std::string_view field);

// What is sent upstream: the remainder in the finest unit that eight digits allow, rounded down, never
// below 1.
std::string FormatGrpcTimeout(Duration remaining);

// The earlier of the configured timeout and what the caller has left: a caller only ever shortens it.
Duration EffectiveTimeout(Duration configured, std::optional<Duration> from_caller);

// How long this attempt may take until its response head: try_timeout, but not on the last attempt, where
// cutting it short could only turn a late answer into none (Linkerd).
std::optional<Duration> AttemptTimeout(std::optional<Duration> try_timeout, bool last_attempt);

}  // namespace naru::resilience
