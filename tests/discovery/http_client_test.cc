#include "discovery/http_client.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>

#include "discovery/text.h"

#include "tests/discovery/scripted_http_server.h"
#include "tests/support/reserved_port.h"
#include "tests/support/temporary_directory.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;

HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.url = *HttpUrl::Parse(url);
  return request;
}

ScriptedHttpServer::Handler Always(Reply reply) {
  return [reply](const SeenRequest&) { return reply; };
}

// One reply after the other, then the last one for ever.
ScriptedHttpServer::Handler OneAfterTheOther(std::vector<Reply> replies) {
  auto next = std::make_shared<size_t>(0);
  return [replies, next](const SeenRequest&) { return replies[std::min((*next)++, replies.size() - 1)]; };
}

class HttpClientTest : public testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Send(HttpRequest request) {
    return Await(io_, client_.Send(std::move(request)));
  }
  std::string ErrorOf(HttpRequest request) {
    return std::string(Send(std::move(request)).status().message());
  }

  asio::io_context io_{1};
  HttpClient client_{io_.get_executor()};
};

TEST_F(HttpClientTest, SendsTheRequestWhole) {
  ScriptedHttpServer server(io_, Always({}));
  HttpRequest request = Get(server.Url("/v1/x?a=b"));
  request.method = "PUT";
  request.fields = {{"X-Amz-Target", "Route53AutoNaming"}};
  request.body = "{}";

  ASSERT_TRUE(Send(request).ok());

  ASSERT_EQ(server.requests().size(), 1u);
  const SeenRequest& seen = server.requests()[0];
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/v1/x?a=b");
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.fields, (HttpFields{{"host", Cat("127.0.0.1:", server.port())},
                                     {"user-agent", "naru"},
                                     {"x-amz-target", "Route53AutoNaming"},
                                     {"content-length", "2"}}));
}

