// The body of the request that an HTTP/1 connection is receiving, pulled from its socket as it is needed.
#pragma once

#include <optional>

#include "sidecar/call/body.h"
#include "sidecar/call/downstream.h"
#include "sidecar/http/body_decoder.h"
#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"

namespace naru::call {

class Http1RequestBody final : public BodySource {
 public:
  Http1RequestBody(net::Socket& socket, net::BufferPool& buffers) : socket_(socket), buffers_(buffers) {}

  // Begins a body whose first bytes stand in `with_head`, behind the head, which must stay where it is.
  void Start(const http::RequestHead& head, Received& with_head);

  std::optional<Result<Chunk>> Buffered() override;
  net::Task<Result<Chunk>> Read() override;
  void CancelRead() override { socket_.CancelRead(net::IoError::kCancelled); }
  const http::FieldList& trailers() const override { return decoder_.trailers(); }

  bool complete() const { return decoder_.done(); }

  // Once complete: moves what was received behind the body, the next request, to `with_head`.
  void HandOver(Received& with_head);

 private:
  Result<Chunk> Decode(Received& received);
  Received& Unread() { return with_head_->empty() ? own_ : *with_head_; }

  net::Socket& socket_;
  net::BufferPool& buffers_;
  http::BodyDecoder decoder_;
  Received* with_head_ = nullptr;
  Received own_;  // what was received after the head's buffer; the head stays in the other
  bool filled_last_read_ = false;
};

}  // namespace naru::call
