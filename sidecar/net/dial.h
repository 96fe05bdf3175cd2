// Opens the connections towards endpoints and the sockets that the application calls: every socket naru
// creates on the data path is created here. Errors are errno values.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace naru::net {

// An IPv6 address, IPv4 as ::ffff:a.b.c.d, in network order.
struct SocketAddress {
  std::array<uint8_t, 16> ip{};
  uint16_t port = 0;
};

struct OpenedSocket {
  int fd = -1;    // owned by the caller; -1 when error is set
  int error = 0;  // errno
};

// A non-blocking TCP socket that has begun to connect to `to`, without Nagle's delay.
OpenedSocket StartConnect(const SocketAddress& to);

// A listening TCP socket. With `share`, several workers may bind one each (SO_REUSEPORT). Port 0 lets the
// system choose.
OpenedSocket ListenTcp(const SocketAddress& at, bool share);
// A listening Unix socket. A stale socket file that nobody listens on is replaced; a live one is an error
// (EADDRINUSE).
OpenedSocket ListenUnix(const std::string& path);

// The port a listening socket really has.
uint16_t PortOf(int fd);

// Raises the soft limit of descriptors to the hard one. Returns what is in force afterwards.
uint64_t RaiseDescriptorLimit();

}  // namespace naru::net
