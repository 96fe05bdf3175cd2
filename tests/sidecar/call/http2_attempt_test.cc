#include "sidecar/call/http2_attempt.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "sidecar/call/websocket.h"
#include "tests/support/http2_frames.h"
#include "tests/support/http2_wire.h"
#include "tests/support/undisturbed.h"

namespace naru::call {
namespace {

using http::Http2Error;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Applications speak HTTP/1, so that what they are told can be read; the endpoint speaks HTTP/2.
const std::string kHttp2 = "    protocol: http2\n";
const std::string kGet = "GET / HTTP/1.1\r\nhost: courses\r\nx-request-id: 1\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nhost: courses\r\ncontent-length: 0\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

class Http2AttemptTest : public testing::Test {
 protected:
  explicit Http2AttemptTest(const std::string& policy = kHttp2) : h_(policy) {}

  // Answers a request as kOk says it.
  void AnswerOk(PeerStream& stream) {
    stream.Answer(AnswerFields(200, {{"content-length", "2"}}), true);
    stream.Send("ok", true);
    h_.Pump();
  }
  // What an application reads until an empty line; the peers go on meanwhile.
  std::string ReadHead(const Descriptor& application) { return Read(application, "\r\n\r\n"); }
  // What an application reads until it ends with `last`, or ends.
  std::string Read(const Descriptor& application, std::string_view last) {
    std::string received;
    const bool complete = h_.Until([&] {
      char byte;
      while (!received.ends_with(last)) {
        const ssize_t got = recv(application.get(), &byte, 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return false;
        if (got <= 0) {
          received += got == 0 ? "[end]" : "[reset]";
          return true;
        }
        received.push_back(byte);
      }
      return true;
    });
    EXPECT_TRUE(complete) << "received only: " << received;
    return received;
  }
  static std::string OutcomeOf(const std::string& head) {
    const size_t at = head.find("x-naru-outcome: ");
    return at == std::string::npos ? "none" : head.substr(at + 16, head.find('\r', at) - at - 16);
  }
  void ExpectNothingLeft() {
    EXPECT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 0; }));
    EXPECT_EQ(h_.wire.world().plan().guards.limit->in_flight(), 0u);
  }
  // Lets a connection that is idle be no longer trusted.
  void WaitAMoment() {
    const net::TimePoint later = h_.wire.loop().ReadClock() + milliseconds(5);
    ASSERT_TRUE(h_.Until([&] { return h_.wire.loop().ReadClock() > later; }));
  }
  size_t open() { return static_cast<size_t>(h_.wire.http2_pool().open()); }
  std::string Counts() { return h_.wire.world().Counts(); }

  Http2Wire h_;
  Descriptor application_ = h_.wire.Connect();
};

TEST_F(Http2AttemptTest, AsksInHttp2WhatWasAskedInHttp1) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  EXPECT_EQ(stream.Transcript(),
            ":method: GET\n:scheme: http\n:authority: courses\n:path: /\nx-request-id: 1\n"
            "x-naru-caller: video/video-api\nx-naru-deadline-ms: " +
                stream.Field("x-naru-deadline-ms") + "\nvia: 1.1 naru\n[end]");
  AnswerOk(stream);
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other ok 200 = 1\nattempts courses ok = 1\n");
}

