// Writes HTTP/1 heads and chunk framing. Appends to strings and arrays of the caller; no sockets.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/http/message.h"

namespace naru::http {

void AppendRequestLine(std::string& out, std::string_view method, std::string_view target);
// Always HTTP/1.1, the version naru speaks (RFC 9110 6.2). An empty reason is replaced by the usual one.
void AppendStatusLine(std::string& out, int status, std::string_view reason);
void AppendField(std::string& out, std::string_view name, std::string_view value);
void AppendField(std::string& out, std::string_view name, uint64_t value);
inline void AppendEndOfHead(std::string& out) {
  out += "\r\n";
}

// "200", in static memory, for 100 to 599.
std::string_view StatusText(int status);

// The words that go with a status when its sender gave none.
std::string_view UsualReason(int status);

// "<size in hex>CRLF", before a chunk.
class ChunkPrefix {
 public:
  explicit ChunkPrefix(uint64_t size);
  std::string_view text() const { return {text_.data() + begin_, text_.size() - begin_}; }

 private:
  std::array<char, 18> text_;
  size_t begin_;
};
inline constexpr std::string_view kChunkSuffix = "\r\n";

// The last chunk and the trailers, without the fields that may not stand there (RFC 9110 6.5.1) or are
// hop-by-hop.
void AppendLastChunk(std::string& out, const FieldList& trailers);

// True if this field may be sent as a trailer: not framing, routing, a modifier of the connection, or what
// only naru says.
bool MayBeTrailer(FieldId id);

}  // namespace naru::http
