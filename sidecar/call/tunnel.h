// Bytes both ways without looking at them, after both sides have agreed to switch protocols.
//
// Each side may finish sending while the other goes on. Ends when both have finished, when one breaks, or
// when nothing has moved for the idle timeout.
#pragma once

#include <cstdint>
#include <string_view>

#include "resilience/time.h"
#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"
#include "sidecar/net/task.h"

namespace naru::call {

struct TunnelSide {
  net::Socket& socket;
  std::string_view already_read;  // bytes that came with the head; good for the whole tunnel
};

struct TunnelTraffic {
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};

// Returns when both directions have ended. Both sockets are of no more use then.
net::Task<TunnelTraffic> RelayTunnel(TunnelSide application, TunnelSide upstream,
                                     resilience::Duration idle_timeout, net::BufferPool& buffers);

}  // namespace naru::call
