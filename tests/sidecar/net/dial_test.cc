#include "sidecar/net/dial.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/support/connections.h"
#include "tests/support/temporary_directory.h"

namespace naru::net {
namespace {

SocketAddress V4Loopback(uint16_t port) {
  SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  address.port = port;
  return address;
}

SocketAddress V6Loopback(uint16_t port) {
  SocketAddress address;
  address.ip[15] = 1;
  address.port = port;
  return address;
}

int OptionOf(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  getsockopt(fd, level, name, &value, &size);
  return value;
}

Descriptor AcceptFrom(int listener) {
  fcntl(listener, F_SETFL, 0);  // wait for it
  return Descriptor(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

TEST(Dial, ConnectsWithoutNagleAndWithoutBlocking) {
  const OpenedSocket listening = ListenTcp(V4Loopback(0), false);
  ASSERT_EQ(listening.error, 0);
  const Descriptor listener(listening.fd);
  const uint16_t port = PortOf(listener.get());
  EXPECT_NE(port, 0);
  const OpenedSocket dialled = StartConnect(V4Loopback(port));
  ASSERT_EQ(dialled.error, 0);
  const Descriptor connection(dialled.fd);
  EXPECT_EQ(OptionOf(connection.get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_TRUE(fcntl(connection.get(), F_GETFL) & O_NONBLOCK);
  EXPECT_TRUE(fcntl(connection.get(), F_GETFD) & FD_CLOEXEC);
  const Descriptor accepted = AcceptFrom(listener.get());
  EXPECT_EQ(OptionOf(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);  // inherited
}

TEST(Dial, ConnectsOverIpv6) {
  const OpenedSocket listening = ListenTcp(V6Loopback(0), false);
  if (listening.error == EADDRNOTAVAIL || listening.error == EAFNOSUPPORT) GTEST_SKIP() << "no IPv6 here";
  ASSERT_EQ(listening.error, 0);
  const Descriptor listener(listening.fd);
  const OpenedSocket dialled = StartConnect(V6Loopback(PortOf(listener.get())));
  ASSERT_EQ(dialled.error, 0);
  const Descriptor connection(dialled.fd);
  EXPECT_GE(AcceptFrom(listener.get()).get(), 0);
}

TEST(Dial, ListensTwiceOnOnePortOnlyWhenShared) {
  const OpenedSocket first = ListenTcp(V4Loopback(0), true);
  ASSERT_EQ(first.error, 0);
  const Descriptor closes_first(first.fd);
  const uint16_t port = PortOf(first.fd);
  const OpenedSocket alone = ListenTcp(V4Loopback(port), false);
  EXPECT_EQ(alone.fd, -1);
  EXPECT_EQ(alone.error, EADDRINUSE);
  const OpenedSocket second = ListenTcp(V4Loopback(port), true);
  EXPECT_EQ(second.error, 0);
  const Descriptor closes_second(second.fd);
  EXPECT_EQ(PortOf(second.fd), port);
}

TEST(Dial, SaysWhyItCannotListen) {
  SocketAddress foreign = V4Loopback(0);
  foreign.ip[12] = 192;  // 192.0.2.1 is for documentation (RFC 5737): nobody's
  foreign.ip[13] = 0;
  foreign.ip[14] = 2;
  const OpenedSocket opened = ListenTcp(foreign, false);
  EXPECT_EQ(opened.fd, -1);
  EXPECT_EQ(opened.error, EADDRNOTAVAIL);
}

class UnixListenTest : public testing::Test {
 protected:
  bool Connects() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const Descriptor dialled(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return connect(dialled.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.File("socket");
};

TEST_F(UnixListenTest, Listens) {
  const OpenedSocket opened = ListenUnix(path_);
  ASSERT_EQ(opened.error, 0);
  const Descriptor listener(opened.fd);
  EXPECT_TRUE(Connects());
  EXPECT_EQ(PortOf(listener.get()), 0);
}

TEST_F(UnixListenTest, ReplacesASocketThatNobodyListensOn) {
  Descriptor(ListenUnix(path_).fd).Close();
  EXPECT_FALSE(Connects());
  const OpenedSocket again = ListenUnix(path_);
  ASSERT_EQ(again.error, 0);
  const Descriptor listener(again.fd);
  EXPECT_TRUE(Connects());
}

TEST_F(UnixListenTest, LeavesASocketThatSomebodyListensOn) {
  const Descriptor listener(ListenUnix(path_).fd);
  EXPECT_EQ(ListenUnix(path_).error, EADDRINUSE);
  EXPECT_TRUE(Connects());
}

TEST_F(UnixListenTest, LeavesABusySocketWhoseQueueIsFull) {
  const Descriptor listener(ListenUnix(path_).fd);
  listen(listener.get(), 0);
  std::vector<Descriptor> waiting;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  int refused = 0;
  while (refused == 0 && waiting.size() < 100) {
    waiting.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    refused = connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  ASSERT_NE(refused, 0);
  EXPECT_EQ(ListenUnix(path_).error, EADDRINUSE);  // at once, without waiting for room
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixListenTest, LeavesASocketAloneWhenItCannotAskWhoListens) {
  const Descriptor listener(ListenUnix(path_).fd);
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lowered = before;
  lowered.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &lowered);
  const OpenedSocket opened = ListenUnix(path_);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(opened.error, EMFILE);
  EXPECT_TRUE(Connects());
}

TEST_F(UnixListenTest, LeavesAFileThatIsNoSocket) {
  Descriptor(open(path_.c_str(), O_CREAT | O_WRONLY, 0600)).Close();
  EXPECT_EQ(ListenUnix(path_).error, EADDRINUSE);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UnixListenTest, SaysWhyItCannotListen) {
  EXPECT_EQ(ListenUnix(directory_.File(std::string(200, 'x'))).error, ENAMETOOLONG);
  EXPECT_EQ(ListenUnix(directory_.File("missing/socket")).error, ENOENT);
}

TEST(DescriptorLimit, IsRaisedToTheHardOne) {
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &lowered);
  EXPECT_EQ(RaiseDescriptorLimit(), before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace naru::net
