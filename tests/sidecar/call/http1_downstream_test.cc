#include "sidecar/call/http1_downstream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/support/wire.h"

namespace naru::call {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nhost: courses\r\nx-request-id: 1\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

TEST(Http1Downstream, ReadsRequestsInPiecesOfAnySize) {
  for (const size_t bytes : {1, 2, 3, 5, 8, 31}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    wire.SendInPieces(application, "POST /v1 HTTP/1.1\r\nhost: courses\r\ncontent-length: 5\r\n\r\nhello",
                      bytes);
    const Descriptor upstream = wire.Accept();
    EXPECT_EQ(wire.ReadHead(upstream).substr(0, 18), "POST /v1 HTTP/1.1\r");
    wire.Expect(upstream, "hello");
    Send(upstream, kOk);
    wire.Expect(application, kOk);
  }
}

TEST(Http1Downstream, AnswersPipelinedRequestsInTheirOrder) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application,
       "POST /1 HTTP/1.1\r\nhost: courses\r\ncontent-length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nhost: "
       "courses\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  EXPECT_EQ(wire.ReadHead(upstream).substr(0, 8), "POST /1 ");
  wire.Expect(upstream, "abc");
  Send(upstream, "HTTP/1.1 201 One\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(wire.ReadHead(upstream).substr(0, 7), "GET /2 ");
  Send(upstream, "HTTP/1.1 202 Two\r\ncontent-length: 0\r\n\r\n");
  wire.Expect(application,
              "HTTP/1.1 201 One\r\ncontent-length: 0\r\n\r\nHTTP/1.1 202 Two\r\ncontent-length: 0\r\n\r\n");
}

TEST(Http1Downstream, ClosesWhenTheApplicationAsksFor) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "GET / HTTP/1.1\r\nhost: courses\r\nconnection: close\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, kOk);
  EXPECT_EQ(wire.ReadToEnd(application),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok[end]");
  EXPECT_EQ(wire.pool().open(), 1u);
}

TEST(Http1Downstream, EndsABodyOfUnknownLengthTowardsHttp10WithTheConnection) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "GET /courses/ HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: "
       "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(wire.ReadToEnd(application), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc[end]");
}

TEST(Http1Downstream, KeepsAnHttp10ConnectionThatAsksForIt) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "GET /courses/ HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, kOk);
  wire.Expect(application, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok");
  Send(application, kGet);
  wire.ReadHead(upstream);
}

TEST(Http1Downstream, AnswersHeadWithoutABodyAndReadsOn) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "HEAD / HTTP/1.1\r\nhost: courses\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n");
  wire.Expect(application, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n");
  Send(application, kGet);
  wire.ReadHead(upstream);
  Send(upstream, kOk);
  wire.Expect(application, kOk);
}

TEST(Http1Downstream, RefusesWhatIsNoRequestAndCloses) {
  struct Row {
    std::string request;
    const char* status;
  };
  for (const Row& row :
       {Row{"nonsense\r\n\r\n", "400 Bad Request"},
        Row{"GET / HTTP/1.1\r\nhost : courses\r\n\r\n", "400 Bad Request"},
        Row{"GET / HTTP/1.1\r\na: " + std::string(70000, 'a'), "431 Request Header Fields Too Large"}}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    wire.SendInPieces(application, row.request, 16000);
    const std::string answer = wire.ReadToEnd(application);
    EXPECT_EQ(answer.substr(9, answer.find('\r') - 9), row.status);
    EXPECT_NE(answer.find("\r\nconnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("}\n[end]")) << answer;
    EXPECT_FALSE(wire.SomebodyConnects());
  }
}

TEST(Http1Downstream, TellsWhatItHasReadOfARequestThatItRefusesAndWhoseItIs) {
  const std::string me = " from unix, process " + std::to_string(getpid());
  struct Row {
    std::string request;
    std::string asked;
  };
  for (const Row& row : {Row{"POST /x HTTP/1.1\r\nhost: courses\r\ncontent-length: abc\r\n\r\n", "POST /x"},
                         Row{"PUT /x HTTP/1.1\r\nhost: courses\r\nbare\n", "PUT /x"},
                         Row{"PUT /x HTTP/1.1\r\na: " + std::string(70000, 'a'), "PUT /x"},
                         Row{"PUT /x HTTP/1.1\nhost: courses\r\n", " "}, Row{"PUT /x\r\n\r\n", "PUT /x"},
                         Row{"nonsense\r\n\r\n", "nonsense "}}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    wire.SendInPieces(application, row.request, 16000);
    EXPECT_EQ(wire.ReadToEnd(application).substr(0, 12).substr(9, 1), "4");
    EXPECT_EQ(wire.observer().asked, (std::vector<std::string>{row.asked + me})) << row.request.substr(0, 40);
  }
}

TEST(Http1Downstream, TellsWhoSpeaksTls) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more\n", 22));
  const std::string answer = wire.ReadToEnd(application);
  EXPECT_EQ(answer.substr(0, 24), "HTTP/1.1 400 Bad Request");
  EXPECT_NE(
      answer.find("\"detail\": \"this is TLS, and naru speaks plain HTTP with applications: call http://... "
                  "instead of https://...\""),
      std::string::npos)
      << answer;
  EXPECT_EQ(wire.observer().asked,
            (std::vector<std::string>{"  from unix, process " + std::to_string(getpid())}));
}

