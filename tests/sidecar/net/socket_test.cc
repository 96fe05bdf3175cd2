#include "sidecar/net/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/net/dial.h"
#include "sidecar/net/task.h"
#include "tests/support/connections.h"
#include "tests/support/reserved_port.h"
#include "tests/support/run_until.h"

namespace naru::net {
namespace {

using Log = std::vector<std::string>;

const char* Word(IoError error) {
  switch (error) {
    case IoError::kNone:
      return "ok";
    case IoError::kEof:
      return "eof";
    case IoError::kReset:
      return "reset";
    case IoError::kRefused:
      return "refused";
    case IoError::kTimeout:
      return "timeout";
    case IoError::kCancelled:
      return "cancelled";
  }
  return "?";
}

// Reads pieces of at most `bytes` until a failure, which it writes down too.
Task<void> ReadAll(Socket& socket, size_t bytes, Log& log) {
  std::vector<char> buffer(bytes);
  while (true) {
    const IoResult result = co_await socket.Read(buffer);
    if (!result.ok()) {
      log.push_back(Word(result.error));
      co_return;
    }
    log.emplace_back(buffer.data(), result.bytes);
  }
}

Task<void> ReadOnce(Socket& socket, Log& log) {
  char buffer[100];
  const IoResult result = co_await socket.Read(buffer);
  log.push_back(result.ok() ? std::string(buffer, result.bytes) : Word(result.error));
}

Task<void> WaitReadable(Socket& socket, Log& log) {
  const IoResult result = co_await socket.WaitReadable();
  log.push_back(std::string("readable: ") + Word(result.error));
}

Task<void> WriteAll(Socket& socket, std::vector<std::string> pieces, Log& log) {
  std::vector<iovec> parts;
  for (std::string& piece : pieces) parts.push_back({piece.data(), piece.size()});
  const IoResult result = co_await socket.Write(parts);
  log.push_back("wrote " + std::to_string(result.bytes) + ": " + Word(result.error));
}

Task<void> Connect(Socket& socket, Log& log) {
  const IoResult result = co_await socket.WaitConnected();
  log.push_back(std::string("connected: ") + Word(result.error));
}

class SocketTest : public testing::TestWithParam<Connection (*)()> {
 protected:
  bool RunUntilLogged(size_t entries) {
    return RunUntil(loop_, [&] { return log_.size() >= entries; });
  }
  // Lets everything happen that can: two turns of the loop.
  void Settle() {
    for (int i = 0; i < 2; ++i) {
      bool turned = false;
      loop_.Post([&] { turned = true; });
      ASSERT_TRUE(RunUntil(loop_, [&] { return turned; }));
    }
  }

