// Every timer of one worker: arming and disarming one is linking a list node, never a system call.
//
// A hierarchical wheel (Varghese and Lauck, 1987) of one-millisecond ticks. A timer never fires early and at
// most one tick late, plus what the loop is busy for. Time is passed in; the wheel reads no clock. One
// thread.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>

#include "resilience/time.h"

namespace naru::net {

using resilience::Duration;
using resilience::TimePoint;

// Calls `callback(context)` once, from TimerWheel::Advance. Owned by whoever waits; destroying it disarms it.
class Timer
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using Callback = void (*)(void* context);

  Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return is_linked(); }
  void Disarm() {
    if (is_linked()) unlink();
  }

 private:
  friend class TimerWheel;
  Callback callback_;
  void* context_;
  uint64_t expires_tick_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(TimePoint now);

  // Arms `timer`, or moves it if it is armed. A time in the past fires at the next tick.
  void Arm(Timer& timer, TimePoint at);

  // Fires what is due at `now`, which never goes back. Callbacks may arm and disarm any timer.
  void Advance(TimePoint now);

  // How long the loop may sleep; nothing when no timer is armed. May be too short, never too long.
  std::optional<Duration> UntilNext(TimePoint now);

 private:
  using Slot = boost::intrusive::list<Timer, boost::intrusive::constant_time_size<false>>;
  static constexpr int kLevels = 5;
  static constexpr int kSlotBits = 6;
  static constexpr uint64_t kSlots = 1 << kSlotBits;  // 64 ms, 4 s, 4 min, 4.6 h, 12 days

  uint64_t TickAfter(TimePoint at) const;
  void Link(Timer& timer);
  void Cascade(int level);
  void FireCurrentSlot();
  std::optional<uint64_t> NextBusyTick();
  std::optional<uint64_t> FirstBusy(int level, uint64_t among);

  const TimePoint start_;
  uint64_t tick_ = 0;  // everything up to here has fired
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
  std::array<uint64_t, kLevels> busy_{};  // a bit per slot that may hold a timer
};

}  // namespace naru::net
