// Time that passes only when the next thing happens: the clock of simulations.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "resilience/time.h"

namespace naru::resilience {

class VirtualTime {
 public:
  using Action = std::function<void()>;

  TimePoint now() const { return now_; }
  Duration elapsed() const { return now_ - kBegin; }

  // Runs `action` when `delay` has passed. What is due at one instant runs in the order in which it was asked
  // for.
  void After(Duration delay, Action action) { events_.push({now_ + delay, next_++, std::move(action)}); }

  // Lets everything happen, whatever that leads to included.
  void Run() {
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.action();
    }
  }

 private:
  struct Event {
    TimePoint at;
    uint64_t order;
    Action action;

    bool operator<(const Event& other) const {  // the top of the heap is the earliest
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  static constexpr TimePoint kBegin{std::chrono::seconds(1000)};
  TimePoint now_ = kBegin;
  uint64_t next_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace naru::resilience
