// The service behind the proxies of compare.sh: answers every request at once, so that the proxy is what is
// measured.
//
//   origin PORT    GET /1m is answered with 1 MiB, /100m with 100 MiB, everything else with 100 bytes; keep-alive,
//   pipelining, no bodies
//
// One thread and one epoll loop, so that it never is the bottleneck of a proxy on another core. Linux only.
// Not for anything but measuring: it reads no more of HTTP than where a head ends.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kMaxEvents = 256;
constexpr size_t kReadBytes = 16 * 1024;

std::string Answer(size_t body_bytes) {
  return "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(body_bytes) + "\r\n\r\n" + std::string(body_bytes, 'x');
}

const std::string kSmall = Answer(100);
const std::string kLarge = Answer(1024 * 1024);
const std::string kHuge = Answer(100 * 1024 * 1024);

const std::string& AnswerTo(std::string_view request_line) {
  if (request_line.find(" /1m ") != request_line.npos) return kLarge;
  return request_line.find(" /100m ") != request_line.npos ? kHuge : kSmall;
}

struct Connection {
  std::string unread;           // the part of a head that has come
  const std::string* answer{};  // being sent, from `sent`
  size_t sent = 0;
  size_t answers_due = 0;
};

class Origin {
 public:
  explicit Origin(uint16_t port) : epoll_(epoll_create1(0)), listener_(Listen(port)), connections_(65536) {
    Watch(listener_, EPOLLIN);
  }

  void Run() {
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
      std::perror("origin: cannot listen");
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
      connections_[fd] = Connection{};
      Watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
  }

  void Serve(int fd, uint32_t events) {
    Connection& connection = connections_[fd];
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !ReadAll(fd, connection)) {
      close(fd);
      return;
    }
    WriteAll(fd, connection);
  }

  // Returns false when the peer has gone.
  static bool ReadAll(int fd, Connection& connection) {
    char buffer[kReadBytes];
    while (true) {
      const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
      if (count == 0) return false;
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      connection.unread.append(buffer, count);
      TakeHeads(connection);
      if (static_cast<size_t>(count) < sizeof buffer) return true;
    }
  }

  static void TakeHeads(Connection& connection) {
    size_t end;
    while ((end = connection.unread.find("\r\n\r\n")) != std::string::npos) {
      const std::string_view head(connection.unread.data(), end);
      connection.answer = &AnswerTo(head.substr(0, head.find('\r')));
      ++connection.answers_due;
      connection.unread.erase(0, end + 4);
    }
  }

  static void WriteAll(int fd, Connection& connection) {
    while (connection.answers_due > 0) {
      const std::string& answer = *connection.answer;
      const ssize_t count =
          send(fd, answer.data() + connection.sent, answer.size() - connection.sent, MSG_NOSIGNAL);
      if (count < 0) return;
      connection.sent += count;
      if (connection.sent < answer.size()) continue;
      connection.sent = 0;
      --connection.answers_due;
    }
  }

  const int epoll_;
  const int listener_;
  std::vector<Connection> connections_;  // by descriptor
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: origin PORT\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Origin(static_cast<uint16_t>(std::atoi(argv[1]))).Run();
}
