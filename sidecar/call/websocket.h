// The handshake fields of WebSocket over HTTP/1 (RFC 6455 4), for calls that cross from one version of HTTP
// to the other: HTTP/2 has none of them (RFC 8441 5.1).
#pragma once

#include <string>
#include <string_view>

namespace naru::call {

// A Sec-WebSocket-Key: 16 bytes that follow from the call's id, in base64. It is no secret.
std::string WebSocketKey(std::string_view request_id);

// The Sec-WebSocket-Accept that answers `key`.
std::string WebSocketAccept(std::string_view key);

}  // namespace naru::call
