#include "sidecar/net/peer_state.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "sidecar/net/dial.h"
#include "tests/support/connections.h"

namespace naru::net {
namespace {

// The kernel says nothing where netlink is not allowed, such as in some containers.
#define SKIP_WITHOUT_ANSWERS(connection)                           \
  if (StateOfPeer((connection).ours.get()) == PeerState::kUnknown) \
  GTEST_SKIP() << "no socket diagnostics here"

TEST(PeerState, IsOpenWhileAProcessHoldsTheOtherEnd) {
  Connection connection = TcpConnection();
  SKIP_WITHOUT_ANSWERS(connection);
  EXPECT_EQ(StateOfPeer(connection.ours.get()), PeerState::kOpen);
}

TEST(PeerState, IsOpenWhenThePeerHasOnlyFinishedSending) {
  Connection connection = TcpConnection();
  SKIP_WITHOUT_ANSWERS(connection);
  shutdown(connection.peers.get(), SHUT_WR);
  EXPECT_EQ(StateOfPeer(connection.ours.get()), PeerState::kOpen);
}

TEST(PeerState, IsGoneWhenThePeerWasClosed) {
  Connection connection = TcpConnection();
  SKIP_WITHOUT_ANSWERS(connection);
  connection.peers.Close();
  EXPECT_EQ(StateOfPeer(connection.ours.get()), PeerState::kGone);
}

TEST(PeerState, IsUnknownForWhatIsNoTcpConnection) {
  Connection connection = UnixConnection();
  EXPECT_EQ(StateOfPeer(connection.ours.get()), PeerState::kUnknown);
  EXPECT_EQ(StateOfPeer(-1), PeerState::kUnknown);
}

TEST(DescribePeer, NamesTheAddressOrTheProcess) {
  const Connection tcp = TcpConnection();
  EXPECT_EQ(DescribePeer(tcp.ours.get()), "127.0.0.1:" + std::to_string(PortOf(tcp.peers.get())));
  const Connection local = UnixConnection();
  EXPECT_EQ(DescribePeer(local.ours.get()), "unix, process " + std::to_string(getpid()));
}

TEST(DescribePeer, IsEmptyOfWhatIsNotConnected) {
  EXPECT_EQ(DescribePeer(-1), "");
}

}  // namespace
}  // namespace naru::net
