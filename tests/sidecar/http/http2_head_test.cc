#include "sidecar/http/http2_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/http2_frames.h"

namespace naru::http {
namespace {

Http2HeadBlock Block(FieldPairs fields) {
  Http2HeadBlock block;
  for (const auto& [name, value] : fields) block.Add(name, value);
  return block;
}

std::string Describe(const Framing& framing) {
  if (framing.kind == Framing::Kind::kNone) return "no body";
  if (framing.kind == Framing::Kind::kLength) return "length " + std::to_string(framing.length);
  return framing.kind == Framing::Kind::kChunked ? "until the end" : "until close";
}

std::string Describe(const FieldList& fields) {
  std::string text;
  for (const Field& field : fields) text.append(field.name).append(": ").append(field.value).append("\n");
  return text;
}

// The head as it was understood, or why not.
std::string Request(FieldPairs fields, bool ends = true) {
  const Http2HeadBlock block = Block(fields);
  RequestHead head;
  head.fields.Add("left", "over");
  const std::string_view problem = ReadRequestHead(block, ends, head);
  if (!problem.empty()) return "[" + std::string(problem) + "]";
  std::string text = std::string(head.method).append(" ").append(head.target);
  text += " HTTP/" + std::to_string(head.major_version) + "." + std::to_string(head.minor_version) + "\n";
  text += Describe(head.fields) + "[" + Describe(head.body);
  if (head.upgrade) text.append(", upgrade to ").append(head.protocol);
  if (head.expect_continue) text += ", awaits 100";
  return text + (head.keep_alive ? "]" : ", then close]");
}

std::string Answer(FieldPairs fields, std::string_view method = "GET", bool ends = false) {
  const Http2HeadBlock block = Block(fields);
  ResponseHead head;
  head.fields.Add("left", "over");
  const std::string_view problem = ReadResponseHead(block, method, ends, head);
  if (!problem.empty()) return "[" + std::string(problem) + "]";
  std::string text = "HTTP/" + std::to_string(head.major_version) + "." + std::to_string(head.minor_version) +
                     " " + std::to_string(head.status) + std::string(head.reason) + "\n";
  return text + Describe(head.fields) + "[" + Describe(head.body) + "]";
}

// --- requests ---

TEST(Http2RequestHead, HasItsPseudoHeadersInTheirPlacesAndItsFieldsInTheirOrder) {
  EXPECT_EQ(Request({{":method", "GET"},
                     {":scheme", "http"},
                     {":authority", "courses:4000"},
                     {":path", "/v1/x?y"},
                     {"accept", "*/*"},
                     {"x-a", "1"},
                     {"x-a", "2"}}),
            "GET /v1/x?y HTTP/2.0\naccept: */*\nx-a: 1\nx-a: 2\nhost: courses:4000\n[no body]");
}

TEST(Http2RequestHead, TakesHostForTheAuthorityThatIsMissing) {
  EXPECT_EQ(Request({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "courses"}}),
            "GET / HTTP/2.0\nhost: courses\n[no body]");
  EXPECT_EQ(Request({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}), "GET / HTTP/2.0\n[no body]");
}

// RFC 9113 8.3.1
TEST(Http2RequestHead, IsRefusedWhereHostAndAuthorityDiffer) {
  EXPECT_EQ(Request({{":method", "GET"}, {":authority", "courses"}, {":path", "/"}, {"host", "COURSES"}}),
            "GET / HTTP/2.0\nhost: COURSES\n[no body]");
  EXPECT_EQ(Request({{":method", "GET"}, {":authority", "courses"}, {":path", "/"}, {"host", "orders"}}),
            "[host and :authority differ]");
  EXPECT_EQ(Request({{":method", "GET"}, {":path", "/"}, {"host", "courses"}, {"host", "courses"}}),
            "[host is repeated]");
}

TEST(Http2RequestHead, NamesAMethodAndAPath) {
  constexpr const char* kProblem = "[the request names no method or no path]";
  EXPECT_EQ(Request({{":path", "/"}, {":authority", "courses"}}), kProblem);
  EXPECT_EQ(Request({{":method", "GET"}, {":authority", "courses"}}), kProblem);
  EXPECT_EQ(Request({{":method", "GET"}, {":path", ""}}), kProblem);
  EXPECT_EQ(Request({}), kProblem);
}

TEST(Http2RequestHead, LeavesCookieCrumbsAsTheyAre) {
  EXPECT_EQ(Request({{":method", "GET"}, {":path", "/"}, {"cookie", "a=1"}, {"cookie", "b=2"}}),
            "GET / HTTP/2.0\ncookie: a=1\ncookie: b=2\n[no body]");
}

TEST(Http2RequestHead, SaysWhereItsBodyEnds) {
  const auto put = [](std::string_view length, bool ends) {
    return Request({{":method", "PUT"}, {":path", "/"}, {"content-length", length}}, ends);
  };
  EXPECT_EQ(put("5", false), "PUT / HTTP/2.0\ncontent-length: 5\n[length 5]");
  EXPECT_EQ(put("0", false), "PUT / HTTP/2.0\ncontent-length: 0\n[length 0]");
  EXPECT_EQ(put("0", true), "PUT / HTTP/2.0\ncontent-length: 0\n[no body]");
  EXPECT_EQ(put("five", false), "[content-length is not a number of bytes]");
  EXPECT_EQ(Request({{":method", "PUT"}, {":path", "/"}}, false), "PUT / HTTP/2.0\n[until the end]");
}

TEST(Http2RequestHead, KnowsWhoAwaits100) {
  EXPECT_EQ(Request({{":method", "PUT"}, {":path", "/"}, {"expect", "100-Continue"}}, false),
            "PUT / HTTP/2.0\nexpect: 100-Continue\n[until the end, awaits 100]");
}

// RFC 8441 4: the stream of an extended CONNECT is a tunnel, not a body.
TEST(Http2RequestHead, ReadsAnExtendedConnectAsAnUpgrade) {
  EXPECT_EQ(Request({{":method", "CONNECT"},
                     {":protocol", "websocket"},
                     {":scheme", "http"},
                     {":path", "/chat"},
                     {":authority", "courses"},
                     {"sec-websocket-version", "13"}},
                    false),
            "GET /chat HTTP/2.0\nsec-websocket-version: 13\nhost: courses\n[no body, upgrade to websocket]");
}

TEST(Http2RequestHead, IsRefusedWhereItAsksForH2c) {
  EXPECT_EQ(
      Request({{":method", "CONNECT"}, {":protocol", "h2c"}, {":path", "/"}, {":authority", "courses"}}),
      "[h2c cannot be switched to inside HTTP/2]");
}

TEST(Http2RequestHead, ReadsAPlainConnectAsOneForItsAuthority) {
  EXPECT_EQ(Request({{":method", "CONNECT"}, {":authority", "example.com:443"}}, false),
            "CONNECT example.com:443 HTTP/2.0\nhost: example.com:443\n[until the end]");
}

// --- answers ---

TEST(Http2ResponseHead, HasAStatusAndNoReason) {
  EXPECT_EQ(Answer({{":status", "200"}, {"content-length", "5"}, {"etag", "a"}}),
            "HTTP/2.0 200\ncontent-length: 5\netag: a\n[length 5]");
  EXPECT_EQ(Answer({{":status", "503"}}), "HTTP/2.0 503\n[until the end]");
  EXPECT_EQ(Answer({{":status", "404"}}, "GET", true), "HTTP/2.0 404\n[no body]");
}

TEST(Http2ResponseHead, HasNoBodyWhereItsStatusOrItsRequestSaysSo) {
  EXPECT_EQ(Answer({{":status", "200"}, {"content-length", "5"}}, "HEAD"),
            "HTTP/2.0 200\ncontent-length: 5\n[no body]");
  EXPECT_EQ(Answer({{":status", "204"}}), "HTTP/2.0 204\n[no body]");
  EXPECT_EQ(Answer({{":status", "304"}, {"content-length", "5"}}),
            "HTTP/2.0 304\ncontent-length: 5\n[no body]");
  EXPECT_EQ(Answer({{":status", "103"}, {"link", "</a>"}}), "HTTP/2.0 103\nlink: </a>\n[no body]");
}

TEST(Http2ResponseHead, IsRefusedWithoutASoundStatus) {
  for (const char* status : {"99", "600", "1000", "-1", "2xx", "", "200 "}) {
    EXPECT_EQ(Answer({{":status", status}}), "[the status is not between 100 and 599]") << status;
  }
  EXPECT_EQ(Answer({{":status", "200"}, {"content-length", "-1"}}),
            "[content-length is not a number of bytes]");
}

TEST(Http2ResponseHead, IsToldFromTrailersByItsStatus) {
  EXPECT_TRUE(HasStatus(Block({{":status", "200"}})));
  EXPECT_FALSE(HasStatus(Block({{"grpc-status", "0"}})));
  EXPECT_FALSE(HasStatus(Block({})));
  EXPECT_EQ(StatusOf(Block({{":status", "200"}})), 200);
  EXPECT_EQ(StatusOf(Block({{":status", "200x"}})), 0);
  EXPECT_EQ(StatusOf(Block({{":status", "x"}})), 0);
}

TEST(Http2Trailers, ReplaceWhatWasThere) {
  const Http2HeadBlock block = Block({{"grpc-status", "14"}, {"grpc-message", "busy"}});
  FieldList trailers;
  trailers.Add("left", "over");
  ReadTrailers(block, trailers);
  EXPECT_EQ(Describe(trailers), "grpc-status: 14\ngrpc-message: busy\n");
  ASSERT_NE(trailers.Find(FieldId::kGrpcStatus), nullptr);
  EXPECT_EQ(trailers.Find(FieldId::kGrpcStatus)->value, "14");
}

}  // namespace
}  // namespace naru::http
