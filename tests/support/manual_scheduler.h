// A Scheduler whose time the test moves: layers run in virtual time, in the order in which they would run.
//
// Advance stops at every timer on the way, so a coroutine that wakes sees the time it asked for and what it
// arms is due within the same Advance. Nothing runs outside Advance and Settle. One thread.
#pragma once

#include "sidecar/net/scheduler.h"

namespace naru {

class ManualScheduler final : public net::Scheduler {
 public:
  // Not the epoch, so that a forgotten zero shows.
  explicit ManualScheduler(net::TimePoint start = net::TimePoint(std::chrono::hours(1)))
      : net::Scheduler(start) {}

  net::TimePoint ReadClock() override { return now(); }

  // Resumes what is ready until nothing is. A coroutine that never stops being ready hangs here.
  void Settle() {
    while (has_ready()) ResumeReady();
  }

  // Moves the time by `by`, firing the timers due meanwhile one tick after the other.
  void Advance(net::Duration by) {
    const net::TimePoint end = now() + by;
    Settle();
    for (auto next = timers().UntilNext(now()); next && now() + *next <= end;
         next = timers().UntilNext(now())) {
      MoveTo(now() + *next);
    }
    MoveTo(end);
  }

 private:
  void MoveTo(net::TimePoint time) {
    set_now(time);
    timers().Advance(time);
    Settle();
  }
};

}  // namespace naru
