// Waiting for a moment, or until the call is cancelled, whichever is first.
#pragma once

#include <coroutine>

#include "sidecar/call/cancellation.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

// co_await Sleep(...): true when the moment came, false when the call was cancelled.
class Sleep {
 public:
  Sleep(net::Scheduler& scheduler, Cancellation& cancellation, net::TimePoint until)
      : scheduler_(scheduler),
        cancellation_(cancellation),
        until_(until),
        timer_(&Sleep::Wake, this),
        on_cancel_(cancellation, &Sleep::Wake, this) {}

  bool await_ready() const { return cancellation_.cancelled() || until_ <= scheduler_.now(); }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    scheduler_.timers().Arm(timer_, until_);
  }
  bool await_resume() const { return !cancellation_.cancelled(); }

 private:
  static void Wake(void* self) {
    auto* sleep = static_cast<Sleep*>(self);
    sleep->timer_.Disarm();
    if (sleep->handle_) sleep->scheduler_.ResumeLater(std::exchange(sleep->handle_, nullptr));
  }

  net::Scheduler& scheduler_;
  Cancellation& cancellation_;
  const net::TimePoint until_;
  net::Timer timer_;
  OnCancel on_cancel_;
  std::coroutine_handle<> handle_;
};

}  // namespace naru::call
