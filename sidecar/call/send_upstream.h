// Carries one attempt over the protocol that its endpoint speaks.
#pragma once

#include "sidecar/call/http1_attempt.h"
#include "sidecar/call/layer.h"

namespace naru::call {

class SendUpstream final : public Layer {
 public:
  explicit SendUpstream(UpstreamContext context) : context_(context) {}
  net::Task<Result<Response>> Handle(Call& call, Next next) override;

 private:
  UpstreamContext context_;
};

}  // namespace naru::call
