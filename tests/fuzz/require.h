// What every fuzzer checks with.
#pragma once

#include <cstdlib>

namespace naru {

// Ends the process, which is how libFuzzer is told of a broken promise.
inline void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace naru
