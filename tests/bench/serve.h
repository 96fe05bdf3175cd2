// What the services behind the proxies of compare.sh share: one thread and one epoll loop on a port of
// loopback, so that a service never is the bottleneck of a proxy on another core. Linux only.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

// A Connection is made of a descriptor, which stays the server's, and has ReadAll and WriteAll: all that can
// be read and written without waiting. Both return false when the connection is over.
template <class Connection>
class Server {
 public:
  explicit Server(uint16_t port) : epoll_(epoll_create1(0)), listener_(Listen(port)), connections_(65536) {
    Watch(listener_, EPOLLIN);
  }

  [[noreturn]] void Run() {
    constexpr int kMaxEvents = 256;
    epoll_event events[kMaxEvents];
    while (true) {
      const int count = epoll_wait(epoll_, events, kMaxEvents, -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          AcceptAll();
        } else {
          Serve(events[i].data.fd, events[i].events);
        }
      }
    }
  }

 private:
  static int Listen(uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
      std::perror("cannot listen");
      std::exit(1);
    }
    return fd;
  }

  void Watch(int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void AcceptAll() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_[fd] = std::make_unique<Connection>(fd);
      Watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
  }

  void Serve(int fd, uint32_t events) {
    Connection& connection = *connections_[fd];
    const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if ((!readable || connection.ReadAll()) && connection.WriteAll()) return;
    connections_[fd].reset();
    close(fd);
  }

  const int epoll_;
  const int listener_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
};

// The whole of a service's main: its only argument is the port.
template <class Connection>
int ServeOnPort(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Server<Connection>(static_cast<uint16_t>(std::atoi(argv[1]))).Run();
}
