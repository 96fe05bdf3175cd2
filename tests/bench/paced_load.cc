// Calls at a steady rate, for the latency that a proxy adds.
//
//   paced_load PORT CONNECTIONS RATE SECONDS    GET / on 127.0.0.1:PORT, RATE times a second over all
//   connections; prints "CALLS P50 P99" of all of them, then "P50 P99" of each tenth of a second (us)
//
// Open loop: call k is due at k / RATE and goes out on connection k mod CONNECTIONS, whatever became of the
// calls before it. Latency counts from when a call was due, so a proxy that stalls is charged for all who had
// to wait (no coordinated omission). h2load's --rps is no substitute: it wakes every 10 ms and sends what is
// due since in one burst, so that its percentiles show the queue of the burst. Linux only.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: paced_load\r\n\r\n";
constexpr size_t kBodyBytes = 100;  // of every answer of the origin to "/"
constexpr int kMaxEvents = 64;
constexpr std::chrono::seconds kGrace{2};  // for the last answers
constexpr int64_t kNotAnswered = -1;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Connection {
  int fd = -1;
  bool busy = false;
  std::deque<size_t> calls;  // the one under way, and those behind it
  std::string answer;
};

class PacedLoad {
 public:
  PacedLoad(uint16_t port, size_t connections, double rate, double seconds)
      : epoll_(epoll_create1(0)),
        interval_(1e9 / rate),
        calls_(static_cast<size_t>(rate * seconds)),
        connections_(connections),
        took_(calls_, kNotAnswered) {
    for (size_t i = 0; i < connections; ++i) Connect(i, port);
  }

  // Nanoseconds that each call took, in the order in which they were due.
  std::vector<int64_t> Run() {
    begin_ = Clock::now();
    const Clock::time_point end = Due(calls_) + kGrace;
    epoll_event events[kMaxEvents];
    while (answered_ < calls_ && Clock::now() < end) {
      const timespec wait = UntilNextDue(end);
      const int count = epoll_pwait2(epoll_, events, kMaxEvents, &wait, nullptr);
      if (count < 0 && errno != EINTR) Die("epoll_pwait2");
      for (int i = 0; i < count; ++i) Receive(connections_[events[i].data.u64]);
      for (; next_ < calls_ && Due(next_) <= Clock::now(); ++next_) {
        Connection& connection = connections_[next_ % connections_.size()];
        connection.calls.push_back(next_);
        if (!connection.busy) Send(connection);
      }
    }
    return std::move(took_);
  }

 private:
  void Connect(size_t index, uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("connect");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[index].fd = fd;
  }

  Clock::time_point Due(size_t call) const {
    return begin_ + std::chrono::nanoseconds(static_cast<int64_t>(interval_ * static_cast<double>(call)));
  }

  timespec UntilNextDue(Clock::time_point end) const {
    const Clock::time_point next = next_ < calls_ ? Due(next_) : end;
    const int64_t left = std::max<int64_t>(0, std::chrono::nanoseconds(next - Clock::now()).count());
    return {left / 1'000'000'000, left % 1'000'000'000};
  }

  static void Send(Connection& connection) {
    connection.busy = true;
    if (send(connection.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(kRequest.size()))
      Die("send");
  }

  void Receive(Connection& connection) {
    char buffer[4096];
    const ssize_t count = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) Die("paced_load: the connection ended");
    connection.answer.append(buffer, static_cast<size_t>(count));
    const size_t head_end = connection.answer.find("\r\n\r\n");
    if (head_end == std::string::npos || connection.answer.size() < head_end + 4 + kBodyBytes) return;
    if (!connection.answer.starts_with("HTTP/1.1 200 ")) {
      std::fprintf(stderr, "paced_load: answered\n%s\n", connection.answer.c_str());
      std::exit(1);
    }
    const size_t call = connection.calls.front();
    took_[call] = std::chrono::nanoseconds(Clock::now() - Due(call)).count();
    ++answered_;
    connection.calls.pop_front();
    connection.answer.clear();
    connection.busy = false;
    if (!connection.calls.empty()) Send(connection);
  }

  const int epoll_;
  const double interval_;  // nanoseconds
  const size_t calls_;
  size_t next_ = 0;
  size_t answered_ = 0;
  Clock::time_point begin_;
  std::vector<Connection> connections_;
  std::vector<int64_t> took_;
};

struct Latency {
  size_t calls = 0;
  double p50 = 0;  // microseconds
  double p99 = 0;
};

Latency LatencyOf(std::span<const int64_t> took) {
  std::vector<int64_t> sorted;
  std::copy_if(took.begin(), took.end(), std::back_inserter(sorted),
               [](int64_t nanoseconds) { return nanoseconds != kNotAnswered; });
  if (sorted.empty()) return {};
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&sorted](double share) {
    const auto index = static_cast<size_t>(share * static_cast<double>(sorted.size() - 1));
    return static_cast<double>(sorted[index]) / 1000;
  };
  return {sorted.size(), at(0.50), at(0.99)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: paced_load PORT CONNECTIONS RATE SECONDS\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);  // or the kernel is up to 50 us late
  const double rate = std::atof(argv[3]);
  PacedLoad load(static_cast<uint16_t>(std::atoi(argv[1])), static_cast<size_t>(std::atoi(argv[2])), rate,
                 std::atof(argv[4]));
  const std::vector<int64_t> took = load.Run();
  const Latency all = LatencyOf(took);
  if (all.calls == 0) {
    std::fprintf(stderr, "paced_load: no call was answered\n");
    return 1;
  }
  std::printf("%zu %.1f %.1f\n", all.calls, all.p50, all.p99);
  const size_t tenth = std::max<size_t>(1, static_cast<size_t>(rate / 10));
  for (size_t begin = 0; begin + tenth <= took.size(); begin += tenth) {
    const Latency part = LatencyOf(std::span(took).subspan(begin, tenth));
    if (part.calls > 0) std::printf("%.1f %.1f\n", part.p50, part.p99);
  }
}
