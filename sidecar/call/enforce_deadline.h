// Gives every call an end: the route's timeout, or what its caller has left if that is less.
//
// The timeout covers the call until its answer begins, every attempt and wait included; while the application
// still sends its request, every piece of it starts the timeout anew, so that a long upload is cut for being
// silent, not for being long. What the caller sent covers the whole call. One timer, one Cancellation:
// whatever the call waits for ends.
#pragma once

#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class EnforceDeadline final : public Layer {
 public:
  explicit EnforceDeadline(net::Scheduler& scheduler) : scheduler_(scheduler) {}
  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void Answered(Call& call, const Result<Response>& result) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  net::Scheduler& scheduler_;
};

// A piece of the request's body has come from the application.
void UploadProgressed(Call& call, net::Scheduler& scheduler);

}  // namespace naru::call
