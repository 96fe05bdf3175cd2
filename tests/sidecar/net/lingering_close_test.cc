#include "sidecar/net/lingering_close.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/connections.h"
#include "tests/support/run_until.h"

namespace naru::net {
namespace {

class LingeringCloseTest : public testing::Test {
 protected:
  void Begin(std::chrono::milliseconds limit) { Spawn(Run(limit)); }
  bool Ended() {
    return RunUntil(loop_, [this] { return ended_; });
  }

  EventLoop loop_;
  BufferPool buffers_;
  Connection connection_ = TcpConnection();
  Socket socket_{loop_, connection_.ours.Release(), Socket::State::kConnected};
  bool ended_ = false;

 private:
  Task<void> Run(std::chrono::milliseconds limit) {
    co_await LingeringClose(socket_, buffers_, limit);
    ended_ = true;
  }
};

TEST_F(LingeringCloseTest, ReadsUntilThePeerHasFinished) {
  Send(connection_.peers, std::string(100'000, 'x'));
  Begin(std::chrono::hours(1));
  EXPECT_EQ(Receive(connection_.peers, 1), "");  // the FIN has come
  Send(connection_.peers, "more");
  EXPECT_FALSE(ended_);
  connection_.peers.Close();
  EXPECT_TRUE(Ended());
}

TEST_F(LingeringCloseTest, WaitsNoLongerThanItsLimit) {
  Begin(std::chrono::milliseconds(1));
  EXPECT_TRUE(Ended());
}

TEST_F(LingeringCloseTest, HasNothingToWaitForOnABrokenConnection) {
  ResetAndClose(connection_.peers);
  ASSERT_TRUE(RunUntil(loop_, [this] { return socket_.broken(); }));
  Begin(std::chrono::hours(1));
  EXPECT_TRUE(ended_);
}

}  // namespace
}  // namespace naru::net
