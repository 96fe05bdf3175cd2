// Answers that are understood: the bytes, and what naru makes of them, in every fragmentation.
#include <gtest/gtest.h>

#include <string_view>

#include "tests/support/read_message.h"

namespace naru {
namespace {

struct Row {
  const char* name;
  std::string_view bytes;
  const char* understood;
  std::string_view rest = "";  // what belongs to the next message
  std::string_view request_method = "GET";
};

const Row kRows[] = {
    {"a length, and the next answer behind it",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhelloHTTP/1.1 200",
     "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Type: text/plain\n[length 5]\nhello\n[end]",
     "HTTP/1.1 200"},
    {"a length of nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX",
     "HTTP/1.1 200 OK\nContent-Length: 0\n[length 0]\n[end]", "X"},
    {"no reason and no space before it", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 \nContent-Length: 0\n[length 0]\n[end]"},
    {"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 \nContent-Length: 0\n[length 0]\n[end]"},
    {"a reason of several words, tabs and bytes above ASCII",
     "HTTP/1.1 503 Pas\t\xc3\xa0 cette heure\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 503 Pas\t\xc3\xa0 cette heure\nContent-Length: 0\n[length 0]\n[end]"},
    {"neither length nor chunks", "HTTP/1.1 200 OK\r\n\r\nuntil the end",
     "HTTP/1.1 200 OK\n[until close, then close]\nuntil the end\n[end]"},
    {"neither length nor chunks nor anything", "HTTP/1.1 200 OK\r\n\r\n",
     "HTTP/1.1 200 OK\n[until close, then close]\n[end]"},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     "HTTP/1.0 200 OK\nContent-Length: 2\n[length 2, then close]\nhi\n[end]"},
    {"HTTP/1.0 that keeps the connection",
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
     "HTTP/1.0 200 OK\nContent-Length: 2\n-Connection: keep-alive\n[length 2]\nhi\n[end]"},
    {"HTTP/1.1 that closes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
     "HTTP/1.1 200 OK\nContent-Length: 2\n-Connection: close\n[length 2, then close]\nhi\n[end]"},
    {"a length cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
     "HTTP/1.1 200 OK\nContent-Length: 5\n[length 5]\nhell\n[cut short]"},
    {"chunks with trailers",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nGrpc-Status: 0\r\n\r\nX",
     "HTTP/1.1 200 OK\n-Transfer-Encoding: chunked\n[chunked]\nhello\n+Grpc-Status: 0\n[end]", "X"},
    {"chunks cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
     "HTTP/1.1 200 OK\n-Transfer-Encoding: chunked\n[chunked]\nhello\n[cut short]"},
    {"an answer to HEAD has no body whatever its length",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1",
     "HTTP/1.1 200 OK\nContent-Length: 5\n[no body]\n[end]", "HTTP/1.1", "HEAD"},
    {"an answer to HEAD has no chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1",
     "HTTP/1.1 200 OK\n-Transfer-Encoding: chunked\n[no body]\n[end]", "HTTP/1.1", "HEAD"},
    {"an answer to HEAD without a length leaves the connection open", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1",
     "HTTP/1.1 200 OK\n[no body]\n[end]", "HTTP/1.1", "HEAD"},
    {"204", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1", "HTTP/1.1 204 No Content\n[no body]\n[end]",
     "HTTP/1.1"},
    {"204 with an empty length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\nX",
     "HTTP/1.1 204 No Content\nContent-Length: 0\n[no body]\n[end]", "X"},
    {"204 that announces a body is not followed by anything that could be trusted",
     "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
     "HTTP/1.1 204 No Content\nContent-Length: 5\n[no body, then close]\n[end]", "hello"},
    {"204 that announces chunks neither",
     "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 204 No Content\n-Transfer-Encoding: chunked\n[no body, then close]\n[end]", "0\r\n\r\n"},
    {"304 with the length of what it does not send",
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nHTTP/1.1",
     "HTTP/1.1 304 Not Modified\nContent-Length: 5\nETag: \"x\"\n[no body]\n[end]", "HTTP/1.1"},
    {"100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1", "HTTP/1.1 100 Continue\n[no body]\n[end]", "HTTP/1.1"},
    {"101", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81",
     "HTTP/1.1 101 Switching Protocols\n-Connection: Upgrade\n-Upgrade: websocket\n[no body]\n[end]", "\x81"},
    {"fields that Connection names",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\n\r\n",
     "HTTP/1.1 200 OK\nContent-Length: 0\n-Connection: x-a\n-X-A: 1\n-Keep-Alive: timeout=5\n[length "
     "0]\n[end]"},
    {"two empty lines before the head", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\nContent-Length: 0\n[length 0]\n[end]"},
    {"a head cut short", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "[cut short]"},
};

TEST(Responses, AreUnderstoodInEveryFragmentation) {
  for (const Row& row : kRows) {
    for (const size_t bytes : kFragmentSizes) {
      SCOPED_TRACE(testing::Message() << row.name << ", in fragments of " << bytes);
      const ReadMessage read = ReadResponse(row.bytes, row.request_method, bytes);
      EXPECT_EQ(read.transcript, row.understood);
      EXPECT_EQ(read.rest, row.rest);
    }
  }
}

}  // namespace
}  // namespace naru
