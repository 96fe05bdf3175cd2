// Messages that are refused, each with its sentence, in every fragmentation: whatever two readers could
// understand in two ways is refused here, so that no request can hide in another (RFC 9112 11.2).
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/read_message.h"

namespace naru {
namespace {

using std::string_view_literals::operator""sv;

struct Row {
  std::string_view bytes;
  const char* problem;
};

constexpr const char* kNoCr = "a line ends in LF without CR";
constexpr const char* kCrInside = "a CR stands inside a line";
constexpr const char* kFolded = "a field is folded over two lines";
constexpr const char* kFieldCharacter = "a field has a character that is not allowed in one";
constexpr const char* kMethod = "the method has a character that is not allowed in one";
constexpr const char* kTarget = "the request target has a character that is not allowed in one";
constexpr const char* kNotNamed = "the first line does not name HTTP/1.0 or HTTP/1.1";
constexpr const char* kVersion = "the version is neither HTTP/1.0 nor HTTP/1.1";
constexpr const char* kStatus = "the status is not a number of three digits";
constexpr const char* kLength = "Content-Length is not a number of bytes";
constexpr const char* kLengthRepeated = "Content-Length is repeated";
constexpr const char* kBoth = "Content-Length stands beside Transfer-Encoding";
constexpr const char* kCoding = "Transfer-Encoding is not exactly \"chunked\"";
constexpr const char* kCodingRepeated = "Transfer-Encoding is repeated";
constexpr const char* kCodingIn10 = "Transfer-Encoding does not exist in HTTP/1.0";
constexpr const char* kHostCharacter = "Host has a character that is not allowed in one";
constexpr const char* kChunks = "the chunks of the body are malformed";
constexpr const char* kTrailers = "the trailers are malformed";

const Row kRequests[] = {
    // The first line.
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", kVersion},
    {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", kVersion},
    {"GET /\r\nHost: a\r\n\r\n", kVersion},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", kVersion},
    {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", kNotNamed},
    {"GET / HTTP/11\r\nHost: a\r\n\r\n", kNotNamed},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", kNotNamed},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", kNotNamed},
    {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", kNotNamed},
    {"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", kNotNamed},
    {"DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n", kNotNamed},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "more than one space stands before the request target"},
    {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "more than one space stands behind the request target"},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", kMethod},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", kMethod},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", kMethod},
    {"G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n", kMethod},
    {"GET\r\nHost: a\r\n\r\n", kMethod},
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "the message starts with empty lines"},
    // The target.
    {"GET foo HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET courses:80 HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET http:/x HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET *x HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, kTarget},
    {"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", kTarget},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "the request target \"*\" is for OPTIONS only"},
    {"GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", "the request target has a fragment"},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "the request target names no host"},
    {"GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n", "the request target names no host"},
    {"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
     "the request target has user information before its host"},
    // Host.
    {"GET / HTTP/1.1\r\n\r\n", "Host is missing"},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "Host is repeated"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "Host is repeated"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", kHostCharacter},
    {"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", kHostCharacter},
    // Lines.
    {"GET / HTTP/1.1\nHost: a\r\n\r\n", kNoCr},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", kNoCr},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", kNoCr},
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", kNoCr},
    {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", kCrInside},
    {"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", kCrInside},
    {"GET / HTTP/1.1\rHost: a\r\n\r\n", kCrInside},
    {"GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", kCrInside},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", kCrInside},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", kFolded},
    {"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", kFolded},
    {"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", kFolded},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", kFolded},
    // Fields.
    {"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", kFieldCharacter},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", kFieldCharacter},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\x0b: chunked\r\n\r\n", kFieldCharacter},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0b\r\n\r\n", kFieldCharacter},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\n\"A\": c\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA\xc3: c\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA\0: c\r\n\r\n"sv, kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n"sv, kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: b\x01\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: b\x1f\r\n\r\n", kFieldCharacter},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: b\x7f\r\n\r\n", kFieldCharacter},
    // The length.
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", kLength},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", kLengthRepeated},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\n", kLengthRepeated},
    // The coding.
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", kBoth},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", kBoth},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", kBoth},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", kBoth},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", kCodingIn10},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", kCoding},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     kCodingRepeated},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     kCodingRepeated},
};

