// Tells an application that has gone from one that has only finished sending.
//
// Both look the same on the wire: a FIN. An application that half-closes still waits for its answer; one that
// was closed or killed does not, and its call should be cancelled. On the same host the kernel knows: a
// socket that some process still holds has an inode.
#pragma once

#include <string>

namespace naru::net {

enum class PeerState {
  kOpen,     // some process still holds the other end: it has only finished sending
  kGone,     // nobody holds the other end any more
  kUnknown,  // not on this host (or another network namespace), or the kernel does not say
};

// `fd` is a connected TCP socket whose peer has sent FIN. Costs some system calls; not for the hot path.
PeerState StateOfPeer(int fd);

// Who holds the other end of a connected socket, for the log: "127.0.0.1:53124", or of a Unix socket
// "unix, process 4711". Empty when the kernel does not know any more.
std::string DescribePeer(int fd);

}  // namespace naru::net
