#include "sidecar/call/upstream_pool.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>

#include "tests/support/wire.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Connections to the wire's listener, used without any call.
class UpstreamPoolTest : public testing::Test {
 protected:
  struct Pair {
    std::unique_ptr<UpstreamConnection> ours;
    Descriptor upstream;
  };
  Pair Connect() {
    int error = 0;
    Pair pair{pool_.Connect(endpoint_, error), Descriptor()};
    EXPECT_EQ(error, 0);
    pair.upstream = wire_.Accept();
    wire_.Settle();
    return pair;
  }
  void WaitFor(Duration duration) {
    const net::TimePoint until = wire_.loop().ReadClock() + duration;
    ASSERT_TRUE(wire_.Until([&] { return wire_.loop().now() >= until; }));
  }

  Wire wire_;
  UpstreamPool pool_{wire_.loop()};
  const std::shared_ptr<EndpointState> endpoint_ = wire_.world().callee().endpoints[0];
};

TEST_F(UpstreamPoolTest, GivesBackTheConnectionThatWasPutInLast) {
  Pair first = Connect();
  Pair second = Connect();
  const UpstreamConnection* last = second.ours.get();
  EXPECT_EQ(pool_.open(), 2u);
  pool_.PutIdle(std::move(first.ours));
  pool_.PutIdle(std::move(second.ours));
  const std::unique_ptr<UpstreamConnection> taken = pool_.TakeIdle(*endpoint_);
  EXPECT_EQ(taken.get(), last);
  EXPECT_TRUE(taken->reused);
  EXPECT_EQ(pool_.open(), 2u);
}

TEST_F(UpstreamPoolTest, HasNothingForAnEndpointThatNobodyConnectedTo) {
  EXPECT_EQ(pool_.TakeIdle(*endpoint_), nullptr);
}

TEST_F(UpstreamPoolTest, ClosesAnIdleConnectionWhosePeerHasClosed) {
  Pair pair = Connect();
  pool_.PutIdle(std::move(pair.ours));
  pair.upstream.Close();
  ASSERT_TRUE(wire_.Until([&] { return pool_.open() == 0; }));
  EXPECT_EQ(pool_.TakeIdle(*endpoint_), nullptr);
}

TEST_F(UpstreamPoolTest, NoticesRightBeforeReuseThatThePeerHasClosed) {
  Pair pair = Connect();
  pool_.PutIdle(std::move(pair.ours));
  WaitFor(milliseconds(30));
  // The loop has not run since: only the kernel knows.
  pair.upstream.Close();
  EXPECT_EQ(pool_.TakeIdle(*endpoint_), nullptr);
  EXPECT_EQ(pool_.open(), 0u);
}

TEST_F(UpstreamPoolTest, LearnsFromACloseHowLongThePeerIsPatient) {
  Pair pair = Connect();
  EXPECT_EQ(endpoint_->idle_limit.Current(wire_.loop().now()), seconds(3));
  pool_.PutIdle(std::move(pair.ours));
  WaitFor(milliseconds(100));
  pair.upstream.Close();
  ASSERT_TRUE(wire_.Until([&] { return pool_.open() == 0; }));
  const Duration learnt = endpoint_->idle_limit.Current(wire_.loop().now());
  EXPECT_GE(learnt, milliseconds(80));
  EXPECT_LT(learnt, seconds(3));
}

TEST_F(UpstreamPoolTest, DoesNotReuseAConnectionOnWhichThePeerHasSpokenUnasked) {
  Pair pair = Connect();
  pool_.PutIdle(std::move(pair.ours));
  Send(pair.upstream, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  wire_.Settle();
  EXPECT_EQ(pool_.TakeIdle(*endpoint_), nullptr);
  EXPECT_EQ(pool_.open(), 0u);
}

TEST_F(UpstreamPoolTest, NoticesUnaskedBytesThatTheLoopHasNotSeen) {
  Pair pair = Connect();
  pool_.PutIdle(std::move(pair.ours));
  WaitFor(milliseconds(30));
  Send(pair.upstream, "x");
  EXPECT_EQ(pool_.TakeIdle(*endpoint_), nullptr);
}

TEST_F(UpstreamPoolTest, TakesNoConnectionBackThatIsNoLongerQuiet) {
  Pair pair = Connect();
  Send(pair.upstream, "x");
  wire_.Settle();
  pool_.PutIdle(std::move(pair.ours));
  EXPECT_EQ(pool_.open(), 0u);
}

TEST_F(UpstreamPoolTest, ClosesConnectionsThatHaveBeenIdleForTheLimit) {
  endpoint_->idle_limit.ObserveAnnounced(milliseconds(60));  // half of it is the margin
  Pair pair = Connect();
  pool_.PutIdle(std::move(pair.ours));
  ASSERT_TRUE(wire_.Until([&] { return pool_.open() == 0; }));
  EXPECT_EQ(wire_.ReadToEnd(pair.upstream), "[end]");
}

TEST(UpstreamPool, LearnsFromWhatThePeerAnnounces) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "GET / HTTP/1.1\r\nhost: courses\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=20, max=9\r\ncontent-length: 0\r\n\r\n");
  wire.Expect(application, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(wire.world().callee().endpoints[0]->idle_limit.Current(wire.loop().now()), seconds(19));
}

TEST_F(UpstreamPoolTest, ClosesEverythingWhenItGoes) {
  Descriptor upstream;
  {
    UpstreamPool pool(wire_.loop());
    int error = 0;
    std::unique_ptr<UpstreamConnection> connection = pool.Connect(endpoint_, error);
    upstream = wire_.Accept();
    wire_.Settle();
    pool.PutIdle(std::move(connection));
  }
  EXPECT_EQ(Receive(upstream, 1), "");
}

}  // namespace
}  // namespace naru::call