const Row kResponses[] = {
    {"HTTP/2.0 200 OK\r\n\r\n", kVersion},
    {"HTTP/0.9 200 OK\r\n\r\n", kVersion},
    {"HTTP/1.2 200 OK\r\n\r\n", kVersion},
    {"http/1.1 200 OK\r\n\r\n", kNotNamed},
    {"ICY 200 OK\r\n\r\n", kNotNamed},
    {"RTSP/1.0 200 OK\r\n\r\n", kNotNamed},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", kNotNamed},
    {"hello\r\n\r\n", kNotNamed},
    {"HTTP/1.1 20 OK\r\n\r\n", kStatus},
    {"HTTP/1.1 2000 OK\r\n\r\n", kStatus},
    {"HTTP/1.1 2x0 OK\r\n\r\n", kStatus},
    {"HTTP/1.1 200OK\r\n\r\n", kStatus},
    {"HTTP/1.1 -20 OK\r\n\r\n", kStatus},
    {"HTTP/1.1  200 OK\r\n\r\n", kStatus},
    {"HTTP/1.1 099 OK\r\n\r\n", "the status is not between 100 and 599"},
    {"HTTP/1.1 600 OK\r\n\r\n", "the status is not between 100 and 599"},
    {"HTTP/1.1 200 O\0K\r\n\r\n"sv, "the reason has a character that is not allowed in one"},
    {"HTTP/1.1 200 O\x1bK\r\n\r\n", "the reason has a character that is not allowed in one"},
    {"HTTP/1.1 200 O\x7fK\r\n\r\n", "the reason has a character that is not allowed in one"},
    {"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", kNoCr},
    {"HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n", kCrInside},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", kFolded},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", kFieldCharacter},
    {"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n"sv, kFieldCharacter},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", kLength},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", kLength},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", kLengthRepeated},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", kBoth},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", kBoth},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", kCodingIn10},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", kCoding},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", kCoding},
    {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n", kCoding},
};

const Row kChunkedBodies[] = {
    {"\r\n", kChunks},
    {"g\r\n", kChunks},
    {" 5\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5 \r\nhello\r\n0\r\n\r\n", kChunks},
    {"0x5\r\nhello\r\n0\r\n\r\n", kChunks},
    {"+5\r\nhello\r\n0\r\n\r\n", kChunks},
    {"-5\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5_\r\nhello\r\n0\r\n\r\n", kChunks},
    {"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", kChunks},
    {"10000000000000005\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5\nhello\r\n0\r\n\r\n", kChunks},
    {"5\rhello\r\n0\r\n\r\n", kChunks},
    {"5\r\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a\rb\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a\x01\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5;a\0\r\nhello\r\n0\r\n\r\n"sv, kChunks},
    {"5;\r\nhello\r\n0\r\n\r\n", kChunks},
    {"5\r\nhello0\r\n\r\n", kChunks},
    {"5\r\nhello\n0\r\n\r\n", kChunks},
    {"5\r\nhello\r0\r\n\r\n", kChunks},
    {"5\r\nhello, world\r\n0\r\n\r\n", kChunks},
    {"5\r\nhello\r\n\r\n0\r\n\r\n", kChunks},
    {"0\n\r\n", kChunks},
    {"0\r\n\n", kTrailers},
    {"0\r\nA : b\r\n\r\n", kTrailers},
    {"0\r\n A: b\r\n\r\n", kTrailers},
    {"0\r\nA: b\r\n c\r\n\r\n", kTrailers},
    {"0\r\nA: b\n\r\n", kTrailers},
    {"0\r\nA: b\rc\r\n\r\n", kTrailers},
    {"0\r\nA: b\0\r\n\r\n"sv, kTrailers},
    {"0\r\nA: b\r\n\n", kTrailers},
    {"0\r\nA\r\n\r\n", kTrailers},
    {"0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", kTrailers},
    {"0\r\nContent-Length: 5\r\n\r\nhello", kTrailers},
    {"0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kTrailers},
};

TEST(MalformedRequests, AreRefusedWithTheReason) {
  for (const Row& row : kRequests) {
    for (const size_t bytes : kFragmentSizes) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(row.bytes) << ", in fragments of " << bytes);
      EXPECT_EQ(ReadRequest(row.bytes, bytes).problem, row.problem);
    }
  }
}

TEST(MalformedResponses, AreRefusedWithTheReason) {
  for (const Row& row : kResponses) {
    for (const size_t bytes : kFragmentSizes) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(row.bytes) << ", in fragments of " << bytes);
      EXPECT_EQ(ReadResponse(row.bytes, "GET", bytes).problem, row.problem);
    }
  }
}

