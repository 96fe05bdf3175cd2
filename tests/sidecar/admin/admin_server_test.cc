#include "sidecar/admin/admin_server.h"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <regex>
#include <thread>

#include "tests/sidecar/admin/fake_backend.h"

namespace naru::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

// A blocking client that writes bytes and reads what comes.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void Write(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    asio::write(socket_, asio::buffer(bytes), ignored);
  }
  // Everything up to the server's close; empty when it closes without a word.
  std::string ReadAll() {
    boost::system::error_code end;
    asio::read(socket_, asio::dynamic_buffer(received_), end);
    return std::exchange(received_, "");
  }
  std::string ReadThrough(const std::string& text) {
    const size_t length = asio::read_until(socket_, asio::dynamic_buffer(received_), text);
    std::string read = received_.substr(0, length);
    received_.erase(0, length);
    return read;
  }
  void EndWriting() { socket_.shutdown(tcp::socket::shutdown_send); }

 private:
  asio::io_context io_;
  tcp::socket socket_;
  std::string received_;
};

// The server on a thread of its own, as the control thread runs it.
class AdminServerTest : public testing::Test {
 protected:
  void Start(const AdminLimits& limits = {}) {
    server_ = std::make_unique<AdminServer>(io_, backend_, limits);
    ASSERT_EQ(server_->Listen("127.0.0.1:0"), absl::OkStatus());
    thread_ = std::thread([this] { io_.run(); });
  }
  void OnServerThread(std::function<void()> work) {
    std::promise<void> done;
    asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    OnServerThread([this] { server_.reset(); });
    work_.reset();
    thread_.join();  // ends only when every coroutine has ended
  }
  // The whole answer on a connection of its own.
  std::string Exchange(const std::string& bytes) {
    Client client(server_->port());
    client.Write(bytes);
    return client.ReadAll();
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  FakeBackend backend_;
  std::unique_ptr<AdminServer> server_;
  std::thread thread_;
};

constexpr std::string_view kHealthHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nContent-Length: 15\r\n";

TEST_F(AdminServerTest, AnswersOverOneConnectionAgainAndAgain) {
  Start();
  Client client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.ReadThrough("true}\n"), std::string(kHealthHead) + "\r\n{\"alive\":true}\n");
  }
}

TEST_F(AdminServerTest, AnswersRequestsThatCameTogetherInTheirOrder) {
  Start();
  EXPECT_EQ(Exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                     "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            std::string(kHealthHead) + "\r\n{\"alive\":true}\n" + std::string(kHealthHead) +
                "Connection: close\r\n\r\n");
}

TEST_F(AdminServerTest, ReadsARequestThatArrivesByteByByte) {
  Start();
  Client client(server_->port());
  for (const char byte :
       std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) {
    client.Write(std::string(1, byte));
  }
  EXPECT_EQ(client.ReadAll(), std::string(kHealthHead) + "Connection: close\r\n\r\n{\"alive\":true}\n");
}

TEST_F(AdminServerTest, HandsMethodTargetAndHeadersToItsPages) {
  Start();
  EXPECT_NE(Exchange("POST /drain HTTP/1.1\r\nHost: localhost\r\nx-naru-admin: 1\r\nContent-Length: 2\r\n"
                     "Connection: close\r\n\r\nok")
                .find("HTTP/1.1 202 Accepted\r\n"),
            std::string::npos);
  OnServerThread([this] { EXPECT_EQ(backend_.drains, 1); });
  const std::string refused = Exchange("GET /drain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_NE(refused.find("HTTP/1.1 405 Method Not Allowed\r\n"), std::string::npos);
  EXPECT_NE(refused.find("\r\nAllow: POST\r\n"), std::string::npos);
  EXPECT_NE(Exchange("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
                .find("HTTP/1.1 403 Forbidden\r\n"),
            std::string::npos);
}

TEST_F(AdminServerTest, AnswersWhatItCannotReadAndCloses) {
  Start({.head_bytes = 1000, .body_bytes = 10});
  struct Case {
    std::string request;
    const char* status_line;
    const char* detail;
  };
  const Case cases[] = {
      {"hello\r\n\r\n", "HTTP/1.1 400 Bad Request", "this is not HTTP/1.1: bad "},
      {"\x16\x03\x01\x02\x80\x01\x02\x03\r\n\r\n", "HTTP/1.1 400 Bad Request", "this is not HTTP/1.1: bad "},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", "the request has no Host, or more than one"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request",
       "the request has no Host, or more than one"},
      {"GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(2000, 'x') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large", "the head of the request is longer than 1000 bytes"},
      {"POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 Payload Too Large",
       "no request to the admin port needs a body of more than 10 bytes"},
  };
  for (const Case& c : cases) {
    Client client(server_->port());
    client.Write(c.request);
    client.EndWriting();
    const std::string answer = client.ReadAll();
    EXPECT_EQ(answer.substr(0, answer.find("\r\n")), c.status_line) << c.request;
    EXPECT_NE(answer.find(c.detail), std::string::npos) << answer;
  }
}

TEST_F(AdminServerTest, ClosesAConnectionWhoseClientDoesNotAsk) {
  Start({.idle = milliseconds(1)});
  EXPECT_EQ(Client(server_->port()).ReadAll(), "");
}

TEST_F(AdminServerTest, ClosesAConnectionWhoseRequestDoesNotEnd) {
  Start({.request = milliseconds(1)});
  EXPECT_EQ(Exchange("GET / HT"), "");
}

TEST_F(AdminServerTest, SurvivesClientsThatLeaveInTheMiddle) {
  Start();
  { Client client(server_->port()); }
  {
    Client client(server_->port());
    client.Write("GET /healthz HTTP/1.1\r\nHo");
  }
  EXPECT_NE(Exchange("GET /healthz HTTP/1.0\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST_F(AdminServerTest, MakesRoomByClosingTheConnectionThatWaitedLongest) {
  Start({.connections = 2});
  Client first(server_->port());
  first.Write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  first.ReadThrough("true}\n");
  Client second(server_->port());
  second.Write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  second.ReadThrough("true}\n");
  EXPECT_NE(Exchange("GET /healthz HTTP/1.0\r\n\r\n").find("200 OK"), std::string::npos);
  EXPECT_EQ(first.ReadAll(), "");
  second.Write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(second.ReadThrough("true}\n"), std::string(kHealthHead) + "\r\n{\"alive\":true}\n");
}

TEST_F(AdminServerTest, CutsEveryConnectionWhenItCloses) {
  Start();
  Client client(server_->port());
  client.Write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.ReadThrough("true}\n");
  OnServerThread([this] { server_->Close(); });
  EXPECT_EQ(client.ReadAll(), "");
}

TEST_F(AdminServerTest, SaysWhyItCannotListen) {
  AdminServer first(io_, backend_);
  ASSERT_EQ(first.Listen("127.0.0.1:0"), absl::OkStatus());
  const std::string taken = "127.0.0.1:" + std::to_string(first.port());
  AdminServer second(io_, backend_);
  EXPECT_EQ(second.Listen(taken),
            absl::UnavailableError("the admin port cannot listen on " + taken + ": Address already in use"));
  EXPECT_EQ(second.port(), 0);
  for (const std::string text :
       {"localhost:4001", "4001", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "[::1]"}) {
    EXPECT_EQ(second.Listen(text),
              absl::InvalidArgumentError("the admin port cannot be \"" + text +
                                         "\": it is an IP address and a port, such as 127.0.0.1:4001"));
  }
}

}  // namespace
}  // namespace naru::admin
