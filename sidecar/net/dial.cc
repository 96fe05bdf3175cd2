#include "sidecar/net/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace naru::net {
namespace {

constexpr int kBacklog = 4096;

bool IsV4(const SocketAddress& address) {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), address.ip.begin());
}

// IPv4 goes through an IPv4 socket: hosts without IPv6 have no other.
struct Native {
  explicit Native(const SocketAddress& address) {
    if (IsV4(address)) {
      family = AF_INET;
      size = sizeof(v4);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(address.port);
      std::memcpy(&v4.sin_addr, address.ip.data() + 12, 4);
    } else {
      family = AF_INET6;
      size = sizeof(v6);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(address.port);
      std::memcpy(&v6.sin6_addr, address.ip.data(), 16);
    }
  }

  int family;
  socklen_t size;
  union {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6{};
  };
};

OpenedSocket CloseWithErrno(int fd) {
  const int error = errno;
  if (fd >= 0) close(fd);
  return {-1, error};
}

void SetOption(int fd, int level, int name) {
  const int on = 1;
  setsockopt(fd, level, name, &on, sizeof(on));
}

// Only a refusal says that nobody listens: a full queue, a missing permission or a lack of descriptors does
// not.
bool NobodyListensOn(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool refused =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

}  // namespace

OpenedSocket StartConnect(const SocketAddress& to) {
  const Native native(to);
  const int fd = socket(native.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CloseWithErrno(fd);
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY);
  if (connect(fd, &native.generic, native.size) < 0 && errno != EINPROGRESS) return CloseWithErrno(fd);
  return {fd, 0};
}

OpenedSocket ListenTcp(const SocketAddress& at, bool share) {
  const Native native(at);
  const int fd = socket(native.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CloseWithErrno(fd);
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR);
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY);  // inherited by accepted sockets: one system call less for each
  if (share) SetOption(fd, SOL_SOCKET, SO_REUSEPORT);
  if (native.family == AF_INET6) SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (bind(fd, &native.generic, native.size) < 0 || listen(fd, kBacklog) < 0) return CloseWithErrno(fd);
  return {fd, 0};
}

OpenedSocket ListenUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return {-1, ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CloseWithErrno(fd);
  struct stat found;
  const bool is_socket = lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
  if (is_socket && NobodyListensOn(address)) unlink(path.c_str());  // bind refuses whatever else stands there
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0 ||
      listen(fd, kBacklog) < 0) {
    return CloseWithErrno(fd);
  }
  return {fd, 0};
}

uint16_t PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port);
  return 0;
}

uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace naru::net