TEST(Http1Downstream, AnUnknownServiceDoesNotEndTheConnection) {
  Wire wire;
  const Descriptor application = wire.Connect();
  for (int i = 0; i < 2; ++i) {
    Send(application, "POST / HTTP/1.1\r\nhost: coarses\r\ncontent-length: 5\r\n\r\nhello");
    const std::string head = wire.ReadHead(application);
    EXPECT_EQ(head.substr(0, 24), "HTTP/1.1 502 Bad Gateway");
    wire.Read(application, std::stoul(head.substr(head.find("content-length: ") + 16)));
  }
  EXPECT_EQ(wire.world().Counts(), "calls unknown/other unknown_service 502 = 2\n");
}

TEST(Http1Downstream, CancelsTheCallOfAnApplicationThatHasGone) {
  for (const Wire::Kind kind : {Wire::Kind::kUnix, Wire::Kind::kTcp}) {
    Wire wire;
    Descriptor application = wire.Connect(kind);
    Send(application, kGet);
    const Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    ResetAndClose(application);
    EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
    ASSERT_TRUE(wire.Until([&] { return wire.connections() == 0; }));
    EXPECT_EQ(wire.world().Counts(), "calls courses/other cancelled 0 = 1\nattempts courses cancelled = 1\n");
  }
}

TEST(Http1Downstream, AnswersAnApplicationThatHasOnlyFinishedSending) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  ASSERT_EQ(shutdown(application.get(), SHUT_WR), 0);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  wire.Settle();
  Send(upstream, kOk);
  EXPECT_EQ(wire.ReadToEnd(application), kOk + "[end]");
}

TEST(Http1Downstream, CancelsARequestThatBreaksOffInsideItsBody) {
  Wire wire;
  Descriptor application = wire.Connect();
  Send(application, "PUT / HTTP/1.1\r\nhost: courses\r\ncontent-length: 10\r\n\r\nhalf");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  wire.Expect(upstream, "half");
  application.Close();
  EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
  ASSERT_TRUE(wire.Until([&] { return wire.connections() == 0; }));
  EXPECT_EQ(wire.world().Counts(), "calls courses/other cancelled 0 = 1\nattempts courses cancelled = 1\n");
}

TEST(Http1Downstream, TunnelsAfterAnUpgrade) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "GET / HTTP/1.1\r\nhost: courses\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhello");
  wire.Expect(application,
              "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhello");
  wire.Expect(upstream, "early");
  EXPECT_EQ(wire.world().plan().guards.limit->in_flight(), 0u);
  Send(application, "up");
  wire.Expect(upstream, "up");
  Send(upstream, "down");
  wire.Expect(application, "down");
  ASSERT_EQ(shutdown(application.get(), SHUT_WR), 0);
  EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
  ASSERT_EQ(shutdown(upstream.get(), SHUT_WR), 0);
  EXPECT_EQ(wire.ReadToEnd(application), "[end]");
  ASSERT_TRUE(wire.Until([&] { return wire.connections() == 0; }));
  EXPECT_EQ(wire.world().Counts(), "calls courses/other ok 101 = 1\nattempts courses ok = 1\n");
}

TEST(Http1Downstream, HoldsNoCallWhileItWaitsForARequest) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  EXPECT_EQ(wire.calls_in_progress(), 1);
  Send(upstream, kOk);
  wire.Expect(application, kOk);
  ASSERT_TRUE(wire.Until([&] { return wire.calls_in_progress() == 0; }));
  EXPECT_EQ(wire.world().plan().guards.limit->in_flight(), 0u);
}

TEST(Http1Downstream, CutsACallWhenNaruEnds) {
  Descriptor application;
  Descriptor upstream;
  {
    Wire wire;
    application = wire.Connect();
    Send(application, kGet);
    upstream = wire.Accept();
    wire.ReadHead(upstream);
  }
  EXPECT_EQ(Receive(application, 1), "");
  EXPECT_EQ(Receive(upstream, 1), "");
}

}  // namespace
}  // namespace naru::call
