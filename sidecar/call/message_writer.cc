#include "sidecar/call/message_writer.h"

#include "sidecar/http/http1_writer.h"

namespace naru::call {
namespace {

// Copying this much costs less than the second part of a sendmsg.
constexpr size_t kCopiedBytes = 4096;

bool IsCopied(Chunk chunk) {
  return chunk.bytes.size() <= kCopiedBytes;
}

iovec Part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

// Puts into `out` what stands before the piece's end, and what does not fit there into `behind`. Returns all
// that is to be written, in order: one part when the piece is copied.
std::array<iovec, 3> Compose(std::string& out, std::string& behind, Chunk chunk, http::Framing::Kind framing,
                             const http::FieldList& trailers) {
  const bool chunked = framing == http::Framing::Kind::kChunked;
  const bool framed = chunked && !chunk.bytes.empty();
  if (framed) out.append(http::ChunkPrefix(chunk.bytes.size()).text());
  if (IsCopied(chunk)) out.append(chunk.bytes);
  std::string& tail = IsCopied(chunk) ? out : behind;
  if (framed) tail.append(http::kChunkSuffix);
  if (chunked && chunk.last) http::AppendLastChunk(tail, trailers);
  return {Part(out), Part(IsCopied(chunk) ? std::string_view() : chunk.bytes), Part(behind)};
}

}  // namespace

MessageWrite::MessageWrite(net::Socket& to, std::string& out, Chunk chunk, http::Framing::Kind framing,
                           const http::FieldList& trailers)
    : out_(out),
      parts_(Compose(out, behind_, chunk, framing, trailers)),
      nothing_(IsCopied(chunk) && out.empty()),
      write_(to, IsCopied(chunk) ? std::span(parts_).first(1) : std::span(parts_)) {}

}  // namespace naru::call
