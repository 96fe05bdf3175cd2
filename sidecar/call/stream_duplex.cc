#include "sidecar/call/stream_duplex.h"

namespace naru::call {

net::Task<std::optional<std::string_view>> StreamDuplex::Read() {
  while (true) {
    const std::optional<Chunk> chunk = co_await stream_.Read();
    if (!chunk) co_return std::nullopt;
    if (!chunk->bytes.empty() || chunk->last) co_return chunk->bytes;
  }
}

net::Task<bool> StreamDuplex::Write(std::string_view bytes) {
  static const http::FieldList kNoTrailers;
  return stream_.Write({bytes, false}, kNoTrailers);
}

net::Task<void> StreamDuplex::FinishWriting() {
  static const http::FieldList kNoTrailers;
  co_await stream_.Write({{}, true}, kNoTrailers);
}

void StreamDuplex::Break() {
  stream_.CancelRead();
  stream_.CancelWrite();
}

}  // namespace naru::call
