// One coroutine waits for something that another part of the same worker brings about.
//
// Set before anybody waits, it is not lost: the next wait returns at once. The waiter resumes from the loop,
// not from inside Set, so that what happens at once is handled at once. One waiter at a time.
#pragma once

#include <coroutine>
#include <utility>

#include "sidecar/net/scheduler.h"

namespace naru::call {

class Signal {
 public:
  explicit Signal(net::Scheduler& scheduler) : scheduler_(scheduler) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void Set() {
    set_ = true;
    if (waiting_) scheduler_.ResumeLater(std::exchange(waiting_, nullptr));
  }

  struct Awaiter {
    Signal& signal;
    bool await_ready() const { return signal.set_; }
    void await_suspend(std::coroutine_handle<> handle) { signal.waiting_ = handle; }
    void await_resume() { signal.set_ = false; }
  };
  // co_await signal.Wait(): the next thing to do is to look what has changed.
  Awaiter Wait() { return {*this}; }

 private:
  net::Scheduler& scheduler_;
  bool set_ = false;
  std::coroutine_handle<> waiting_;
};

}  // namespace naru::call
