// Tells about failed and slow calls: one line of the log each, and an entry in the recent calls of the admin
// port.
#pragma once

#include "sidecar/admin/recent_calls.h"
#include "sidecar/call/record_call.h"
#include "sidecar/log/logger.h"

namespace naru {

class CallLog final : public call::CallObserver {
 public:
  CallLog(log::Logger& logger, admin::RecentCalls& recent) : logger_(logger), recent_(recent) {}

  void OnCall(const call::Call& call, const call::Ending& ending, call::Duration took) override;

 private:
  log::Logger& logger_;
  admin::RecentCalls& recent_;
};

}  // namespace naru
