#include "sidecar/http/http1_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/support/read_message.h"

namespace naru::http {
namespace {

TEST(Http1Writer, WritesARequestHeadThatIsReadBackTheSame) {
  std::string out;
  AppendRequestLine(out, "POST", "/v1/x?y");
  AppendField(out, "Host", "courses");
  AppendField(out, "Content-Length", uint64_t{5});
  AppendEndOfHead(out);
  EXPECT_EQ(out, "POST /v1/x?y HTTP/1.1\r\nHost: courses\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(ReadRequest(out + "hello", 8).transcript,
            "POST /v1/x?y HTTP/1.1\nHost: courses\nContent-Length: 5\n[length 5]\nhello\n[end]");
}

TEST(Http1Writer, WritesAStatusWithItsReasonOrTheUsualOne) {
  std::string out;
  AppendStatusLine(out, 200, "Fine");
  AppendStatusLine(out, 404, "");
  AppendStatusLine(out, 599, "");
  EXPECT_EQ(out, "HTTP/1.1 200 Fine\r\nHTTP/1.1 404 Not Found\r\nHTTP/1.1 599 \r\n");
}

TEST(Http1Writer, HasAReasonForEveryStatusThatNaruAnswersWith) {
  for (const int status : {100, 101, 200, 400, 405, 408, 431, 502, 503, 504})
    EXPECT_NE(UsualReason(status), "");
}

TEST(Http1Writer, WritesTheLargestNumber) {
  std::string out;
  AppendField(out, "N", std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(out, "N: 18446744073709551615\r\n");
}

TEST(ChunkPrefix, IsTheSizeInHex) {
  EXPECT_EQ(ChunkPrefix(0).text(), "0\r\n");
  EXPECT_EQ(ChunkPrefix(9).text(), "9\r\n");
  EXPECT_EQ(ChunkPrefix(0x1abc).text(), "1abc\r\n");
  EXPECT_EQ(ChunkPrefix(std::numeric_limits<uint64_t>::max()).text(), "ffffffffffffffff\r\n");
}

TEST(ChunkPrefix, StaysGoodWhenCopied) {
  const ChunkPrefix copy = ChunkPrefix(0x2f);
  EXPECT_EQ(copy.text(), "2f\r\n");
}

TEST(Http1Writer, WritesChunksAndTrailersThatAreReadBackTheSame) {
  std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view piece : {"hello", ", ", "world, and all who live there"}) {
    out.append(ChunkPrefix(piece.size()).text()).append(piece).append(kChunkSuffix);
  }
  FieldList trailers;
  trailers.Add("Grpc-Status", "0");
  AppendLastChunk(out, trailers);
  for (const size_t bytes : kFragmentSizes) {
    EXPECT_EQ(
        ReadResponse(out, "GET", bytes).transcript,
        "HTTP/1.1 200 OK\n-Transfer-Encoding: chunked\n[chunked]\nhello, world, and all who live there\n"
        "+Grpc-Status: 0\n[end]");
  }
}

TEST(Http1Writer, LeavesOutTrailersThatFrameOrRouteOrSpeakForNaru) {
  FieldList trailers;
  for (const char* name : {"Connection", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
                           "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                           "X-Naru-Attempt", "X-Naru-Caller", "X-Naru-Deadline-Ms", "X-Naru-Outcome"}) {
    trailers.Add(name, "x");
  }
  trailers.Add("A", "kept");
  trailers.Add("B", "hop-by-hop");
  (trailers.end() - 1)->hop_by_hop = true;
  std::string out;
  AppendLastChunk(out, trailers);
  EXPECT_EQ(out, "0\r\nA: kept\r\n\r\n");
}

}  // namespace
}  // namespace naru::http