TEST_F(Http2AttemptTest, PassesAnswersOn) {
  struct Row {
    const char* method;
    OwnedFields fields;
    bool has_body;
    const char* body;
    OwnedFields trailers;
    std::string to_application;
  };
  for (const Row& row :
       {Row{"GET", AnswerFields(204), false, "", {}, "HTTP/1.1 204 No Content\r\n\r\n"},
        Row{"GET",
            AnswerFields(304, {{"etag", "a"}}),
            false,
            "",
            {},
            "HTTP/1.1 304 Not Modified\r\netag: a\r\n\r\n"},
        Row{"HEAD",
            AnswerFields(200, {{"content-length", "7"}}),
            false,
            "",
            {},
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"},
        Row{"GET",
            AnswerFields(404, {{"content-length", "0"}}),
            false,
            "",
            {},
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"},
        Row{"GET",
            AnswerFields(200),
            true,
            "abc",
            {},
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        Row{"GET",
            AnswerFields(200),
            true,
            "abc",
            {{"checksum", "7"}},
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nchecksum: 7\r\n\r\n"}}) {
    Http2Wire h(kHttp2);
    const Descriptor application = h.wire.Connect();
    Send(application, std::string(row.method) + " / HTTP/1.1\r\nhost: courses\r\n\r\n");
    Http2WirePeer& endpoint = h.Accept();
    PeerStream& stream = h.Stream(endpoint, 0);
    stream.Inform({{":status", "103"}, {"link", "</a>"}});
    stream.Answer(row.fields, row.has_body);
    if (row.has_body) stream.Send(row.body, true, row.trailers);
    h.Over(stream);
    h.wire.Expect(application, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + row.to_application);
    ASSERT_TRUE(h.Until([&] { return h.wire.calls_in_progress() == 0; }));
    EXPECT_EQ(h.wire.http2_pool().open(), 1u);
  }
}

TEST_F(Http2AttemptTest, SharesAConnectionAmongCallsAnsweredInAnyOrder) {
  const Descriptor other = h_.wire.Connect();
  Send(application_, kGet);
  Send(other, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  h_.Stream(endpoint, 1);
  AnswerOk(endpoint->stream(1));
  h_.Settle();
  AnswerOk(endpoint->stream(0));
  EXPECT_EQ(Read(other, "ok"), kOk);
  EXPECT_EQ(Read(application_, "ok"), kOk);
  for (int i = 0; i < 3; ++i) {
    Send(application_, kGet);
    AnswerOk(h_.Stream(endpoint, static_cast<size_t>(2 + i)));
    EXPECT_EQ(Read(application_, "ok"), kOk);
  }
  EXPECT_EQ(open(), 1u);
  EXPECT_FALSE(h_.wire.SomebodyConnects());
}

TEST_F(Http2AttemptTest, StreamsARequestUpNoFasterThanItIsRead) {
  constexpr size_t kBytes = 4 * 1024 * 1024;
  Send(application_,
       "POST / HTTP/1.1\r\nhost: courses\r\ncontent-length: " + std::to_string(kBytes) + "\r\n\r\n");
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.reads = false;
  const std::string piece(65536, 'b');
  size_t sent = 0;
  auto feed = [&] {
    while (sent < kBytes) {
      const ssize_t now = send(application_.get(), piece.data(), std::min(piece.size(), kBytes - sent),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
      if (now <= 0) break;
      sent += static_cast<size_t>(now);
    }
  };
  const auto window = static_cast<size_t>(http::Http2Session::kRequestWindowBytes);
  ASSERT_TRUE(h_.Until([&] {
    feed();
    return stream.body.size() == window;
  }));
  feed();
  h_.Settle();
  EXPECT_EQ(stream.body.size(), window);
  EXPECT_LT(sent, kBytes);  // the application is held up, too

  stream.reads = true;
  stream.Consume(window);
  ASSERT_TRUE(h_.Until([&] {
    feed();
    return stream.ended;
  }));
  EXPECT_EQ(stream.body.size(), kBytes);
  AnswerOk(stream);
  EXPECT_EQ(Read(application_, "ok"), kOk);
}

TEST_F(Http2AttemptTest, SendsTrailersUp) {
  Send(application_,
       "PUT / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
       "checksum: 7\r\nhost: evil\r\n\r\n");
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  EXPECT_EQ(stream.body, "hello");
  EXPECT_EQ(stream.trailers, "checksum: 7\n");
  AnswerOk(stream);
  EXPECT_EQ(Read(application_, "ok"), kOk);
}

TEST_F(Http2AttemptTest, StreamsBothWaysAtOnce) {
  Send(application_, "POST / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n\r\n");
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.Answer(AnswerFields(200), true);
  ReadHead(application_);
  std::string expected;
  for (int i = 0; i < 3; ++i) {
    Send(application_, "4\r\nping\r\n");
    expected += "ping";
    ASSERT_TRUE(h_.Until([&] { return stream.body == expected; }));
    stream.Send("pong");
    EXPECT_EQ(Read(application_, "pong\r\n"), "4\r\npong\r\n");
  }
  Send(application_, "0\r\n\r\n");
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  stream.Finish();
  EXPECT_EQ(Read(application_, "\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(Http2AttemptTest, PassesALargeAnswerOnWhole) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.Answer(AnswerFields(200, {{"content-length", "3000000"}}), true);
  stream.Send(std::string(3'000'000 - 1, 'x') + "y", true);
  ReadHead(application_);
  EXPECT_EQ(Read(application_, "y").size(), 3'000'000u);
  ExpectNothingLeft();
  EXPECT_EQ(open(), 1u);
}

// --- what is no answer ---

class WithoutRetry : public Http2AttemptTest {
 protected:
  WithoutRetry() : Http2AttemptTest(kHttp2 + "    retry: {attempts: 1}\n") {}
  // The error answer, head and body.
  std::string ReadError() {
    const std::string head = ReadHead(application_);
    return head + Read(application_, "}\n");
  }
};

TEST_F(WithoutRetry, AResetIsAReset) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  h_.Stream(endpoint, 0).Reset(Http2Error::kInternalError);
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "reset");
  EXPECT_NE(error.find("\"detail\": \"reset the stream (INTERNAL_ERROR)\"}]"), std::string::npos) << error;
  EXPECT_EQ(open(), 1u);  // the others of the connection have nothing to do with it
}

TEST_F(WithoutRetry, AConnectionThatIsLostUnansweredIsAReset) {
  Send(application_, kPost);
  Http2WirePeer& endpoint = h_.Accept();
  h_.Stream(endpoint, 0);
  endpoint.Close();
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "reset");
  EXPECT_NE(error.find("\"detail\": \"closed without an answer\"}]"), std::string::npos) << error;
  EXPECT_EQ(open(), 0u);
}

TEST_F(WithoutRetry, AHeadThatIsTooLargeIsABadResponse) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  h_.Stream(endpoint, 0).Answer(AnswerFields(200, {{"x-large", std::string(65'500, 'a')}}));
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("\"detail\": \"the head is larger than 64 KiB\"}]"), std::string::npos) << error;
}

TEST_F(WithoutRetry, EndlessInformationalAnswersAreABadResponse) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  for (int i = 0; i < 33; ++i) stream.Inform({{":status", "103"}});
  std::string head;
  for (int i = 0; i < 32; ++i) head = ReadHead(application_);
  EXPECT_EQ(head, "HTTP/1.1 103 Early Hints\r\n\r\n");
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("more than 32 informational answers before the final one"), std::string::npos)
      << error;
  EXPECT_EQ(h_.Over(stream).substr(stream.Transcript().size() - 15), "[closed CANCEL]");
}

TEST_F(WithoutRetry, AnAnswerThatIsMalformedIsABadResponse) {
  Send(application_, kGet);
  const Descriptor endpoint = h_.wire.Accept();
  Send(endpoint, Frame(FrameType::kSettings, 0, 0));
  h_.Settle();
  Send(endpoint, Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, Hpack({{"no", "status"}})));
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("\"detail\": \"its answer is not sound HTTP/2\"}]"), std::string::npos) << error;
}

TEST_F(WithoutRetry, FramesThatAreMalformedAreABadResponse) {
  Send(application_, kGet);
  const Descriptor endpoint = h_.wire.Accept();
  Send(endpoint, Frame(FrameType::kSettings, 0, 0));
  h_.Settle();
  Send(endpoint, Frame(FrameType::kData, 0, 0, "x"));
  EXPECT_EQ(OutcomeOf(ReadError()), "bad_response");
  ASSERT_TRUE(h_.Until([this] { return open() == 0; }));
}

// --- answers that break off ---

TEST_F(Http2AttemptTest, AnAnswerThatBreaksOffIsNeverEndedAsIfItWereComplete) {
  for (const bool connection : {false, true}) {
    Http2Wire h(kHttp2);
    const Descriptor application = h.wire.Connect(Wire::Kind::kTcp);
    Send(application, kGet);
    Http2WirePeer& endpoint = h.Accept();
    PeerStream& stream = h.Stream(endpoint, 0);
    stream.Answer(AnswerFields(200), true);
    stream.Send("01234");
    ASSERT_TRUE(h.Until([&] { return stream.unsent() == 0; }));
    h.Settle();
    if (connection) endpoint.Close();
    if (!connection) stream.Reset(Http2Error::kInternalError);
    h.Pump();
    const std::string received = h.wire.ReadToEnd(application);
    EXPECT_TRUE(received.ends_with("5\r\n01234\r\n[reset]")) << received;
    EXPECT_EQ(h.wire.world().Counts(), "calls courses/other truncated 200 = 1\nattempts courses ok = 1\n");
  }
}

TEST_F(Http2AttemptTest, AnAnswerThatFallsSilentIsCut) {
  Http2Wire h(kHttp2 + "    timeout: 2s\n");
  const Descriptor application = h.wire.Connect(Wire::Kind::kTcp);
  Send(application, kGet);
  Http2WirePeer& endpoint = h.Accept();
  PeerStream& stream = h.Stream(endpoint, 0);
  stream.Answer(AnswerFields(200, {{"content-length", "10"}}), true);
  stream.Send("01234");
  h.Pump();
  EXPECT_TRUE(h.wire.ReadToEnd(application).ends_with("01234[reset]"));
  h.Over(stream);
  EXPECT_EQ(stream.error, Http2Error::kCancel);
  EXPECT_EQ(h.wire.world().Counts(), "calls courses/other truncated 200 = 1\nattempts courses ok = 1\n");
}

// --- deadlines and cancellations ---

TEST_F(Http2AttemptTest, ResetsTheStreamOfACallThatTakesTooLong) {
  Http2Wire h(kHttp2 + "    timeout: 2s\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kGet);
  Http2WirePeer& endpoint = h.Accept();
  PeerStream& stream = h.Stream(endpoint, 0);
  h.Over(stream);
  EXPECT_EQ(stream.error, Http2Error::kCancel);
  EXPECT_EQ(OutcomeOf(h.wire.ReadHead(application)), "timeout");
  EXPECT_EQ(h.wire.http2_pool().open(), 1u);
}

TEST_F(Http2AttemptTest, ResetsTheStreamOfAnApplicationThatHasGone) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  ResetAndClose(application_);
  h_.Over(stream);
  EXPECT_EQ(stream.error, Http2Error::kCancel);
  ASSERT_TRUE(h_.Until([this] { return h_.wire.connections() == 0; }));
  EXPECT_EQ(Counts(), "calls courses/other cancelled 0 = 1\nattempts courses cancelled = 1\n");
  EXPECT_EQ(open(), 1u);
}

TEST_F(Http2AttemptTest, GivesUpAConnectionThatNobodyWaitsForAnyMoreOnlyAtItsOwnLimit) {
  Send(application_, kGet);
  const Descriptor silent = h_.wire.Accept();  // connected, but says nothing
  application_.Close();
  ASSERT_TRUE(h_.Until([this] { return h_.wire.connections() == 0; }));
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(Counts(), "calls courses/other cancelled 0 = 1\nattempts courses cancelled = 1\n");
}

TEST_F(Http2AttemptTest, LeavesASilentAttemptForAnother) {
  Http2Wire h(kHttp2 + "    try_timeout: 2s\n    retry: {backoff: {base: 1ms, max: 1ms}}\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kGet);
  Http2WirePeer& endpoint = h.Accept();
  PeerStream& silent = h.Stream(endpoint, 0);
  PeerStream& second = h.Stream(endpoint, 1);
  EXPECT_EQ(second.Field("x-naru-attempt"), "2");
  second.Answer(AnswerFields(204));
  h.Over(second);
  h.wire.Expect(application, "HTTP/1.1 204 No Content\r\n\r\n");
  h.Over(silent);
  EXPECT_EQ(silent.error, Http2Error::kCancel);
}

// The head comes in the same turn of the loop in which the attempt would have been given up.
TEST_F(Http2AttemptTest, AnAnswerThatBeginsAtTheLastMomentIsReadToItsEnd) {
  Undisturbed([] {
    Http2Wire h(kHttp2 + "    try_timeout: 100ms\n    retry: {backoff: {base: 1ms, max: 1ms}}\n");
    const Descriptor application = h.wire.Connect();
    Send(application, kGet);
    Http2WirePeer& endpoint = h.Accept();
    PeerStream& stream = h.Stream(endpoint, 0);
    stream.Answer(AnswerFields(200, {{"content-length", "2"}}), true);
    endpoint.Pump();
    const net::TimePoint late = h.wire.loop().ReadClock() + milliseconds(120);
    while (h.wire.loop().ReadClock() < late) {
    }
    const auto begins = [&] {
      char byte;
      return recv(application.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    };
    EXPECT_TRUE(h.Until([&] { return begins() || endpoint->streams() > 1; }));
    if (endpoint->streams() > 1) return false;  // the timer was first
    EXPECT_NE(h.wire.ReadHead(application).find("200 OK"), std::string::npos);
    h.Settle();
    stream.Send("ok", true);
    h.Over(stream);
    h.wire.Expect(application, "ok");
    return true;
  });
}

// --- connections that end ---

TEST_F(Http2AttemptTest, BeginsNothingNewOnAConnectionThatIsLeaving) {
  const Descriptor other = h_.wire.Connect();
  Send(application_, kGet);
  Http2WirePeer& leaving = h_.Accept();
  PeerStream& stream = h_.Stream(leaving, 0);
  leaving->session().AnnounceGoAway();
  h_.Settle();
  Send(other, kGet);
  Http2WirePeer& next = h_.Accept();
  AnswerOk(h_.Stream(next, 0));
  EXPECT_EQ(Read(other, "ok"), kOk);
  EXPECT_EQ(open(), 2u);
  AnswerOk(stream);
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ASSERT_TRUE(h_.Until([this] { return open() == 1; }));
  ASSERT_TRUE(h_.Until([&] { return !leaving.end().empty(); }));
  EXPECT_EQ(Counts(), "calls courses/other ok 200 = 2\nattempts courses ok = 2\n");
}

TEST_F(Http2AttemptTest, LetsAnIdleConnectionGoThatSaysGoodbye) {
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  AnswerOk(h_.Stream(endpoint, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ExpectNothingLeft();
  endpoint->session().GoAway(Http2Error::kNoError);
  ASSERT_TRUE(h_.Until([this] { return open() == 0; }));
  Send(application_, kGet);
  Http2WirePeer& next = h_.Accept();
  AnswerOk(h_.Stream(next, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
}

// RFC 9113 8.7: what was not processed may be sent again, whatever the method and the policy.
TEST_F(Http2AttemptTest, SendsAgainOnceWhatWasRefusedUnseen) {
  Http2Wire h(kHttp2 + "    retry: {attempts: 1, budget: {ratio: 0%, floor: 0/s, window: 10s}}\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kPost);
  Http2WirePeer& endpoint = h.Accept();
  h.Stream(endpoint, 0).Reset(Http2Error::kRefusedStream);
  PeerStream& second = h.Stream(endpoint, 1);
  second.Answer(AnswerFields(204));
  h.Over(second);
  h.wire.Expect(application, "HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(h.Until([&] { return h.wire.calls_in_progress() == 0; }));
  EXPECT_EQ(h.wire.world().Counts(),
            "calls courses/other ok 204 = 1\nattempts courses ok = 1\nattempts courses reset = 1\n"
            "retries courses refused = 1\n");
}

TEST_F(Http2AttemptTest, SendsAgainWhatAGoAwayLeftOut) {
  Send(application_, kPost);
  const Descriptor endpoint = h_.wire.Accept();
  Send(endpoint, Frame(FrameType::kSettings, 0, 0));
  h_.Settle();
  Send(endpoint, Frame(FrameType::kGoAway, 0, 0, Number32(0) + Number32(0)));
  Http2WirePeer& next = h_.Accept();
  AnswerOk(h_.Stream(next, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
}

TEST_F(Http2AttemptTest, ARetryOfAReusedConnectionThatDiedUnansweredIsFree) {
  Http2Wire h(kHttp2 + "    retry: {budget: {ratio: 0%, floor: 0/s, window: 10s}}\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kGet);
  Http2WirePeer& endpoint = h.Accept();
  PeerStream& first = h.Stream(endpoint, 0);
  first.Answer(AnswerFields(204));
  h.Over(first);
  h.wire.Expect(application, "HTTP/1.1 204 No Content\r\n\r\n");
  Send(application, kGet);
  h.Stream(endpoint, 1);
  endpoint.Close();
  Http2WirePeer& next = h.Accept();
  PeerStream& second = h.Stream(next, 0);
  second.Answer(AnswerFields(204));
  h.Over(second);
  h.wire.Expect(application, "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(Http2AttemptTest, RetriesAGetThatANewConnectionLost) {
  Http2Wire h(kHttp2 + "    retry: {backoff: {base: 1ms, max: 1ms}}\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kGet);
  Http2WirePeer& endpoint = h.Accept();
  h.Stream(endpoint, 0);
  endpoint.Close();
  Http2WirePeer& next = h.Accept();
  PeerStream& second = h.Stream(next, 0);
  EXPECT_EQ(second.Field("x-naru-attempt"), "2");
  second.Answer(AnswerFields(204));
  h.Over(second);
  h.wire.Expect(application, "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(Http2AttemptTest, OpensAnotherConnectionWhereOneStreamIsAllThatIsAllowed) {
  const Descriptor other = h_.wire.Connect();
  Send(application_, kGet);
  Http2WirePeer& first = h_.Accept({.max_streams = 1});
  PeerStream& one = h_.Stream(first, 0);
  Send(other, kGet);
  Http2WirePeer& second = h_.Accept({.max_streams = 1});
  PeerStream& two = h_.Stream(second, 0);
  EXPECT_EQ(open(), 2u);
  AnswerOk(two);
  AnswerOk(one);
  EXPECT_EQ(Read(application_, "ok"), kOk);
  EXPECT_EQ(Read(other, "ok"), kOk);
  ExpectNothingLeft();
  Send(application_, kGet);
  ASSERT_TRUE(h_.Until([&] { return first->streams() + second->streams() == 3; }));
  AnswerOk(first->streams() == 2 ? first->stream(1) : second->stream(1));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  EXPECT_FALSE(h_.wire.SomebodyConnects());
}

TEST_F(Http2AttemptTest, OpensAConnectionForEachOfThoseWhoWaitedForTheSame) {
  std::vector<Descriptor> others;
  for (int i = 0; i < 3; ++i) others.push_back(h_.wire.Connect());
  for (const Descriptor& other : others) Send(other, kGet);
  for (size_t i = 0; i < 3; ++i) {
    Http2WirePeer& endpoint = h_.Accept({.max_streams = 1});
    PeerStream& stream = h_.Stream(endpoint, 0);
    EXPECT_EQ(endpoint->streams(), 1u);
    if (i == 2) AnswerOk(stream);
  }
  EXPECT_EQ(open(), 3u);
  ASSERT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 2; }));
}

// --- connections that may have died in silence ---

TEST_F(Http2AttemptTest, AsksAnIdleConnectionByPingBeforeItIsUsedAgain) {
  h_.wire.http2_pool().set_keep_alive({.trusted_for = milliseconds(1)});
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  AnswerOk(h_.Stream(endpoint, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ExpectNothingLeft();
  EXPECT_EQ(endpoint.frames().find("PING"), std::string::npos);
  WaitAMoment();
  endpoint.paused = true;
  Send(application_, kGet);
  ASSERT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 1; }));
  h_.Settle();
  endpoint.paused = false;
  AnswerOk(h_.Stream(endpoint, 1));
  EXPECT_TRUE(endpoint.frames().ends_with("PING\nHEADERS 3 end\n")) << endpoint.frames();
  EXPECT_EQ(Read(application_, "ok"), kOk);
}

TEST_F(Http2AttemptTest, LeavesAnIdleConnectionThatDoesNotAnswerForAnother) {
  h_.wire.http2_pool().set_keep_alive({.answer_within = milliseconds(30), .trusted_for = milliseconds(1)});
  Send(application_, kGet);
  Http2WirePeer& vanished = h_.Accept();
  AnswerOk(h_.Stream(vanished, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ExpectNothingLeft();
  WaitAMoment();
  vanished.paused = true;
  Send(application_, kPost);
  Http2WirePeer& next = h_.Accept();
  AnswerOk(h_.Stream(next, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  EXPECT_EQ(open(), 1u);
  vanished.paused = false;
  h_.Settle();
  EXPECT_EQ(vanished->streams(), 1u);  // nothing of the request had been sent to it
}

TEST_F(WithoutRetry, AConnectionThatFallsSilentUnderItsCallsIsGivenUp) {
  h_.wire.http2_pool().set_keep_alive({.ask_after = milliseconds(20), .answer_within = seconds(2)});
  Send(application_, kPost);
  Http2WirePeer& endpoint = h_.Accept();
  h_.Stream(endpoint, 0);
  ASSERT_TRUE(h_.Until([&] { return endpoint.frames().find("PING\n") != std::string::npos; }));
  EXPECT_EQ(open(), 1u);
  endpoint.paused = true;
  EXPECT_EQ(OutcomeOf(ReadError()), "reset");
  EXPECT_EQ(open(), 0u);
}

TEST_F(Http2AttemptTest, ClosesAConnectionInOrderThatNobodyHasUsedForLong) {
  h_.wire.http2_pool().set_keep_alive({.ask_after = milliseconds(20), .idle_limit = milliseconds(30)});
  Send(application_, kGet);
  Http2WirePeer& endpoint = h_.Accept();
  AnswerOk(h_.Stream(endpoint, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  ASSERT_TRUE(h_.Until([this] { return open() == 0; }));
  ASSERT_TRUE(h_.Until([&] { return !endpoint.end().empty(); }));
  EXPECT_EQ(endpoint.end(), "[end]");
  EXPECT_TRUE(endpoint->Saw("goaway NO_ERROR"));
}

// --- endpoints that speak another version ---

TEST_F(WithoutRetry, AnEndpointThatAnswersInHttp1IsABadResponse) {
  Send(application_, kGet);
  Descriptor endpoint = h_.wire.Accept();
  Send(endpoint, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
  std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("\"detail\": \"answers HTTP/2 with HTTP/1.1\"}]"), std::string::npos) << error;
  endpoint.Close();

  Send(application_, kGet);
  endpoint = h_.wire.Accept();
  endpoint.Close();
  error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("\"detail\": \"closed the connection instead of speaking HTTP/2\"}]"),
            std::string::npos)
      << error;
}

TEST_F(WithoutRetry, AnEndpointThatSaysNothingIsAConnectError) {
  Http2Wire h(kHttp2 + "    retry: {attempts: 1}\n    connect_timeout: 30ms\n");
  const Descriptor application = h.wire.Connect();
  Send(application, kGet);
  const Descriptor endpoint = h.wire.Accept();
  EXPECT_EQ(OutcomeOf(h.wire.ReadHead(application)), "connect_error");
  ASSERT_TRUE(h.Until([&] { return h.wire.http2_pool().open() == 0; }));
}

class AutoProtocol : public Http2AttemptTest {
 protected:
  AutoProtocol() : Http2AttemptTest("    retry: {attempts: 1}\n") {}
};

TEST_F(AutoProtocol, SpeaksToTheEndpointAsTheApplicationDoes) {
  Http2WirePeer& application = h_.Connect();
  PeerStream& sent = application->Request(RequestFields("GET", "/"));
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  EXPECT_EQ(stream.Field("via"), "2 naru");
  AnswerOk(stream);
  EXPECT_EQ(h_.Over(sent), ":status: 200\ncontent-length: 2\nok\n[end][closed NO_ERROR]");

  Send(application_, kGet);
  const Descriptor upstream = h_.wire.Accept();
  EXPECT_EQ(h_.wire.ReadHead(upstream).substr(0, 15), "GET / HTTP/1.1\r");
  Send(upstream, kOk);
  h_.wire.Expect(application_, kOk);
}

TEST_F(AutoProtocol, FallsBackToHttp1AndRemembersIt) {
  Http2WirePeer& application = h_.Connect();
  PeerStream& first = application->Request(RequestFields("PUT", "/"), true);
  first.Send("body", true);
  ASSERT_TRUE(h_.Until([this] { return h_.wire.SomebodyWaits(); }));
  Descriptor refuses = h_.wire.Accept();
  Send(refuses, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
  ASSERT_TRUE(h_.Until([this] { return h_.wire.SomebodyWaits(); }));
  const Descriptor upstream = h_.wire.Accept();
  EXPECT_EQ(h_.wire.ReadHead(upstream).substr(0, 15), "PUT / HTTP/1.1\r");
  h_.wire.Expect(upstream, "4\r\nbody\r\n0\r\n\r\n");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(first), ":status: 200\ncontent-length: 2\nok\n[end][closed NO_ERROR]");

  PeerStream& second = application->Request(RequestFields("GET", "/2"));
  EXPECT_EQ(h_.wire.ReadHead(upstream).substr(0, 9), "GET /2 HT");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(second), ":status: 200\ncontent-length: 2\nok\n[end][closed NO_ERROR]");
  EXPECT_EQ(Counts(), "calls courses/other ok 200 = 2\nattempts courses ok = 2\n");
}

TEST_F(AutoProtocol, FallsBackToHttp2AndRemembersIt) {
  Send(application_, kPost);
  Descriptor refuses = h_.wire.Accept();
  h_.wire.ReadHead(refuses);
  Send(refuses, Frame(FrameType::kSettings, 0, 0));
  Http2WirePeer& endpoint = h_.Accept();
  AnswerOk(h_.Stream(endpoint, 0));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  Send(application_, kGet);
  AnswerOk(h_.Stream(endpoint, 1));
  EXPECT_EQ(Read(application_, "ok"), kOk);
  EXPECT_FALSE(h_.wire.SomebodyConnects());
  EXPECT_EQ(Counts(), "calls courses/other ok 200 = 2\nattempts courses ok = 2\n");
}

// --- tunnels (RFC 8441) ---

const std::string kWebSocket =
    "GET /chat HTTP/1.1\r\nhost: courses\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST_F(Http2AttemptTest, TunnelsAfterAnExtendedConnect) {
  Send(application_, kWebSocket + "early");
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  EXPECT_EQ(stream.Field(":method"), "CONNECT");
  EXPECT_EQ(stream.Field(":protocol"), "websocket");
  stream.Answer(AnswerFields(200, {{"sec-websocket-protocol", "chat"}}), true);
  stream.Send("hello");
  EXPECT_EQ(ReadHead(application_),
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
            "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nconnection: upgrade\r\nupgrade: "
            "websocket\r\n\r\n");
  EXPECT_EQ(Read(application_, "hello"), "hello");
  ASSERT_TRUE(h_.Until([&] { return stream.body == "early"; }));
  Send(application_, "up");
  ASSERT_TRUE(h_.Until([&] { return stream.body == "earlyup"; }));
  ASSERT_EQ(shutdown(application_.get(), SHUT_WR), 0);
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  stream.Send("bye", true);
  EXPECT_EQ(Read(application_, "[end]"), "bye[end]");
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other ok 101 = 1\nattempts courses ok = 1\n");
  EXPECT_EQ(open(), 1u);
}

TEST_F(WithoutRetry, AnEndpointThatTakesNoExtendedConnectIsABadResponse) {
  Send(application_, kWebSocket);
  h_.Accept({.extended_connect = false});
  const std::string error = ReadError();
  EXPECT_EQ(OutcomeOf(error), "bad_response");
  EXPECT_NE(error.find("\"detail\": \"does not switch protocols on HTTP/2 (RFC 8441)\"}]"), std::string::npos)
      << error;
}

TEST_F(AutoProtocol, SwitchesInHttp1WhereHttp2CannotAndRemembersNothing) {
  Http2WirePeer& application = h_.Connect();
  PeerStream& sent = application->Request({{":method", "CONNECT"},
                                           {":protocol", "websocket"},
                                           {":scheme", "http"},
                                           {":path", "/chat"},
                                           {":authority", "courses"}},
                                          true);
  Http2WirePeer& endpoint = h_.Accept({.extended_connect = false});
  ASSERT_TRUE(h_.Until([this] { return h_.wire.SomebodyWaits(); }));
  const Descriptor upstream = h_.wire.Accept();
  EXPECT_EQ(h_.wire.ReadHead(upstream).substr(0, 19), "GET /chat HTTP/1.1\r");
  Send(upstream,
       "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello");
  ASSERT_TRUE(h_.Until([&] { return sent.body == "hello"; }));
  PeerStream& other = application->Request(RequestFields("GET", "/"));
  AnswerOk(h_.Stream(endpoint, 0));
  EXPECT_EQ(h_.Over(other), ":status: 200\ncontent-length: 2\nok\n[end][closed NO_ERROR]");
}

// --- gRPC ---

class GrpcAttemptTest : public Http2AttemptTest {
 protected:
  explicit GrpcAttemptTest(const std::string& policy = "") : Http2AttemptTest(policy) {}

  // A call with one message.
  PeerStream& Call(OwnedFields fields = {}) {
    PeerStream& sent = grpc_->Request(GrpcRequestFields("/learning.Courses/Get", std::move(fields)), true);
    sent.Send("question", true);
    return sent;
  }
  static OwnedFields Head() { return AnswerFields(200, {{"content-type", "application/grpc"}}); }

  Http2WirePeer& grpc_ = h_.Connect();
};

TEST_F(GrpcAttemptTest, PassesMessagesAndTheStatusOn) {
  PeerStream& sent = Call();
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  EXPECT_EQ(stream.body, "question");
  EXPECT_EQ(stream.Field("te"), "trailers");
  EXPECT_EQ(stream.Field("grpc-timeout"), "none");
  EXPECT_EQ(stream.Field("x-naru-deadline-ms"), "none");
  stream.Answer(Head(), true);
  stream.Send("answer", true, {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  EXPECT_EQ(h_.Over(sent),
            ":status: 200\ncontent-type: application/grpc\nanswer\n+grpc-status: 0\n+grpc-message: fine\n"
            "[end][closed NO_ERROR]");
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other ok 1000 = 1\nattempts courses ok = 1\n");
}

TEST_F(GrpcAttemptTest, CountsByTheStatusInTheTrailers) {
  PeerStream& sent = Call();
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.Answer(Head(), true);
  stream.Send("answer", true, {{"grpc-status", "13"}});
  h_.Over(sent);
  EXPECT_EQ(sent.Trailer("grpc-status"), "13");
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other server_error 1013 = 1\nattempts courses server_error = 1\n");
}

TEST_F(GrpcAttemptTest, CancelsTheStreamAndSaysWhenTheDeadlineHasPassed) {
  PeerStream& sent = Call({{"grpc-timeout", "2S"}});
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  EXPECT_NE(stream.Field("grpc-timeout"), "none");
  h_.Over(stream);
  EXPECT_EQ(stream.error, Http2Error::kCancel);
  h_.Over(sent);
  EXPECT_EQ(sent.Field("grpc-status"), "4");
  EXPECT_TRUE(sent.ended);
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other timeout 1004 = 1\nattempts courses timeout = 1\n");
}

TEST_F(GrpcAttemptTest, AStreamGivesItsPlaceUpOnceItLasts) {
  PeerStream& sent = grpc_->Request(GrpcRequestFields("/learning.Courses/Watch"), true);
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  EXPECT_EQ(h_.wire.world().plan().guards.limit->in_flight(), 1u);
  stream.Answer(Head(), true);
  ASSERT_TRUE(h_.Until([&] { return !sent.head.empty(); }));
  EXPECT_EQ(h_.wire.world().plan().guards.limit->in_flight(), 0u);
  stream.Send("1");
  ASSERT_TRUE(h_.Until([&] { return sent.body == "1"; }));
  sent.Reset(Http2Error::kCancel);
  h_.Over(stream);
  EXPECT_EQ(stream.error, Http2Error::kCancel);
  ExpectNothingLeft();
}

// Everything that a silent stream gives back is there again when it is needed.
TEST_F(GrpcAttemptTest, AStreamGoesOnAfterEachSilenceAndEndsWithItsTrailers) {
  PeerStream& sent = grpc_->Request(GrpcRequestFields("/learning.Courses/Chat"), true);
  PeerStream& stream = h_.Stream(h_.Accept(), 0);
  stream.Answer(Head(), true);
  ASSERT_TRUE(h_.Until([&] { return !sent.head.empty(); }));
  std::string up;
  std::string down;
  for (const std::string& message : {std::string(20'000, 'a'), std::string("b"), std::string(300, 'c')}) {
    sent.Send(message);
    ASSERT_TRUE(h_.Until([&] { return stream.body == up + message; }));
    up += message;
    stream.Send(message);
    ASSERT_TRUE(h_.Until([&] { return sent.body == down + message; }));
    down += message;
    h_.Settle();
  }
  sent.Send("", true, {{"x-sum", "1"}});
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  EXPECT_EQ(stream.Trailer("x-sum"), "1");
  stream.Finish({{"grpc-status", "0"}});
  EXPECT_EQ(h_.Over(sent), ":status: 200\ncontent-type: application/grpc\n" + down +
                               "\n+grpc-status: 0\n[end][closed NO_ERROR]");
  ExpectNothingLeft();
  EXPECT_EQ(Counts(), "calls courses/other ok 1000 = 1\nattempts courses ok = 1\n");
}

// The last message waits for its reader while the answer goes on, which is when the heads are forgotten.
TEST_F(GrpcAttemptTest, AStreamForgetsItsHeadsWhileItsLastMessageIsStillBeingSent) {
  PeerStream& sent = grpc_->Request(GrpcRequestFields("/learning.Courses/Put"), true);
  PeerStream& stream = h_.Stream(h_.Accept(), 0);
  stream.reads = false;
  constexpr size_t kWindow = http::Http2Session::kRequestWindowBytes;
  const std::string large(kWindow + 1000, 'x');
  sent.Send(large, true);
  ASSERT_TRUE(h_.Until([&] { return stream.body.size() == kWindow; }));
  h_.Settle();
  stream.Answer(Head(), true);
  stream.Send("1");
  ASSERT_TRUE(h_.Until([&] { return sent.body == "1"; }));
  h_.Settle();
  stream.reads = true;
  stream.Consume(kWindow);
  ASSERT_TRUE(h_.Until([&] { return stream.ended; }));
  EXPECT_EQ(stream.body, large);
  stream.Finish({{"grpc-status", "0"}});
  h_.Over(sent);
  EXPECT_EQ(sent.Trailer("grpc-status"), "0");
  ExpectNothingLeft();
}

class GrpcRetryTest : public GrpcAttemptTest {
 protected:
  GrpcRetryTest() : GrpcAttemptTest("    retry: {idempotent: true, backoff: {base: 1ms, max: 1ms}}\n") {}
};

// Where the status stands: in the head, or in trailers that follow it at once.
TEST_F(GrpcRetryTest, TriesAgainWhatFailedWithoutAMessage) {
  PeerStream& sent = Call();
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& trailers_only = h_.Stream(endpoint, 0);
  OwnedFields head = Head();
  head.emplace_back("grpc-status", "14");
  trailers_only.Answer(head);
  PeerStream& second = h_.Stream(endpoint, 1);
  EXPECT_EQ(second.Field("grpc-previous-rpc-attempts"), "1");
  second.Answer(Head(), true);
  second.Send("answer", true, {{"grpc-status", "0"}});
  h_.Over(sent);
  EXPECT_EQ(sent.Transcript(),
            ":status: 200\ncontent-type: application/grpc\nanswer\n+grpc-status: 0\n[end][closed NO_ERROR]");

  PeerStream& again = Call();
  PeerStream& with_head = h_.Stream(endpoint, 2);
  with_head.Answer(Head(), true);
  with_head.Finish({{"grpc-status", "14"}});
  PeerStream& fourth = h_.Stream(endpoint, 3);
  fourth.Answer(Head(), true);
  fourth.Send("answer", true, {{"grpc-status", "0"}});
  h_.Over(again);
  EXPECT_EQ(again.Transcript(), sent.Transcript());
  ExpectNothingLeft();
  EXPECT_EQ(Counts(),
            "calls courses/other ok 1000 = 2\nattempts courses ok = 2\nattempts courses server_error = 2\n"
            "retries courses unavailable = 2\n");
}

TEST_F(GrpcRetryTest, DoesNotTryAgainOnceAMessageWasPassedOn) {
  PeerStream& sent = Call();
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.Answer(Head(), true);
  stream.Send("answer", true, {{"grpc-status", "14"}});
  h_.Over(sent);
  EXPECT_EQ(sent.Trailer("grpc-status"), "14");
  ExpectNothingLeft();
  EXPECT_EQ(endpoint->streams(), 1u);
  EXPECT_EQ(Counts(), "calls courses/other server_error 1014 = 1\nattempts courses server_error = 1\n");
}

// The head is held back for a moment only.
TEST_F(GrpcRetryTest, PassesAHeadOnWhoseMessagesAreSlow) {
  PeerStream& sent = Call();
  Http2WirePeer& endpoint = h_.Accept();
  PeerStream& stream = h_.Stream(endpoint, 0);
  stream.Answer(Head(), true);
  ASSERT_TRUE(h_.Until([&] { return !sent.head.empty(); }));
  EXPECT_EQ(sent.Transcript(), ":status: 200\ncontent-type: application/grpc\n");
  stream.Send("answer", true, {{"grpc-status", "14"}});
  h_.Over(sent);
  EXPECT_EQ(sent.Trailer("grpc-status"), "14");
  EXPECT_EQ(endpoint->streams(), 1u);
}

}  // namespace
}  // namespace naru::call
