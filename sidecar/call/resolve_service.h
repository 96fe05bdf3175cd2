// Finds out which service, route and policy a call means.
#pragma once

#include "sidecar/call/layer.h"

namespace naru::call {

class ResolveService final : public Layer {
 public:
  net::Task<Result<Response>> Handle(Call& call, Next next) override;
};

}  // namespace naru::call
