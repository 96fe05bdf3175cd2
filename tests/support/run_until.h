// Runs a real EventLoop until something is so. For tests of sockets, which cannot move time.
#pragma once

#include <chrono>

#include "sidecar/net/event_loop.h"

namespace naru {

// False when `happened` has not come true within ten seconds. Asked every millisecond, and never while a
// coroutine runs.
template <class Condition>
[[nodiscard]] bool RunUntil(net::EventLoop& loop, Condition happened) {
  struct Watch {
    net::EventLoop& loop;
    Condition& happened;
    net::TimePoint deadline;
    net::Timer timer{[](void* self) { static_cast<Watch*>(self)->Look(); }, this};

    void Look() {
      if (happened() || loop.now() > deadline) return loop.Stop();
      loop.timers().Arm(timer, loop.now() + std::chrono::milliseconds(1));
    }
  } watch{loop, happened, loop.ReadClock() + std::chrono::seconds(10)};
  watch.Look();
  loop.Run();
  return happened();
}

}  // namespace naru
