// co_await Sleep(scheduler, 5s): back when that time has passed on the scheduler. For fakes that take their
// time.
#pragma once

#include <coroutine>

#include "sidecar/net/scheduler.h"

namespace naru {

class Sleep {
 public:
  Sleep(net::Scheduler& scheduler, net::Duration duration)
      : scheduler_(scheduler), duration_(duration), timer_(&Sleep::OnTimer, this) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    scheduler_.timers().Arm(timer_, scheduler_.now() + duration_);
  }
  void await_resume() const {}

 private:
  static void OnTimer(void* self) {
    auto* sleep = static_cast<Sleep*>(self);
    sleep->scheduler_.ResumeLater(sleep->handle_);
  }

  net::Scheduler& scheduler_;
  const net::Duration duration_;
  net::Timer timer_;
  std::coroutine_handle<> handle_;
};

}  // namespace naru
