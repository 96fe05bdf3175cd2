// For what can only be seen within a time: on a machine that stands still for longer it shows nothing.
#pragma once

#include <gtest/gtest.h>

namespace naru {

// Runs `look` until it returns that it was in time, which it has to be once in five times.
template <class Look>
void Undisturbed(Look look) {
  for (int i = 0; i < 5; ++i) {
    if (look()) return;
  }
  FAIL() << "too late each of five times";
}

}  // namespace naru
