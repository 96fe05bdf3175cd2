// Finds out which service, route and policy a call means.
#pragma once

#include "sidecar/call/discover_service.h"
#include "sidecar/call/layer.h"

namespace naru::call {

class ResolveService final : public Layer {
 public:
  explicit ResolveService(DiscoverService& discovery) : discovery_(discovery) {}

  net::Task<Result<Response>> Handle(Call& call, Next next) override;

 private:
  // The call names a service that the configuration does not.
  net::Task<Result<Response>> Discover(Call& call, Next next, NamingFailure unknown);

  DiscoverService& discovery_;
};

}  // namespace naru::call
