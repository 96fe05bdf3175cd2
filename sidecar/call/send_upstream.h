// Carries one attempt over the protocol that its endpoint speaks.
#pragma once

#include "sidecar/call/layer.h"
#include "sidecar/call/upstream_context.h"

namespace naru::call {

class SendUpstream final : public Layer {
 public:
  explicit SendUpstream(UpstreamContext context) : context_(context) {}
  net::Task<Result<Response>> Handle(Call& call, Next next) override;

 private:
  enum class Version : uint8_t { kHttp1, kHttp2 };
  static Version VersionFor(const Call& call);
  net::Task<Result<Response>> Send(Call& call, Version version);

  UpstreamContext context_;
};

}  // namespace naru::call
