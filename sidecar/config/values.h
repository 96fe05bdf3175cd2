// The scalar values of the configuration: how each is written, and what it means.
//
// Every Parse fails with a clause that can follow "VALUE ", such as `has no unit: write 5s or 5ms`. Every
// Format gives text that its Parse reads back to the same value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "resilience/time.h"

namespace naru::config {

using resilience::Duration;

absl::StatusOr<Duration> ParseDuration(std::string_view text);  // 250ms, 5s, 1.5s, 2m, 1h
absl::StatusOr<uint64_t> ParseSize(std::string_view text);      // 512B, 64KiB, 1MiB, in bytes
absl::StatusOr<double> ParseRatio(std::string_view text);       // 20% or 0.2
absl::StatusOr<double> ParseRate(std::string_view text);        // 10/s
absl::StatusOr<uint64_t> ParseCount(std::string_view text);     // 100
absl::StatusOr<bool> ParseBoolean(std::string_view text);       // true or false

absl::StatusOr<std::string> ParsePath(std::string_view text);      // /healthz, with a query or without
absl::StatusOr<std::string> ParseGrpcName(std::string_view text);  // courses.v1.Courses, or nothing

std::string FormatDuration(Duration duration);
std::string FormatSize(uint64_t bytes);
std::string FormatRatio(double ratio);
std::string FormatRate(double per_second);

}  // namespace naru::config