  Connection connection_ = GetParam()();
  Descriptor& peer_ = connection_.peers;
  EventLoop loop_;
  Socket socket_{loop_, connection_.ours.Release(), Socket::State::kConnected};
  Log log_;
};

INSTANTIATE_TEST_SUITE_P(Over, SocketTest, testing::Values(&UnixConnection, &TcpConnection),
                         [](const auto& info) { return info.index == 0 ? "Unix" : "Tcp"; });

TEST_P(SocketTest, ReadsWhatComes) {
  Spawn(ReadAll(socket_, 100, log_));
  Settle();
  EXPECT_EQ(log_, Log{});
  Send(peer_, "abc");
  ASSERT_TRUE(RunUntilLogged(1));
  Send(peer_, "de");
  ASSERT_TRUE(RunUntilLogged(2));
  peer_.Close();
  ASSERT_TRUE(RunUntilLogged(3));
  EXPECT_EQ(log_, (Log{"abc", "de", "eof"}));
}

TEST_P(SocketTest, ReadsWhatCameBeforeItExisted) {
  Connection other = GetParam()();
  Send(other.peers, "early");
  Socket late(loop_, other.ours.Release(), Socket::State::kConnected);
  Spawn(ReadOnce(late, log_));
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_EQ(log_, Log{"early"});
}

TEST_P(SocketTest, ReadsMoreThanOneBufferOutOfOneEvent) {
  Send(peer_, "0123456789");
  peer_.Close();
  Spawn(ReadAll(socket_, 4, log_));
  ASSERT_TRUE(RunUntilLogged(4));
  EXPECT_EQ(log_, (Log{"0123", "4567", "89", "eof"}));
}

TEST_P(SocketTest, FindsTheEndBehindAReadThatFilledItsBuffer) {
  Spawn(ReadAll(socket_, 4, log_));
  Send(peer_, "0123");
  ASSERT_TRUE(RunUntilLogged(1));
  Settle();
  peer_.Close();
  ASSERT_TRUE(RunUntilLogged(2));
  EXPECT_EQ(log_, (Log{"0123", "eof"}));
}

TEST_P(SocketTest, WritesToAPeerThatHasFinishedSending) {
  Spawn(ReadAll(socket_, 100, log_));
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_TRUE(socket_.peer_finished());
  EXPECT_FALSE(socket_.broken());
  Spawn(WriteAll(socket_, {"answer"}, log_));
  ASSERT_TRUE(RunUntilLogged(2));
  EXPECT_EQ(log_, (Log{"eof", "wrote 6: ok"}));
  EXPECT_EQ(Receive(peer_, 6), "answer");
}

TEST_P(SocketTest, FinishesSendingAndGoesOnReading) {
  socket_.FinishSending();
  EXPECT_EQ(Receive(peer_, 1), "");
  Spawn(ReadOnce(socket_, log_));
  Send(peer_, "answer");
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_EQ(log_, Log{"answer"});
}

TEST_P(SocketTest, WritesManyPartsInOrderWhileThePeerIsSlow) {
  const int small = 4096;
  setsockopt(socket_.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  std::vector<std::string> pieces;
  std::string whole;
  for (size_t i = 0; i < 3000; ++i) {  // more than one system call takes
    pieces.emplace_back(i * 7 % 1000, static_cast<char>('a' + i % 26));
    whole += pieces.back();
  }
  Spawn(WriteAll(socket_, pieces, log_));
  Settle();
  EXPECT_EQ(log_, Log{});  // it waits for the peer
  std::string received;
  const auto take = [&] {
    char buffer[5000];
    ssize_t got;
    while ((got = recv(peer_.get(), buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) received.append(buffer, got);
    return received.size() == whole.size() && !log_.empty();
  };
  ASSERT_TRUE(RunUntil(loop_, take));
  EXPECT_EQ(log_, Log{"wrote " + std::to_string(whole.size()) + ": ok"});
  EXPECT_TRUE(received == whole);
}

TEST_P(SocketTest, WritesNothingAtOnce) {
  Spawn(WriteAll(socket_, {}, log_));
  Spawn(WriteAll(socket_, {"", ""}, log_));
  Spawn(WriteAll(socket_, {""}, log_));
  Spawn(WriteAll(socket_, {"", "a", ""}, log_));
  EXPECT_EQ(log_, (Log{"wrote 0: ok", "wrote 0: ok", "wrote 0: ok", "wrote 1: ok"}));
}

TEST_P(SocketTest, ReportsThatNobodyReadsAnyMore) {
  peer_.Close();
  Settle();
  for (int i = 0; i < 2; ++i) Spawn(WriteAll(socket_, {"x"}, log_));
  // TCP takes the first piece before the peer can say that it has gone.
  ASSERT_TRUE(RunUntilLogged(2));
  Settle();
  Spawn(WriteAll(socket_, {"x"}, log_));
  EXPECT_EQ(log_.back(), "wrote 0: reset");
}

TEST_P(SocketTest, EndsAWriteThatWaitsWhenThePeerGoes) {
  Spawn(WriteAll(socket_, {std::string(16 << 20, 'x')}, log_));
  Settle();
  EXPECT_EQ(log_, Log{});
  ResetAndClose(peer_);
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_TRUE(log_[0].ends_with(": reset")) << log_[0];
  EXPECT_FALSE(log_[0].starts_with("wrote 0:")) << log_[0];
}

TEST_P(SocketTest, CancelEndsBothWaitsFromTheLoopAndEverythingAfter) {
  Spawn(ReadAll(socket_, 100, log_));
  Spawn(WriteAll(socket_, {std::string(16 << 20, 'x')}, log_));
  Settle();
  socket_.Cancel(IoError::kTimeout);
  EXPECT_EQ(log_, Log{});  // not inside the call
  ASSERT_TRUE(RunUntilLogged(2));
  EXPECT_EQ(log_[0], "timeout");
  EXPECT_TRUE(log_[1].ends_with(": timeout")) << log_[1];
  socket_.Cancel(IoError::kCancelled);  // the first reason stays
  Spawn(ReadAll(socket_, 100, log_));
  Spawn(WriteAll(socket_, {"x"}, log_));
  Spawn(WaitReadable(socket_, log_));
  EXPECT_EQ((Log{log_.begin() + 2, log_.end()}), (Log{"timeout", "wrote 0: timeout", "readable: timeout"}));
}

TEST_P(SocketTest, CancelReadEndsTheReadThatWaitsAndNoOther) {
  socket_.CancelRead(IoError::kTimeout);  // nobody waits
  Spawn(ReadOnce(socket_, log_));
  Settle();
  socket_.CancelRead(IoError::kTimeout);
  ASSERT_TRUE(RunUntilLogged(1));
  Send(peer_, "later");
  Spawn(ReadOnce(socket_, log_));
  ASSERT_TRUE(RunUntilLogged(2));
  EXPECT_EQ(log_, (Log{"timeout", "later"}));
}

TEST_P(SocketTest, BytesThatComeTogetherWithACancelAreNotLost) {
  Spawn(ReadOnce(socket_, log_));
  Settle();
  Send(peer_, "kept");
  socket_.CancelRead(IoError::kTimeout);
  ASSERT_TRUE(RunUntilLogged(1));
  Spawn(ReadOnce(socket_, log_));
  ASSERT_TRUE(RunUntilLogged(2));
  EXPECT_EQ(log_, (Log{"timeout", "kept"}));
}

TEST_P(SocketTest, WaitsUntilReadableWithoutReading) {
  Spawn(WaitReadable(socket_, log_));
  Settle();
  EXPECT_EQ(log_, Log{});
  Send(peer_, "abc");
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_TRUE(socket_.readable());
  Spawn(ReadOnce(socket_, log_));
  EXPECT_EQ(log_, (Log{"readable: ok", "abc"}));
  EXPECT_FALSE(socket_.readable());
}

TEST_P(SocketTest, IsReadableAtTheEnd) {
  Spawn(WaitReadable(socket_, log_));
  peer_.Close();
  ASSERT_TRUE(RunUntilLogged(1));
  Spawn(ReadOnce(socket_, log_));
  EXPECT_EQ(log_, (Log{"readable: ok", "eof"}));
}

TEST_P(SocketTest, ABusySocketLetsTheOthersHaveTheirTurn) {
  Connection other = GetParam()();
  Socket quiet(loop_, other.ours.Release(), Socket::State::kConnected);
  Log quiet_log;
  Send(peer_, std::string(1000, 'x'));
  Spawn(ReadAll(socket_, 1, log_));
  Send(other.peers, "y");
  Spawn(ReadOnce(quiet, quiet_log));
  size_t reads_before = 0;
  ASSERT_TRUE(RunUntil(loop_, [&] {
    if (quiet_log.empty()) reads_before = log_.size();
    return log_.size() == 1000;
  }));
  EXPECT_EQ(quiet_log, Log{"y"});
  EXPECT_LT(reads_before, 200u);
  peer_.Close();
  ASSERT_TRUE(RunUntilLogged(1001));
}

TEST_P(SocketTest, TellsTheHookThatThePeerHasFinished) {
  int told = 0;
  socket_.set_peer_finished_hook([](void* count) { ++*static_cast<int*>(count); }, &told);
  Send(peer_, "abc");
  Settle();
  EXPECT_EQ(told, 0);
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(RunUntil(loop_, [&] { return told > 0; }));
  EXPECT_TRUE(socket_.peer_finished());
  const int before = told;
  socket_.set_peer_finished_hook(nullptr, nullptr);
  peer_.Close();
  Settle();
  EXPECT_EQ(told, before);
  Spawn(ReadAll(socket_, 100, log_));  // what came before the end is still there
  EXPECT_EQ(log_, (Log{"abc", "eof"}));
}

TEST_P(SocketTest, IsQuietWhileThereIsNothingToReadNotEvenTheEnd) {
  EXPECT_TRUE(socket_.QuietNow());
  Send(peer_, "x");
  EXPECT_FALSE(socket_.QuietNow());
  Spawn(ReadOnce(socket_, log_));
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_TRUE(socket_.QuietNow());
  peer_.Close();
  EXPECT_FALSE(socket_.QuietNow());
}

Task<void> OwnAndRead(std::unique_ptr<Socket> socket, Log& log) {
  char buffer[100];
  IoResult result = co_await socket->Read(buffer);
  while (result.ok()) result = co_await socket->Read(buffer);
  socket.reset();
  log.push_back(std::string("destroyed: ") + Word(result.error));
}

TEST_P(SocketTest, MayBeDestroyedByTheReaderThatItResumes) {
  Connection other = GetParam()();
  auto socket = std::make_unique<Socket>(loop_, other.ours.Release(), Socket::State::kConnected);
  Spawn(OwnAndRead(std::move(socket), log_));
  Settle();
  Send(other.peers, "x");
  other.peers.Close();
  ASSERT_TRUE(RunUntilLogged(1));
  EXPECT_EQ(log_, Log{"destroyed: eof"});
}

class TcpSocketTest : public testing::Test {
 protected:
  Connection connection_ = TcpConnection();
  Descriptor& peer_ = connection_.peers;
  EventLoop loop_;
  Log log_;
};

TEST_F(TcpSocketTest, TellsAResetFromAnEnd) {
  Socket socket(loop_, connection_.ours.Release(), Socket::State::kConnected);
  Spawn(ReadAll(socket, 100, log_));
  ResetAndClose(peer_);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !log_.empty(); }));
  EXPECT_EQ(log_, Log{"reset"});
  EXPECT_TRUE(socket.broken());
}

// The kernel reports a reset once. When a writer hears of it first, the reader must not see an orderly end: a
// body that lasts until the close would count as complete.
TEST_F(TcpSocketTest, TellsTheReaderOfAResetThatTheWriterHeardOf) {
  Socket socket(loop_, connection_.ours.Release(), Socket::State::kConnected);
  Send(peer_, "half an ans");
  ResetAndClose(peer_);
  Spawn(WriteAll(socket, {"more of the request"}, log_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return socket.broken(); }));
  Spawn(ReadAll(socket, 100, log_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return log_.back() == "reset"; }));
  EXPECT_EQ(log_.front(), "wrote 0: reset");
  EXPECT_EQ(log_.back(), "reset");
}

