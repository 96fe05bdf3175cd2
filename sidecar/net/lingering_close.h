// The orderly end of a connection whose peer may still be sending.
#pragma once

#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"
#include "sidecar/net/task.h"

namespace naru::net {

// Sends FIN and discards what the peer still sends, until it has finished too, for at most `limit`. The
// socket is of no more use afterwards.
//
// Closing while bytes are unread would reset the connection, and a reset destroys what the peer has not read
// yet: the last answer, or a GOAWAY (RFC 9112 9.6).
Task<void> LingeringClose(Socket& socket, BufferPool& buffers, resilience::Duration limit);

}  // namespace naru::net
