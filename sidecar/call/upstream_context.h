// What the attempts of one worker share, whatever protocol they speak.
#pragma once

#include "sidecar/call/http2_upstream.h"
#include "sidecar/call/upstream_pool.h"
#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/event_loop.h"

namespace naru::call {

struct UpstreamContext {
  net::EventLoop& loop;
  net::BufferPool& buffers;
  UpstreamPool& connections;  // HTTP/1
  Http2UpstreamPool& http2;
};

}  // namespace naru::call
