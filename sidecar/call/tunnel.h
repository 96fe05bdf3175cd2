// Bytes both ways without looking at them, after both sides have agreed to switch protocols.
//
// Each side may finish sending while the other goes on. Ends when both have finished, when one breaks, or
// when nothing has moved for the idle timeout.
#pragma once

#include <cstdint>

#include "resilience/time.h"
#include "sidecar/call/duplex.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

struct TunnelTraffic {
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};

// Returns when both directions have ended. Both ends are of no more use then.
net::Task<TunnelTraffic> RelayTunnel(Duplex& application, Duplex& upstream, resilience::Duration idle_timeout,
                                     net::Scheduler& scheduler);

}  // namespace naru::call
