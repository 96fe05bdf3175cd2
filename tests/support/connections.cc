#include "tests/support/connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace naru {
namespace {

int OrAbort(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::abort();
}

Connection Prepared(int ours, int peers) {
  OrAbort(fcntl(ours, F_SETFL, O_NONBLOCK), "fcntl");
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  OrAbort(setsockopt(peers, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), "SO_RCVTIMEO");
  OrAbort(setsockopt(peers, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), "SO_SNDTIMEO");
  return {Descriptor(ours), Descriptor(peers)};
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  const int fd = other.Release();
  Close();
  fd_ = fd;
  return *this;
}

int Descriptor::Release() {
  return std::exchange(fd_, -1);
}

void Descriptor::Close() {
  if (fd_ >= 0) close(Release());
}

Connection UnixConnection() {
  int pair[2];
  OrAbort(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
  return Prepared(pair[0], pair[1]);
}

Connection TcpConnection() {
  const Descriptor listener(OrAbort(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  OrAbort(bind(listener.get(), generic, size), "bind");
  OrAbort(listen(listener.get(), 1), "listen");
  OrAbort(getsockname(listener.get(), generic, &size), "getsockname");
  const int peers = OrAbort(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  OrAbort(connect(peers, generic, size), "connect");
  return Prepared(OrAbort(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"), peers);
}

void Send(const Descriptor& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(OrAbort(send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), "send"));
  }
}

std::string Receive(const Descriptor& peer, size_t bytes) {
  std::string received(bytes, '\0');
  size_t size = 0;
  while (size < bytes) {
    const int got = OrAbort(recv(peer.get(), received.data() + size, bytes - size, 0), "recv");
    if (got == 0) break;
    size += got;
  }
  received.resize(size);
  return received;
}

void ResetAndClose(Descriptor& peer) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  OrAbort(setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
  peer.Close();
}

}  // namespace naru
