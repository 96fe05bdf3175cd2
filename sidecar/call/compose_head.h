// What naru says upstream and downstream: which fields it forwards, removes and sets. Pure functions over
// heads.
#pragma once

#include <string>

#include "sidecar/call/call.h"

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

}  // namespace naru::call
