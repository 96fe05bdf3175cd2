// What a coroutine of the data path needs of the loop it runs on: the time, timers, and being resumed later.
//
// EventLoop is the real one; tests use ManualScheduler (tests/support), whose time the test moves. One
// thread.
#pragma once

#include <coroutine>
#include <vector>

#include "sidecar/net/timer_wheel.h"

namespace naru::net {

class Scheduler {
 public:
  explicit Scheduler(TimePoint now) : now_(now), timers_(now) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  virtual ~Scheduler() = default;

  // The time at which the loop last woke: good for deadlines, and free.
  TimePoint now() const { return now_; }

  // The time right now, for measuring.
  virtual TimePoint ReadClock() = 0;

  TimerWheel& timers() { return timers_; }

  // Resumes `handle` before the loop sleeps again. It must stay suspended until then.
  void ResumeLater(std::coroutine_handle<> handle) { ready_.push_back(handle); }

 protected:
  void set_now(TimePoint now) { now_ = now; }
  bool has_ready() const { return !ready_.empty(); }
  // Resumes what was ready; what becomes ready meanwhile waits for the next turn, so that events are not
  // starved.
  void ResumeReady();

 private:
  TimePoint now_;
  TimerWheel timers_;
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<std::coroutine_handle<>> resuming_;
};

}  // namespace naru::net
