#include "tests/support/wire.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "sidecar/net/dial.h"

namespace naru {
namespace {

constexpr size_t kMostBytes = 64 * 1024 * 1024;

// Longer than tests are patient: a machine that stood still for a second is no fault of naru's. Tests of
// limits set them.
constexpr char kPatient[] = "defaults: {timeout: 30s, try_timeout: off, connect_timeout: 30s}\n";

// Appends what has arrived, at most `bytes`. The end is told once only. Nothing when more may come, else how
// it ended.
std::string TakeArrived(int fd, size_t bytes, std::string& into) {
  char piece[16384];
  while (bytes > 0) {
    const ssize_t got = recv(fd, piece, std::min(bytes, sizeof(piece)), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN ? "" : "[reset]";
    if (got == 0) return "[end]";
    into.append(piece, static_cast<size_t>(got));
    bytes -= static_cast<size_t>(got);
  }
  return "";
}

net::SocketAddress Loopback() {
  net::SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  return address;
}

}  // namespace

LoopbackListener::LoopbackListener() {
  const net::OpenedSocket opened = net::ListenTcp(Loopback(), false);
  if (opened.error != 0) std::abort();
  fd_ = Descriptor(opened.fd);
  port_ = net::PortOf(opened.fd);
}

Wire::Wire(const std::string& policy)
    : world_(std::string(kPatient) +
             "caller: {squad: video, service: video-api}\nservices:\n  courses:\n    squad: learning\n"
             "    endpoints: [127.0.0.1:" +
             std::to_string(listener_.port()) + "]\n" + policy),
      stack_({loop_, {loop_, buffers_, pool_, http2_pool_}, 0, world_.nameless(), observer_, random_, {}}) {}

Wire::~Wire() {
  for (call::DownstreamConnection* connection : connections_) connection->Abort();
  EXPECT_TRUE(Until([this] { return connections_.empty(); }));
  http2_pool_.AbortAll([] {});
  EXPECT_TRUE(Until([this] { return http2_pool_.open() == 0; }));
  EXPECT_EQ(calls_in_progress_, 0);
  for (const auto& shared : world_.snapshot()->callees()) {
    const call::Callee& callee = *shared;
    EXPECT_EQ(callee.other.guards.limit->in_flight(), 0u);
    for (const auto& endpoint : callee.endpoints) EXPECT_EQ(endpoint->estimate.in_flight(), 0u);
  }
}

Descriptor Wire::Connect(Kind kind) {
  Connection connection = kind == Kind::kUnix ? UnixConnection() : TcpConnection();
  auto* downstream = new call::Http1Downstream(*this, connection.ours.Release(),
                                               {.service_port = 0, .unix_socket = kind == Kind::kUnix});
  connections_.insert(downstream);
  downstream->Start();
  return std::move(connection.peers);
}

Descriptor Wire::Accept() {
  int fd = -1;
  auto accepted = [&] {
    if (fd < 0) fd = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    return fd >= 0;
  };
  EXPECT_TRUE(Until(accepted)) << "naru did not connect";
  return Descriptor(fd);
}

bool Wire::SomebodyConnects() {
  Settle();
  return SomebodyWaits();
}

bool Wire::SomebodyWaits() const {
  pollfd ready{listener_.fd(), POLLIN, 0};
  return poll(&ready, 1, 0) == 1;
}

void Wire::Expect(const Descriptor& peer, std::string_view text) {
  EXPECT_EQ(Read(peer, text.size()), text);
}

std::string Wire::Read(const Descriptor& peer, size_t bytes) {
  std::string received;
  std::string end;
  auto complete = [&] {
    if (end.empty()) end = TakeArrived(peer.get(), bytes - received.size(), received);
    return received.size() == bytes || !end.empty();
  };
  EXPECT_TRUE(Until(complete)) << "received only: " << received;
  return received + (received.size() == bytes ? "" : end);
}

std::string Wire::ReadHead(const Descriptor& peer) {
  std::string received;
  std::string end;
  auto complete = [&] {
    while (end.empty() && !received.ends_with("\r\n\r\n")) {
      const size_t before = received.size();
      end = TakeArrived(peer.get(), 1, received);
      if (received.size() == before) break;
    }
    return !end.empty() || received.ends_with("\r\n\r\n");
  };
  EXPECT_TRUE(Until(complete)) << "received only: " << received;
  return received + end;
}

std::string Wire::ReadToEnd(const Descriptor& peer) {
  std::string received;
  std::string end;
  auto ended = [&] {
    if (end.empty()) end = TakeArrived(peer.get(), kMostBytes, received);
    return !end.empty();
  };
  EXPECT_TRUE(Until(ended)) << "received only: " << received;
  return received + end;
}

void Wire::SendInPieces(const Descriptor& peer, std::string_view text, size_t piece_bytes) {
  while (!text.empty()) {
    Send(peer, text.substr(0, piece_bytes));
    text.remove_prefix(std::min(piece_bytes, text.size()));
    Settle();
  }
}

// A few turns of the loop, each of which polls all sockets.
void Wire::Settle() {
  for (int turn = 0; turn < 3; ++turn) {
    loop_.Post([this] { loop_.Post([this] { loop_.Stop(); }); });
    loop_.Run();
  }
}

std::unique_ptr<call::CallBlock> Wire::TakeBlock() {
  if (blocks_.empty()) return std::make_unique<call::CallBlock>();
  std::unique_ptr<call::CallBlock> block = std::move(blocks_.back());
  blocks_.pop_back();
  return block;
}

void Wire::GiveBack(std::unique_ptr<call::CallBlock> block) {
  block->call.Clear();
  blocks_.push_back(std::move(block));
}

void Wire::Gone(call::DownstreamConnection& connection) {
  connections_.erase(&connection);
  delete &connection;
}

void Wire::Continue(call::Http2Takeover takeover) {
  auto* connection = new call::Http2Downstream(*this, std::move(takeover));
  connections_.insert(connection);
  connection->Start();
}

}  // namespace naru