// It finished its answer, then went away without reading the rest of the request.
TEST_F(TcpSocketTest, KeepsTheEndThatCameBeforeAReset) {
  Socket socket(loop_, connection_.ours.Release(), Socket::State::kConnected);
  Send(peer_, "answer");
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(RunUntil(loop_, [&] { return socket.peer_finished(); }));
  ResetAndClose(peer_);
  Spawn(WriteAll(socket, {"more of the request"}, log_));
  Spawn(ReadAll(socket, 100, log_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return log_.size() == 3; }));
  EXPECT_EQ(log_, (Log{"wrote 0: reset", "answer", "eof"}));
}

TEST_F(TcpSocketTest, MakesItsCloseAReset) {
  auto socket = std::make_unique<Socket>(loop_, connection_.ours.Release(), Socket::State::kConnected);
  socket->ResetOnClose();
  socket.reset();
  char byte;
  EXPECT_EQ(recv(peer_.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

SocketAddress Loopback(uint16_t port) {
  SocketAddress address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  address.port = port;
  return address;
}

TEST_F(TcpSocketTest, WaitsUntilItIsConnected) {
  const OpenedSocket listener = ListenTcp(Loopback(0), false);
  ASSERT_EQ(listener.error, 0);
  const Descriptor closes_it(listener.fd);
  const OpenedSocket dialled = StartConnect(Loopback(PortOf(listener.fd)));
  ASSERT_EQ(dialled.error, 0);
  Socket socket(loop_, dialled.fd, Socket::State::kConnecting);
  Spawn(Connect(socket, log_));
  Spawn(ReadOnce(socket, log_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return !log_.empty(); }));
  EXPECT_EQ(log_, Log{"connected: ok"});
  EXPECT_EQ(socket.ConnectError(), IoError::kNone);
  socket.Cancel(IoError::kCancelled);
  ASSERT_TRUE(RunUntil(loop_, [&] { return log_.size() == 2; }));
}

TEST_F(TcpSocketTest, SaysWhyItIsNotConnected) {
  const ReservedPort port;
  const OpenedSocket dialled = StartConnect(Loopback(port.number()));
  ASSERT_EQ(dialled.error, 0);
  Socket socket(loop_, dialled.fd, Socket::State::kConnecting);
  Spawn(Connect(socket, log_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return !log_.empty(); }));
  EXPECT_EQ(log_, Log{"connected: refused"});
  EXPECT_EQ(socket.ConnectError(), IoError::kRefused);
  Spawn(Connect(socket, log_));
  EXPECT_EQ(log_.back(), "connected: refused");
}

TEST_F(TcpSocketTest, GivesUpConnectingWhenCancelled) {
  const OpenedSocket listener = ListenTcp(Loopback(0), false);
  ASSERT_EQ(listener.error, 0);
  const Descriptor closes_it(listener.fd);
  listen(listener.fd, 0);  // room for one that nobody accepts; the next ones get no answer
  std::vector<Descriptor> filling;
  for (int i = 0; i < 4; ++i) filling.emplace_back(StartConnect(Loopback(PortOf(listener.fd))).fd);
  Socket socket(loop_, filling.back().Release(), Socket::State::kConnecting);
  Spawn(Connect(socket, log_));
  bool turned = false;
  loop_.Post([&] { turned = true; });
  ASSERT_TRUE(RunUntil(loop_, [&] { return turned; }));
  EXPECT_EQ(log_, Log{});
  socket.Cancel(IoError::kTimeout);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !log_.empty(); }));
  EXPECT_EQ(log_, Log{"connected: timeout"});
}

}  // namespace
}  // namespace naru::net
