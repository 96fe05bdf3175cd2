#include "sidecar/net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace naru::net {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(1);

}  // namespace

TimerWheel::TimerWheel(TimePoint now) : start_(now) {}

// Rounds up, so that no timer fires early.
uint64_t TimerWheel::TickAfter(TimePoint at) const {
  if (at <= start_) return 0;
  return static_cast<uint64_t>((at - start_ + kTick - Duration(1)) / kTick);
}

void TimerWheel::Arm(Timer& timer, TimePoint at) {
  timer.Disarm();
  timer.expires_tick_ = std::max(TickAfter(at), tick_ + 1);
  Link(timer);
}

// A timer goes to the lowest level whose slots can still tell its tick from the ones before it. Beyond the
// horizon it waits in the last slot before it, and is linked again from there.
void TimerWheel::Link(Timer& timer) {
  const uint64_t horizon = tick_ + (kSlots - 1) * (uint64_t{1} << (kLevels - 1) * kSlotBits);
  const uint64_t at = std::min(timer.expires_tick_, horizon);
  const int highest_difference = std::bit_width(at ^ tick_) - 1;
  const int level = std::clamp(highest_difference / kSlotBits, 0, kLevels - 1);
  const uint64_t slot = (at >> (level * kSlotBits)) % kSlots;
  slots_[level][slot].push_back(timer);
  busy_[level] |= uint64_t{1} << slot;
}

void TimerWheel::Advance(TimePoint now) {
  const uint64_t target = now <= start_ ? 0 : static_cast<uint64_t>((now - start_) / kTick);
  while (tick_ < target) {
    const std::optional<uint64_t> next = NextBusyTick();
    if (!next || *next > target) {
      tick_ = target;
      return;
    }
    tick_ = *next;
    for (int level = kLevels - 1; level > 0; --level) {
      const bool at_slot_start = tick_ % (uint64_t{1} << (level * kSlotBits)) == 0;
      if (at_slot_start) Cascade(level);
    }
    FireCurrentSlot();
  }
}

// Moves the timers of the slot that has begun to the levels below.
void TimerWheel::Cascade(int level) {
  const uint64_t slot = (tick_ >> (level * kSlotBits)) % kSlots;
  busy_[level] &= ~(uint64_t{1} << slot);
  Slot moving;
  moving.swap(slots_[level][slot]);
  while (!moving.empty()) {
    Timer& timer = moving.front();
    timer.Disarm();
    Link(timer);
  }
}

void TimerWheel::FireCurrentSlot() {
  const uint64_t slot = tick_ % kSlots;
  Slot due;
  due.swap(slots_[0][slot]);
  busy_[0] &= ~(uint64_t{1} << slot);
  while (!due.empty()) {
    Timer& timer = due.front();
    timer.Disarm();
    timer.callback_(timer.context_);
  }
}

std::optional<Duration> TimerWheel::UntilNext(TimePoint now) {
  const std::optional<uint64_t> next = NextBusyTick();
  if (!next) return std::nullopt;
  const TimePoint at = start_ + static_cast<int64_t>(*next) * kTick;
  return std::max(at - now, Duration::zero());
}

// The next tick at which a slot begins that may hold a timer.
std::optional<uint64_t> TimerWheel::NextBusyTick() {
  for (int level = 0; level < kLevels; ++level) {
    const int shift = level * kSlotBits;
    const uint64_t position = (tick_ >> shift) % kSlots;
    const uint64_t turn_start = tick_ >> shift >> kSlotBits << kSlotBits;
    const uint64_t ahead = position == kSlots - 1 ? 0 : ~uint64_t{0} << (position + 1);
    if (const auto slot = FirstBusy(level, ahead)) return (turn_start + *slot) << shift;
    // Slots behind the position belong to the next turn. Link uses them on the highest level only: elsewhere
    // a timer of the next turn sits one level higher.
    if (level < kLevels - 1) continue;
    if (const auto slot = FirstBusy(level, ~ahead)) return (turn_start + kSlots + *slot) << shift;
  }
  return std::nullopt;
}

// The lowest slot of `among` that holds a timer. Slots emptied by disarming are noticed here.
std::optional<uint64_t> TimerWheel::FirstBusy(int level, uint64_t among) {
  while (const uint64_t busy = busy_[level] & among) {
    const uint64_t slot = static_cast<uint64_t>(std::countr_zero(busy));
    if (!slots_[level][slot].empty()) return slot;
    busy_[level] &= ~(uint64_t{1} << slot);
  }
  return std::nullopt;
}

}  // namespace naru::net
