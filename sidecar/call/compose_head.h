// What naru says upstream and downstream: which fields it forwards, removes and sets, in HTTP/1 and HTTP/2.
// Pure functions over heads.
#pragma once

#include <string>

#include "sidecar/call/call.h"
#include "sidecar/http/http2_head_block.h"

namespace naru::call {

// Appends the head of an attempt's request: HTTP/1.1, the service's Host, the application's fields without
// hop-by-hop ones, and naru's own (see INTERFACE: Headers). `now` gives the remaining deadline.
void AppendUpstreamHead(std::string& out, const Call& call, TimePoint now);

// How a body towards the application is framed.
struct DownstreamFraming {
  http::Framing::Kind kind = http::Framing::Kind::kNone;
  bool close = false;  // the connection ends with this answer
};
// `request_minor_version` 0 knows no chunks: its body ends with the connection unless its length is known.
DownstreamFraming FrameAnswer(const http::ResponseHead& head, int request_minor_version, bool keep_alive);

// Appends the head of an answer that is passed on.
void AppendAnswerHead(std::string& out, const http::ResponseHead& head, const DownstreamFraming& framing,
                      int request_minor_version);

// Appends a 1xx head that is passed on.
void AppendInformationalHead(std::string& out, const http::ResponseHead& head);

// The same for HTTP/2. Views in `out` point into the call and its snapshot. A request that asks to switch
// protocols becomes an extended CONNECT (RFC 8441).
void ComposeHttp2Request(http::Http2Fields& out, const Call& call, TimePoint now);
// The head of an answer, 1xx included. 101 becomes the 200 of an extended CONNECT.
void ComposeHttp2Answer(http::Http2Fields& out, const http::ResponseHead& head);

// A request of HTTP/1 as the header block that it would have been, for `Upgrade: h2c` (RFC 7540 3.2).
void ToHttp2Block(const http::RequestHead& head, http::Http2HeadBlock& block);

}  // namespace naru::call
