// The two types in which time enters a decision. Nothing in resilience/ reads a clock: `now` is an argument.
#pragma once

#include <chrono>

namespace naru::resilience {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace naru::resilience
