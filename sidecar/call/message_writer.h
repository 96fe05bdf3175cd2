// Writes the parts of an HTTP/1 message to a socket with as few and as cheap system calls as can be.
#pragma once

#include <array>
#include <string>

#include "sidecar/call/body.h"
#include "sidecar/http/message.h"
#include "sidecar/net/socket.h"

namespace naru::call {

// Writes what `out` holds, such as a head, and behind it one piece of the body, framed as `framing` says; the
// last chunk carries `trailers`. Small pieces are copied behind the head: one part is cheaper to send than
// two. Awaited once, with a net::IoResult; leaves `out` empty. No coroutine: most writes end where they
// begin, and then cost no frame.
class MessageWrite {
 public:
  MessageWrite(net::Socket& to, std::string& out, Chunk chunk, http::Framing::Kind framing,
               const http::FieldList& trailers);
  MessageWrite(const MessageWrite&) = delete;
  MessageWrite& operator=(const MessageWrite&) = delete;

  // Writes what the socket takes now. False: awaiting it will wait for the peer.
  bool TryNow() { return nothing_ || write_.TryNow(); }

  bool await_ready() { return nothing_ || write_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { write_.await_suspend(handle); }
  net::IoResult await_resume() {
    out_.clear();
    return write_.await_resume();
  }

 private:
  std::string& out_;
  std::string behind_;  // what stands behind a piece that is not copied
  std::array<iovec, 3> parts_;
  bool nothing_;
  net::Socket::WriteAwaiter write_;
};

}  // namespace naru::call
