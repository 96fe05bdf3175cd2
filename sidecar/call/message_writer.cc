#include "sidecar/call/message_writer.h"

#include <array>

#include "sidecar/http/http1_writer.h"

namespace naru::call {
namespace {

// Copying this much costs less than the second part of a sendmsg.
constexpr size_t kCopiedBytes = 4096;

iovec Part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace

net::Task<net::IoResult> WriteMessagePart(net::Socket& to, std::string& out, Chunk chunk,
                                          http::Framing::Kind framing, const http::FieldList& trailers) {
  const bool chunked = framing == http::Framing::Kind::kChunked;
  const bool framed = chunked && !chunk.bytes.empty();
  if (framed) out.append(http::ChunkPrefix(chunk.bytes.size()).text());
  const bool copied = chunk.bytes.size() <= kCopiedBytes;
  if (copied) out.append(chunk.bytes);
  std::string behind;
  std::string& tail = copied ? out : behind;
  if (framed) tail.append(http::kChunkSuffix);
  if (chunked && chunk.last) http::AppendLastChunk(tail, trailers);
  std::array<iovec, 3> parts = {Part(out), Part(copied ? std::string_view() : chunk.bytes), Part(behind)};
  net::IoResult written;
  if (copied && !out.empty()) written = co_await to.Write({parts.data(), 1});
  if (!copied) written = co_await to.Write(parts);
  out.clear();
  co_return written;
}

}  // namespace naru::call
