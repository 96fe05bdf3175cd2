#include "sidecar/net/listener.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "sidecar/net/dial.h"
#include "tests/support/connections.h"
#include "tests/support/run_until.h"

namespace naru::net {
namespace {

SocketAddress Loopback(uint16_t port) {
  SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  address.port = port;
  return address;
}

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    const OpenedSocket opened = ListenTcp(Loopback(0), false);
    ASSERT_EQ(opened.error, 0);
    port_ = PortOf(opened.fd);
    listener_ =
        std::make_unique<Listener>(loop_, opened.fd,
                                   Listener::Callbacks{[this](int fd) { accepted_.emplace_back(fd); },
                                                       [this](int error) { exhausted_.push_back(error); },
                                                       [this] { return accepted_.size() < room_; }});
  }

  void Dial(int times) {
    for (int i = 0; i < times; ++i) {
      const OpenedSocket dialled = StartConnect(Loopback(port_));
      ASSERT_EQ(dialled.error, 0);
      dialled_.emplace_back(dialled.fd);
    }
  }

  EventLoop loop_;
  uint16_t port_ = 0;
  size_t room_ = 1000;
  std::vector<Descriptor> accepted_;
  std::vector<Descriptor> dialled_;
  std::vector<int> exhausted_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, AcceptsEveryConnectionHoweverManyComeAtOnce) {
  Dial(150);
  ASSERT_TRUE(RunUntil(loop_, [&] { return accepted_.size() == 150; }));
  Dial(1);
  ASSERT_TRUE(RunUntil(loop_, [&] { return accepted_.size() == 151; }));
  EXPECT_EQ(exhausted_, std::vector<int>{});
}

TEST_F(ListenerTest, GivesSocketsThatNeverBlock) {
  Dial(1);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !accepted_.empty(); }));
  char byte;
  EXPECT_EQ(recv(accepted_[0].get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(ListenerTest, AcceptsWhatIsEstablishedBeforeItCloses) {
  Dial(3);
  listener_.reset();
  EXPECT_EQ(accepted_.size(), 3u);
  Send(dialled_[2], "not reset");
  EXPECT_EQ(Receive(accepted_[2], 9), "not reset");
}

// Lowers the number of descriptors that may be open to those that are, until destroyed.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const Descriptor next(socket(AF_UNIX, SOCK_STREAM, 0));  // gets the lowest free number
    rlimit lowered = before_;
    lowered.rlim_cur = next.get();
    setrlimit(RLIMIT_NOFILE, &lowered);
  }
  ~NoDescriptorsLeft() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST_F(ListenerTest, PausesWhenNoDescriptorIsLeftAndThenServesWhoWaited) {
  Dial(2);
  {
    const NoDescriptorsLeft lowered;
    ASSERT_TRUE(RunUntil(loop_, [&] { return exhausted_.size() >= 2; }));  // it tried again, and paused again
    EXPECT_EQ(exhausted_, std::vector<int>(exhausted_.size(), EMFILE));
    EXPECT_TRUE(accepted_.empty());
  }
  ASSERT_TRUE(RunUntil(loop_, [&] { return accepted_.size() == 2; }));
}

TEST_F(ListenerTest, PausesWhileNoMoreMayBeAcceptedAndThenServesWhoWaited) {
  room_ = 2;
  Dial(2);
  ASSERT_TRUE(RunUntil(loop_, [&] { return accepted_.size() == 2; }));
  EXPECT_EQ(exhausted_, std::vector<int>{});  // nobody waits
  Dial(2);
  ASSERT_TRUE(RunUntil(loop_, [&] { return exhausted_.size() >= 2; }));  // it tried again, and paused again
  EXPECT_EQ(exhausted_, std::vector<int>(exhausted_.size(), EMFILE));
  EXPECT_EQ(accepted_.size(), 2u);
  room_ = 3;
  ASSERT_TRUE(RunUntil(loop_, [&] { return accepted_.size() == 3; }));
  listener_.reset();  // the last one is established already
  EXPECT_EQ(accepted_.size(), 4u);
}

TEST_F(ListenerTest, MayBeDestroyedWhileItPauses) {
  Dial(1);
  const NoDescriptorsLeft lowered;
  ASSERT_TRUE(RunUntil(loop_, [&] { return !exhausted_.empty(); }));
  listener_.reset();
  bool turned = false;
  loop_.Post([&] { turned = true; });
  ASSERT_TRUE(RunUntil(loop_, [&] { return turned; }));
  EXPECT_TRUE(accepted_.empty());
}

}  // namespace
}  // namespace naru::net