TEST(MalformedChunks, AreRefusedWithTheReasonInBothDirections) {
  for (const Row& row : kChunkedBodies) {
    for (const size_t bytes : kFragmentSizes) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(row.bytes) << ", in fragments of " << bytes);
      std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      std::string response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      EXPECT_EQ(ReadRequest(request.append(row.bytes), bytes).problem, row.problem);
      EXPECT_EQ(ReadResponse(response.append(row.bytes), "GET", bytes).problem, row.problem);
    }
  }
}

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string ProblemOfChunked(std::string_view body, size_t fragment_bytes) {
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  return ReadRequest(request.append(body), fragment_bytes).problem;
}

// Reading 64 KiB byte by byte copies gigabytes in ReadMessage, so the limits are read in larger pieces.
constexpr size_t kLargeFragments[] = {977, 16 * 1024, static_cast<size_t>(-1)};

TEST(Limits, AHeadMayHave256Fields) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ReadRequest(start + Repeat("A: b\r\n", 255) + "\r\n", bytes).problem, "");
    EXPECT_EQ(ReadRequest(start + Repeat("A: b\r\n", 256) + "\r\n", bytes).problem,
              "the head has more than 256 fields");
  }
}

TEST(Limits, ConnectionMayName64Fields) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: ";
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ReadRequest(start + Repeat("a,", 63) + "\r\n\r\n", bytes).problem, "");
    EXPECT_EQ(ReadRequest(start + Repeat("a,", 64) + "\r\n\r\n", bytes).problem,
              "Connection names more than 64 fields");
    EXPECT_EQ(
        ReadResponse("HTTP/1.1 200 OK\r\nConnection: " + Repeat("a,", 65) + "\r\n\r\n", "GET", bytes).problem,
        "Connection names more than 64 fields");
  }
}

TEST(Limits, AHeadMayHave64KiBEmptyLinesBeforeItNotCounted) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  const std::string fits = Repeat("x", 64 * 1024 - start.size() - 4);
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ReadRequest("\r\n\r\n" + start + fits + "\r\n\r\n", bytes).problem, "");
    EXPECT_EQ(ReadRequest(start + fits + "x\r\n\r\n", bytes).problem, "the head is too large");
    EXPECT_EQ(ReadRequest(start + fits + "xxxxx", bytes).problem, "the head is too large");
  }
}

TEST(Limits, ATargetMayFillTheHead) {
  const std::string target = "/" + Repeat("x", 60 * 1024);
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ReadRequest("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", bytes).transcript,
              "GET " + target + " HTTP/1.1\nHost: a\n[no body]\n[end]");
  }
}

TEST(Limits, BetweenTwoPiecesOfPayloadMayStand32KiBOfFraming) {
  const std::string name = Repeat("x", 32 * 1024 - 4);
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ProblemOfChunked("1;" + name + "\r\na\r\n0\r\n\r\n", bytes), "");
    EXPECT_EQ(ProblemOfChunked("1;" + name + "x\r\na\r\n0\r\n\r\n", bytes),
              "the chunks of the body carry too much besides the body");
    EXPECT_EQ(ProblemOfChunked("1\r\na\r\n0;" + name + "\r\n\r\n", bytes),
              "the chunks of the body carry too much besides the body");
    EXPECT_EQ(ProblemOfChunked(Repeat("0", 40'000), bytes),
              "the chunks of the body carry too much besides the body");
  }
}

TEST(Limits, ManyChunksWithSmallExtensionsAreABody) {
  const std::string body = Repeat("1;abc=def\r\nx\r\n", 10'000) + "0\r\n\r\n";
  for (const size_t bytes : kLargeFragments) EXPECT_EQ(ProblemOfChunked(body, bytes), "");
}

TEST(Limits, TrailersMayHave16KiB) {
  const std::string value = Repeat("x", 16 * 1024 - 1);
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ProblemOfChunked("0\r\nA: " + value + "\r\n\r\n", bytes), "");
    EXPECT_EQ(ProblemOfChunked("0\r\nA: " + value + "x\r\n\r\n", bytes),
              "the trailers are larger than 16 KiB");
  }
}

TEST(Limits, ABodyMayHave256Trailers) {
  for (const size_t bytes : kLargeFragments) {
    EXPECT_EQ(ProblemOfChunked("0\r\n" + Repeat("A: b\r\n", 256) + "\r\n", bytes), "");
    EXPECT_EQ(ProblemOfChunked("0\r\n" + Repeat("A: b\r\n", 257) + "\r\n", bytes),
              "there are more than 256 trailers");
  }
}

}  // namespace
}  // namespace naru
