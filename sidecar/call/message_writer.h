// Writes the parts of an HTTP/1 message to a socket with as few and as cheap system calls as can be.
#pragma once

#include <string>

#include "sidecar/call/body.h"
#include "sidecar/http/message.h"
#include "sidecar/net/socket.h"

namespace naru::call {

// Writes what `out` holds, such as a head, and behind it one piece of the body, framed as `framing` says; the
// last chunk carries `trailers`. Small pieces are copied behind the head: one part is cheaper to send than
// two. Leaves `out` empty.
net::Task<net::IoResult> WriteMessagePart(net::Socket& to, std::string& out, Chunk chunk,
                                          http::Framing::Kind framing, const http::FieldList& trailers);

}  // namespace naru::call
