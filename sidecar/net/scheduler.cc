#include "sidecar/net/scheduler.h"

namespace naru::net {

void Scheduler::ResumeReady() {
  resuming_.swap(ready_);
  for (size_t i = 0; i < resuming_.size(); ++i) resuming_[i].resume();
  resuming_.clear();
}

}  // namespace naru::net
