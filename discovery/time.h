// Time as discovery/ speaks of it: monotonic, in nanoseconds. Expiry dates that others give are wall-clock
// time and say so.
#pragma once

#include <chrono>

namespace naru::discovery {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace naru::discovery
