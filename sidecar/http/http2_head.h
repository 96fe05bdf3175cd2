// Between HTTP/2 header blocks and the message model: pseudo-header fields, Host, framing (RFC 9113 8).
//
// nghttp2 has refused what is malformed by RFC 9113 8.2 and 8.3 before; what is checked here is what naru
// reads itself.
#pragma once

#include <string_view>

#include "sidecar/http/http2_head_block.h"
#include "sidecar/http/message.h"

namespace naru::http {

// Views in `into` point into `block`. `ends` says that no body follows. Return an empty view, or what is
// wrong as a sentence in static memory.
std::string_view ReadRequestHead(const Http2HeadBlock& block, bool ends, RequestHead& into);
// `request_method` is that of the request which this answers.
std::string_view ReadResponseHead(const Http2HeadBlock& block, std::string_view request_method, bool ends,
                                  ResponseHead& into);
void ReadTrailers(const Http2HeadBlock& block, FieldList& into);

// True if the block begins with a status: the head of an answer, and not its trailers.
bool HasStatus(const Http2HeadBlock& block);
// The status of a block that has one, 0 if it is no number.
int StatusOf(const Http2HeadBlock& block);

}  // namespace naru::http
