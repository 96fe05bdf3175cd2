// What the connections of applications have in common, whatever protocol they speak, and what they ask of
// their worker.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>

#include "resilience/abuse_guard.h"
#include "sidecar/call/call.h"
#include "sidecar/call/outbound_stack.h"
#include "sidecar/http/http2_session.h"
#include "sidecar/net/buffer_pool.h"

namespace naru::call {

// A pooled block: what one call needs besides its connection.
struct CallBlock {
  Call call;
  std::string out;  // what is being written to the application
};

// Where a connection was accepted.
struct AcceptedAt {
  uint16_t service_port = 0;  // 0: the shared port or a Unix socket
  bool unix_socket = false;
  uint32_t listener = 0;  // of its worker, counted from 1
};

// Bytes that were received and not used yet, in a lent buffer.
struct Received {
  net::Buffer buffer;
  size_t begin = 0;
  size_t end = 0;

  bool empty() const { return begin == end; }
  size_t size() const { return end - begin; }
  char* data() const { return buffer.data() + begin; }
  void Release() {
    buffer.Release();
    begin = end = 0;
  }
};

// A connection of an application. Owned by its worker, on whose thread it lives; it tells the worker when it
// has ended.
class DownstreamConnection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~DownstreamConnection() = default;

  // Serves until the connection ends, then tells the host.
  virtual void Start() = 0;
  // Nothing is being carried, and the application would lose nothing if it were closed.
  virtual bool idle() const = 0;
  // Ends it soon: an idle connection is closed, calls in progress are cancelled.
  virtual void Abort() = 0;
  // Takes no further calls once the application has heard of it; those in progress go on to their end.
  virtual void Drain() = 0;
  virtual bool http2() const = 0;
  virtual const AcceptedAt& accepted_at() const = 0;
};

// An HTTP/1 connection that goes on as HTTP/2 (RFC 9113 3).
struct Http2Takeover {
  int fd = -1;
  AcceptedAt accepted_at;
  Received received;  // what came behind the request, the preface included
  // Of `Upgrade: h2c` (RFC 7540 3.2): the request that becomes stream 1, and its HTTP2-Settings. Nothing:
  // the connection began with the preface.
  std::unique_ptr<http::Http2HeadBlock> upgraded;
  std::string settings;
};

// What the connections of one worker share; implemented by the worker.
class DownstreamHost {
 public:
  virtual ~DownstreamHost() = default;
  virtual net::EventLoop& loop() = 0;
  virtual net::BufferPool& buffers() = 0;
  virtual OutboundStack& stack() = 0;
  virtual std::shared_ptr<const Snapshot> snapshot() = 0;
  virtual int worker() const = 0;
  virtual std::unique_ptr<CallBlock> TakeBlock() = 0;
  virtual void GiveBack(std::unique_ptr<CallBlock> block) = 0;
  // Who hears of the frames of the next HTTP/2 connection; empty: nobody.
  virtual http::Http2Trace http2_trace() { return {}; }
  // For composing an answer: one list whose memory serves every call.
  virtual http::Http2Fields& http2_fields() = 0;
  // A call began (+1) or ended (-1).
  virtual void CountCall(int change) = 0;
  // An application's connection was ended for this.
  virtual void CountAbuse(resilience::AbuseKind kind) = 0;
  // The connection has ended; the host destroys it.
  virtual void Gone(DownstreamConnection& connection) = 0;
  // A connection goes on as HTTP/2; the one it was is gone right after.
  virtual void Continue(Http2Takeover takeover) = 0;
};

}  // namespace naru::call
