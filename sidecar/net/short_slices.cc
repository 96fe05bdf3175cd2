#include "sidecar/net/short_slices.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace naru::net {
namespace {

// As sched_setattr(2) wants it; the C library of Debian 12 has no name for it.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;  // SCHED_OTHER
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: the slice, in nanoseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

constexpr std::chrono::nanoseconds kSlice = std::chrono::microseconds(100);  // the shortest that there is

}  // namespace

void AskForShortSlices() {
  SchedulingAttributes attributes;
  // What the process was started with stays, niceness above all.
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0 || attributes.policy != 0)
    return;
  attributes.flags = 0;
  attributes.runtime = static_cast<uint64_t>(kSlice.count());
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace naru::net
