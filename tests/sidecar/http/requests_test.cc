// Requests that are understood: the bytes, and what naru makes of them, in every fragmentation.
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
};

const Row kRows[] = {
    {"nothing but the head", "GET /v1/x?y=1 HTTP/1.1\r\nHost: courses\r\n\r\n",
     "GET /v1/x?y=1 HTTP/1.1\nHost: courses\n[no body]\n[end]"},
    {"white space around a value, and none",
     "GET / HTTP/1.1\r\nHost:courses\r\nA: \t b c \t\r\nB:\r\nC: \r\n\r\n",
     "GET / HTTP/1.1\nHost: courses\nA: b c\nB: \nC: \n[no body]\n[end]"},
    {"field names with every kind of character, values with bytes above ASCII",
     "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: \xc3\xa9\"(),/:;<=>?@[\\]{}\r\n\r\n",
     "GET / HTTP/1.1\nHost: a\n!#$%&'*+-.^_`|~09azAZ: \xc3\xa9\"(),/:;<=>?@[\\]{}\n[no body]\n[end]"},
    {"repeated fields keep their order", "GET / HTTP/1.1\r\nA: 1\r\nHost: a\r\nB: 2\r\na: 3\r\n\r\n",
     "GET / HTTP/1.1\nA: 1\nHost: a\nB: 2\na: 3\n[no body]\n[end]"},
    {"two empty lines before the head", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET / HTTP/1.1\nHost: a\n[no body]\n[end]"},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\nHost: \n[no body]\n[end]"},
    {"a Host with a port", "GET / HTTP/1.1\r\nHost: [fd00::1]:4000\r\n\r\n",
     "GET / HTTP/1.1\nHost: [fd00::1]:4000\n[no body]\n[end]"},
    {"an absolute URL", "GET http://courses:80/v1?a HTTP/1.1\r\nHost: courses\r\n\r\n",
     "GET http://courses:80/v1?a HTTP/1.1\nHost: courses\n[no body]\n[end]"},
    {"an absolute URL without a path", "GET http://courses HTTP/1.1\r\nHost: courses\r\n\r\n",
     "GET http://courses HTTP/1.1\nHost: courses\n[no body]\n[end]"},
    {"a target that repeats slashes and holds an '@'", "GET //x/@y?http://z HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET //x/@y?http://z HTTP/1.1\nHost: a\n[no body]\n[end]"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\nHost: a\n[no body]\n[end]"},
    {"CONNECT", "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n",
     "CONNECT api.example.com:443 HTTP/1.1\nHost: api.example.com:443\n[no body]\n[end]"},
    {"a method of the service's own", "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n",
     "FETCH / HTTP/1.1\nHost: a\n[no body]\n[end]"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\n[no body, then close]\n[end]"},
    {"HTTP/1.0 that asks to keep the connection",
     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\n",
     "GET / HTTP/1.0\n-Connection: Keep-Alive\n-Keep-Alive: timeout=5\n[no body]\n[end]"},
    {"HTTP/1.1 that closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n",
     "GET / HTTP/1.1\nHost: a\n-Connection: keep-alive, Close\n[no body, then close]\n[end]"},
    {"a body with a length, and the next request behind it",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n",
     "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n[length 5]\nhello\n[end]", "GET / HTTP/1.1\r\n"},
    {"a length of nothing", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET",
     "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n[length 0]\n[end]", "GET"},
    {"a length with zeros in front", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhelloX",
     "POST / HTTP/1.1\nHost: a\nContent-Length: 0005\n[length 5]\nhello\n[end]", "X"},
    {"a length with blanks around it", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t5 \t\r\n\r\nhelloX",
     "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n[length 5]\nhello\n[end]", "X"},
    {"a GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
     "GET / HTTP/1.1\nHost: a\nContent-Length: 2\n[length 2]\nhi\n[end]"},
    {"a body cut short", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
     "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n[length 5]\nhell\n[cut short]"},
    {"chunks, and the next request behind them",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\nhello, world\n[end]",
     "GET / HTTP/1.1\r\n"},
    {"chunks with extensions, sizes in either case and with zeros in front",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ChunkeD\r\n\r\n"
     "A;a\r\n0123456789\r\n00b;a=b;c=\"d;\\\"e\"\r\nabcdefghijk\r\n0;last\r\n\r\n",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: ChunkeD\n[chunked]\n0123456789abcdefghijk\n[end]"},
    {"chunks that hold what looks like framing",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\nX",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\n\r\n0\r\n\r\n\n[end]", "X"},
    {"no chunk but the last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n000\r\n\r\nX",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\n[end]", "X"},
    {"trailers",
     "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: A, B\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1\r\nx\r\n0\r\nA: \tb c \t\r\nB:\r\n\r\nX",
     "POST / HTTP/1.1\nHost: a\n-TE: trailers\nTrailer: A, B\n-Transfer-Encoding: chunked\n[chunked]\nx\n"
     "+A: b c\n+B: \n[end]",
     "X"},
    {"chunks cut short before the last",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\nhello\n[cut short]"},
    {"chunks cut short inside the last",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r",
     "POST / HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\nhello\n[cut short]"},
    {"fields that Connection names are not forwarded, but those that carry the meaning are",
     "POST / HTTP/1.1\r\nHost: a\r\nConnection: x-a , Host,,content-length\r\nX-A: 1\r\nX-B: 2\r\n"
     "Connection: \tx-b\r\nContent-Length: 2\r\nProxy-Connection: keep-alive\r\nX-C: 3\r\n\r\nhi",
     "POST / HTTP/1.1\nHost: a\n-Connection: x-a , Host,,content-length\n-X-A: 1\n-X-B: 2\n"
     "-Connection: x-b\nContent-Length: 2\n-Proxy-Connection: keep-alive\nX-C: 3\n[length 2]\nhi\n[end]"},
    {"an upgrade",
     "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
     "websocket\r\n\r\n\x81\x05hello",
     "GET /chat HTTP/1.1\nHost: a\n-Connection: keep-alive, Upgrade\n-Upgrade: websocket\n[no body, "
     "upgrade]\n"
     "[end]",
     "\x81\x05hello"},
    {"Upgrade that Connection does not name asks for nothing",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
     "GET / HTTP/1.1\nHost: a\n-Upgrade: websocket\n[no body]\n[end]"},
    {"an upgrade in HTTP/1.0 asks for nothing",
     "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
     "GET / HTTP/1.0\n-Connection: Upgrade\n-Upgrade: websocket\n[no body, then close]\n[end]"},
    {"an upgrade with a body is not asked for",
     "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
     "POST / HTTP/1.1\nHost: a\n-Connection: Upgrade\n-Upgrade: websocket\nContent-Length: 2\n[length "
     "2]\nhi\n[end]"},
    {"a body that waits for 100",
     "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
     "POST / HTTP/1.1\nHost: a\nExpect: 100-Continue\nContent-Length: 2\n[length 2, awaits 100]\nhi\n[end]"},
    {"HTTP/1.0 knows no 100", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
     "POST / HTTP/1.0\nExpect: 100-continue\nContent-Length: 2\n[length 2, then close]\nhi\n[end]"},
    {"a head cut short", "GET / HTTP/1.1\r\nHost: a\r\n\r", "[cut short]"},
};

TEST(Requests, AreUnderstoodInEveryFragmentation) {
  for (const Row& row : kRows) {
    for (const size_t bytes : kFragmentSizes) {
      SCOPED_TRACE(testing::Message() << row.name << ", in fragments of " << bytes);
      const ReadMessage read = ReadRequest(row.bytes, bytes);
      EXPECT_EQ(read.transcript, row.understood);
      EXPECT_EQ(read.rest, row.rest);
    }
  }
}

TEST(Requests, OnOneConnectionAreReadOneBehindTheOther) {
  std::string connection =
      "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
      "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\ny";
  std::string understood;
  while (!connection.empty()) {
    const ReadMessage read = ReadRequest(connection, 7);
    ASSERT_TRUE(read.complete) << read.transcript;
    understood += read.transcript + "\n";
    connection = read.rest;
  }
  EXPECT_EQ(understood,
            "POST /1 HTTP/1.1\nHost: a\n-Transfer-Encoding: chunked\n[chunked]\nx\n[end]\n"
            "GET /2 HTTP/1.1\nHost: a\n[no body]\n[end]\n"
            "POST /3 HTTP/1.1\nHost: a\nContent-Length: 1\n[length 1]\ny\n[end]\n");
}

}  // namespace
}  // namespace naru
