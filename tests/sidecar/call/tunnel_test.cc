#include "sidecar/call/tunnel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/support/connections.h"
#include "tests/support/run_until.h"

namespace naru::call {
namespace {

using resilience::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

net::Task<void> Relay(Duplex& application, Duplex& upstream, Duration idle_timeout, net::Scheduler& scheduler,
                      std::optional<TunnelTraffic>& traffic) {
  const TunnelTraffic relayed = co_await RelayTunnel(application, upstream, idle_timeout, scheduler);
  traffic = relayed;
}

// A tunnel between two socket pairs; the test holds their far ends.
class TunnelTest : public testing::Test {
 protected:
  void Start(std::string_view from_application = "", std::string_view from_upstream = "",
             Duration idle_timeout = seconds(60)) {
    application_end_.set_already_read(from_application);
    upstream_end_.set_already_read(from_upstream);
    net::Spawn(Relay(application_end_, upstream_end_, idle_timeout, loop_, traffic_));
  }
  std::string Read(const Descriptor& peer, size_t bytes) {
    std::string received;
    auto complete = [&] {
      char piece[65536];
      while (received.size() < bytes) {
        const ssize_t got =
            recv(peer.get(), piece, std::min(sizeof(piece), bytes - received.size()), MSG_DONTWAIT);
        if (got <= 0) break;
        received.append(piece, static_cast<size_t>(got));
      }
      return received.size() == bytes;
    };
    EXPECT_TRUE(RunUntil(loop_, complete));
    return received;
  }
  bool Ended() {
    return RunUntil(loop_, [this] { return traffic_.has_value(); });
  }

  net::EventLoop loop_;
  net::BufferPool buffers_;
  Connection application_ = UnixConnection();
  Connection upstream_ = UnixConnection();
  net::Socket application_socket_{loop_, application_.ours.Release(), net::Socket::State::kConnected};
  net::Socket upstream_socket_{loop_, upstream_.ours.Release(), net::Socket::State::kConnected};
  SocketDuplex application_end_{application_socket_, buffers_};
  SocketDuplex upstream_end_{upstream_socket_, buffers_};
  std::optional<TunnelTraffic> traffic_;
};

TEST_F(TunnelTest, PassesBytesBothWaysAndCountsThem) {
  Start();
  Send(application_.peers, "hello");
  EXPECT_EQ(Read(upstream_.peers, 5), "hello");
  Send(upstream_.peers, "you");
  EXPECT_EQ(Read(application_.peers, 3), "you");
  application_.peers.Close();
  upstream_.peers.Close();
  ASSERT_TRUE(Ended());
  EXPECT_EQ(traffic_->bytes_up, 5u);
  EXPECT_EQ(traffic_->bytes_down, 3u);
}

TEST_F(TunnelTest, BeginsWithWhatWasReadAlready) {
  Start("early up", "early down");
  EXPECT_EQ(Read(upstream_.peers, 8), "early up");
  EXPECT_EQ(Read(application_.peers, 10), "early down");
  application_.peers.Close();
  upstream_.peers.Close();
  ASSERT_TRUE(Ended());
  EXPECT_EQ(traffic_->bytes_up, 8u);
  EXPECT_EQ(traffic_->bytes_down, 10u);
}

TEST_F(TunnelTest, OneSideMayFinishWhileTheOtherGoesOn) {
  Start();
  Send(application_.peers, "question");
  ASSERT_EQ(shutdown(application_.peers.get(), SHUT_WR), 0);
  EXPECT_EQ(Read(upstream_.peers, 8), "question");
  ASSERT_TRUE(RunUntil(loop_, [this] {
    char byte;
    return recv(upstream_.peers.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }));
  EXPECT_FALSE(traffic_);
  Send(upstream_.peers, "answer");
  EXPECT_EQ(Read(application_.peers, 6), "answer");
  ASSERT_EQ(shutdown(upstream_.peers.get(), SHUT_WR), 0);
  ASSERT_TRUE(Ended());
}

TEST_F(TunnelTest, EndsWhenNothingMovesForTheIdleTimeout) {
  Start("", "", milliseconds(30));
  ASSERT_TRUE(Ended());
  EXPECT_EQ(traffic_->bytes_up + traffic_->bytes_down, 0u);
}

TEST_F(TunnelTest, LivesWhileOneSideAloneSpeaks) {
  constexpr Duration kIdle = std::chrono::seconds(2);
  Start("", "", kIdle);
  const net::TimePoint began = loop_.ReadClock();
  size_t sent = 0;
  size_t received = 0;
  ASSERT_TRUE(RunUntil(loop_, [&] {
    if (loop_.ReadClock() - began >= static_cast<int>(sent) * kIdle / 10 && sent < 30) {
      Send(upstream_.peers, "x");
      ++sent;
    }
    char piece[64];
    const ssize_t got = recv(application_.peers.get(), piece, sizeof(piece), MSG_DONTWAIT);
    if (got > 0) received += static_cast<size_t>(got);
    return traffic_ || received == 30;
  }));
  EXPECT_FALSE(traffic_);  // after nearly three times the idle timeout
  ASSERT_TRUE(Ended());
  EXPECT_EQ(traffic_->bytes_down, 30u);
  EXPECT_EQ(traffic_->bytes_up, 0u);
}

TEST_F(TunnelTest, MovesMoreThanTheSocketsHold) {
  Start();
  const std::string piece(100000, 'x');
  size_t received = 0;
  for (int i = 0; i < 30; ++i) {
    Send(application_.peers, piece);
    received += Read(upstream_.peers, piece.size()).size();
  }
  EXPECT_EQ(received, 3000000u);
  application_.peers.Close();
  upstream_.peers.Close();
  ASSERT_TRUE(Ended());
  EXPECT_EQ(traffic_->bytes_up, 3000000u);
}

TEST_F(TunnelTest, EndsWhenItIsCancelled) {
  Start();
  application_socket_.Cancel(net::IoError::kCancelled);
  ASSERT_TRUE(Ended());
}

TEST_F(TunnelTest, EndsWhenOneSideBreaks) {
  Start();
  upstream_.peers.Close();
  Send(application_.peers, "nobody reads this");
  ASSERT_TRUE(Ended());
}

}  // namespace
}  // namespace naru::call
