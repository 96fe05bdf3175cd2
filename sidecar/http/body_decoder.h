// Takes the body out of the bytes of an HTTP/1 connection, whatever its framing. Sans-I/O.
//
// Chunks are decoded by llhttp and moved together in place, so that what comes out of one read is one piece.
// Everything is bounded: the framing around the payload, and the trailers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/http/message.h"

namespace naru::http {

class BodyDecoder {
 public:
  BodyDecoder();
  ~BodyDecoder();
  BodyDecoder(const BodyDecoder&) = delete;
  BodyDecoder& operator=(const BodyDecoder&) = delete;

  // Begins a body. With a length of 0 or without a body it is done() at once.
  // `head` is the message's, whose Connection may nominate trailers that are not forwarded; it is not kept.
  void Start(const Framing& framing, const FieldList& head = {});

  struct Step {
    size_t consumed = 0;       // of the bytes given; what follows belongs to the next message
    std::string_view payload;  // inside the bytes given, which were moved
    std::string_view problem;  // not empty: malformed, and why; the connection is of no more use
  };
  // Consumes what it can of `bytes`. Not to be called once done().
  Step Decode(std::span<char> bytes);

  // The connection ended. True if that completes the body, false if it cuts it short.
  bool EndOfStream();

  bool done() const { return done_; }
  // Of a body with a length: what is still to come.
  uint64_t remaining() const { return remaining_; }
  const Framing& framing() const { return framing_; }
  // Once done: trailer fields, views into memory of this decoder.
  const FieldList& trailers() const { return trailers_; }

 private:
  struct Chunked;  // llhttp and what it has collected; made only for chunked bodies, then kept

  Step DecodeChunked(std::span<char> bytes);
  void MarkNominatedTrailers();

  Framing framing_;
  bool done_ = true;
  uint64_t remaining_ = 0;
  std::unique_ptr<Chunked> chunked_;
  std::string connection_;  // the members of the head's Connection fields
  FieldList trailers_;
};

}  // namespace naru::http
