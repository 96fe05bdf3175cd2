// What gRPC looks like on HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md).
#pragma once

#include <string>
#include <string_view>

#include "sidecar/http/message.h"

namespace naru::http {

// True for "application/grpc" with or without "+proto", "+json", ...; not for grpc-web, which is HTTP/1.
bool IsGrpcContentType(std::string_view content_type);

// A request that is to be answered by gRPC's rules: HTTP/2 and the content type.
bool IsGrpc(const RequestHead& head);

// The value of a grpc-message field: percent-encoded where it is not printable ASCII.
std::string EncodeGrpcMessage(std::string_view message);

}  // namespace naru::http
