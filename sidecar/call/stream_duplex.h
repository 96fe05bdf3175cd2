// An HTTP/2 stream as one end of a tunnel (RFC 8441 5).
#pragma once

#include "sidecar/call/duplex.h"
#include "sidecar/call/http2_stream.h"

namespace naru::call {

class StreamDuplex final : public Duplex {
 public:
  explicit StreamDuplex(Http2Stream& stream) : stream_(stream) {}

  net::Task<std::optional<std::string_view>> Read() override;
  net::Task<bool> Write(std::string_view bytes) override;
  net::Task<void> FinishWriting() override;
  void Break() override;

 private:
  Http2Stream& stream_;
};

}  // namespace naru::call