TEST_F(HttpClientTest, GivesTheAnswerWhole) {
  ScriptedHttpServer server(io_, Always({.status = 404, .body = "no", .fields = {{"X-Consul-Index", "7"}}}));
  const absl::StatusOr<HttpResponse> response = Send(Get(server.Url()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(*response, (HttpResponse{404, {{"x-consul-index", "7"}, {"content-length", "2"}}, "no"}));
  EXPECT_EQ(response->Field("x-consul-index"), "7");
  EXPECT_EQ(response->Field("x-consul-knownleader"), "");
}

TEST_F(HttpClientTest, ReadsChunksAndWhatTheEndOfTheConnectionEnds) {
  ScriptedHttpServer server(
      io_,
      OneAfterTheOther(
          {{.raw = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"},
           {.raw = "HTTP/1.0 200 OK\r\n\r\nthe end"}}));
  EXPECT_EQ(Send(Get(server.Url()))->body, "hi!");
  EXPECT_EQ(Send(Get(server.Url()))->body, "the end");
}

TEST_F(HttpClientTest, KeepsConnectionsPerOrigin) {
  ScriptedHttpServer server(io_, Always({}));
  ScriptedHttpServer other(io_, Always({}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Send(Get(server.Url())).ok());
    ASSERT_TRUE(Send(Get(other.Url())).ok());
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(other.connections(), 1);
}

TEST_F(HttpClientTest, KeepsAFewConnectionsOfThoseThatWereNeededAtOnce) {
  ScriptedHttpServer server(io_, Always({}));
  for (int round = 0; round < 2; ++round) {
    int answers = 0;
    for (int i = 0; i < 6; ++i) {
      asio::co_spawn(io_, client_.Send(Get(server.Url())),
                     [&answers](const std::exception_ptr&, const absl::StatusOr<HttpResponse>& response) {
                       EXPECT_TRUE(response.ok()) << response.status();
                       ++answers;
                     });
    }
    while (answers < 6) io_.run_one();
  }
  EXPECT_EQ(server.connections(), 6 + 2);
}

TEST_F(HttpClientTest, DoesNotKeepAConnectionThatIsToBeClosed) {
  ScriptedHttpServer server(io_, Always({.fields = {{"Connection", "close"}}}));
  ASSERT_TRUE(Send(Get(server.Url())).ok());
  ASSERT_TRUE(Send(Get(server.Url())).ok());
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, AsksOnceMoreWhereTheKeptConnectionWasClosed) {
  ScriptedHttpServer server(io_, Always({.body = "here", .closes = true}));
  ASSERT_TRUE(Send(Get(server.Url())).ok());
  const absl::StatusOr<HttpResponse> second = Send(Get(server.Url()));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->body, "here");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, DoesNotAskAgainWhereANewConnectionIsClosed) {
  ScriptedHttpServer server(io_, Always({.drops = true}));
  EXPECT_EQ(ErrorOf(Get(server.Url())),
            server.Url() + ": waiting for the answer: the peer closed the connection");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpClientTest, DoesNotAskAgainWhereTheAnswerHadBegun) {
  ScriptedHttpServer server(io_, OneAfterTheOther({{}, {.raw = "HTTP/1.1 200 OK\r\n"}}));
  const std::string url = server.Url();
  ASSERT_TRUE(Send(Get(url)).ok());
  EXPECT_EQ(ErrorOf(Get(url)), url + ": waiting for the answer: partial message");
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, GivesUpAtItsTimeout) {
  ScriptedHttpServer server(io_, Always({.silent = true}));
  HttpRequest request = Get(server.Url("/slow"));
  request.timeout = 20ms;
  EXPECT_EQ(ErrorOf(request), server.Url("/slow") + ": given up after 20 ms while waiting for the answer");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  ScriptedHttpServer server(io_, Always({.body = std::string(1001, 'x')}));
  HttpRequest request = Get(server.Url());
  request.most_bytes = 1001;
  EXPECT_TRUE(Send(request).ok());
  request.most_bytes = 1000;
  EXPECT_EQ(ErrorOf(request), server.Url() + ": the answer is longer than 1000 bytes");
}

TEST_F(HttpClientTest, SaysThatNobodyListens) {
  const ReservedPort port;
  const std::string url = Cat("http://127.0.0.1:", port.number(), "/x");
  EXPECT_EQ(ErrorOf(Get(url)), url + ": connecting: connection refused");
}

TEST_F(HttpClientTest, ResolvesNames) {
  ScriptedHttpServer server(io_, Always({.body = "hello"}));
  const absl::StatusOr<HttpResponse> response = Send(Get(Cat("http://localhost:", server.port(), "/")));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "hello");
}

TEST_F(HttpClientTest, NeverSendsALineBreakInsideAField) {
  ScriptedHttpServer server(io_, Always({}));
  HttpRequest request = Get(server.Url());
  request.fields = {{"Authorization", "token\r\nx: y"}};
  EXPECT_EQ(ErrorOf(request),
            server.Url() + ": the value of the field Authorization has a control character");
  request.fields = {{"a b", "c"}};
  EXPECT_EQ(ErrorOf(request), server.Url() + ": the field name \"a b\" is malformed");
  request.fields = {};
  request.url.target = "/a b";
  EXPECT_EQ(ErrorOf(request), Cat(request.url.ToString(), ": the path has a space or a control character"));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpClientTest, EndsWhenItIsCancelled) {
  ScriptedHttpServer server(io_, Always({.silent = true}));
  asio::cancellation_signal signal;
  std::optional<absl::Status> ended;
  asio::co_spawn(
      io_, client_.Send(Get(server.Url())),
      asio::bind_cancellation_slot(
          signal.slot(), [&ended](const std::exception_ptr&, const absl::StatusOr<HttpResponse>& response) {
            ended = response.status();
          }));
  while (server.requests().empty()) io_.run_one();
  signal.emit(asio::cancellation_type::terminal);
  while (!ended.has_value()) io_.run_one();
  EXPECT_EQ(ended->message(), server.Url() + ": waiting for the answer: operation canceled");
}

// --- TLS ---

class HttpClientOverTls : public testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Get(HttpClient& client, const std::string& host) {
    HttpRequest request;
    request.url = *HttpUrl::Parse(Cat("https://", host, ":", server_->port(), "/x"));
    return Await(io_, client.Send(std::move(request)));
  }
  std::string ErrorOf(HttpClient& client, const std::string& host) {
    const std::string text(Get(client, host).status().message());
    return text.substr(text.find("/x: ") + 4);
  }
  void ServeFor(const std::string& names) {
    certificate_ = TestCertificate::For(names);
    trust_file_ = directory_.Write("ca.pem", certificate_.certificate_pem);
    server_.emplace(
        io_, [](const SeenRequest&) { return Reply{.body = "secret"}; }, certificate_);
  }

  asio::io_context io_{1};
  TestCertificate certificate_;
  TemporaryDirectory directory_;
  std::string trust_file_;
  std::optional<ScriptedHttpServer> server_;
};

TEST_F(HttpClientOverTls, AsksAServerThatItTrusts) {
  ServeFor("DNS:localhost,IP:127.0.0.1");
  HttpClient client(io_.get_executor(), trust_file_);
  for (const std::string host : {"localhost", "127.0.0.1", "localhost"}) {
    const absl::StatusOr<HttpResponse> response = Get(client, host);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "secret");
  }
  EXPECT_EQ(server_->server_names(), (std::vector<std::string>{"localhost", ""}));
}

TEST_F(HttpClientOverTls, TrustsTheFileThatTheEnvironmentNames) {
  ServeFor("DNS:localhost");
  setenv("SSL_CERT_FILE", trust_file_.c_str(), 1);
  HttpClient client(io_.get_executor());
  const absl::StatusOr<HttpResponse> response = Get(client, "localhost");
  unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(response.ok()) << response.status();
}

TEST_F(HttpClientOverTls, RefusesACertificateOfNobodyItTrusts) {
  ServeFor("DNS:localhost");
  HttpClient client(io_.get_executor());
  EXPECT_EQ(ErrorOf(client, "localhost"),
            "the TLS handshake: the certificate is not trusted: self-signed certificate");
  EXPECT_EQ(server_->requests().size(), 0u);
}

TEST_F(HttpClientOverTls, RefusesACertificateForAnotherName) {
  ServeFor("DNS:elsewhere.example,IP:127.0.0.2");
  HttpClient client(io_.get_executor(), trust_file_);
  EXPECT_EQ(ErrorOf(client, "localhost"),
            "the TLS handshake: the certificate is not trusted: hostname mismatch");
  EXPECT_EQ(ErrorOf(client, "127.0.0.1"),
            "the TLS handshake: the certificate is not trusted: IP address mismatch");
  EXPECT_EQ(server_->requests().size(), 0u);
}

TEST_F(HttpClientOverTls, SaysWhichTrustFileIsNone) {
  ServeFor("DNS:localhost");
  HttpClient client(io_.get_executor(), "/nonexistent.pem");
  EXPECT_TRUE(ErrorOf(client, "localhost")
                  .starts_with("the trusted certificates cannot be read from /nonexistent.pem: "));
}

}  // namespace
}  // namespace naru::discovery
