// How a finished call or attempt counts in the eyes of a breaker, an ejector or a latency estimate.
#pragma once

#include <cstdint>

namespace naru::resilience {

enum class Grade : uint8_t {
  kSuccess,  // the callee answered as it should; a 4xx is the caller's fault and counts here too
  kFailure,  // the callee failed: no connection, a reset, a timeout, a 5xx
  kNeutral,  // says nothing about the callee: the application went away, or naru refused the call itself
};

}  // namespace naru::resilience
