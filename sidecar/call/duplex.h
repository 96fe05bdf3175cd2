// One end of a tunnel: bytes both ways, whatever carries them. A socket after 101, or an HTTP/2 stream after
// an extended CONNECT (RFC 8441).
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"
#include "sidecar/net/task.h"

namespace naru::call {

class Duplex {
 public:
  virtual ~Duplex() = default;
  // The next bytes, good until the next Read; empty: the peer has finished sending; nothing: it broke.
  virtual net::Task<std::optional<std::string_view>> Read() = 0;
  // False when it broke.
  virtual net::Task<bool> Write(std::string_view bytes) = 0;
  // The other side reads the end. Returns once that is on its way.
  virtual net::Task<void> FinishWriting() = 0;
  // Ends every wait, now and later.
  virtual void Break() = 0;
};

class SocketDuplex final : public Duplex {
 public:
  SocketDuplex(net::Socket& socket, net::BufferPool& buffers) : socket_(socket), buffers_(buffers) {}

  // Bytes that came before the tunnel began; good for the whole tunnel.
  void set_already_read(std::string_view bytes) { already_read_ = bytes; }

  net::Task<std::optional<std::string_view>> Read() override;
  net::Task<bool> Write(std::string_view bytes) override;
  net::Task<void> FinishWriting() override;
  void Break() override { socket_.Cancel(net::IoError::kReset); }

 private:
  net::Socket& socket_;
  net::BufferPool& buffers_;
  std::string_view already_read_;
  net::Buffer buffer_;  // held while what was read is written
};

}  // namespace naru::call
