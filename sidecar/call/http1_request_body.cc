#include "sidecar/call/http1_request_body.h"

#include <utility>

namespace naru::call {

using net::IoError;
using net::IoResult;

void Http1RequestBody::Start(const http::RequestHead& head, Received& with_head) {
  decoder_.Start(head.body, head.fields);
  with_head_ = &with_head;
  filled_last_read_ = false;
}

std::optional<Result<Chunk>> Http1RequestBody::Buffered() {
  if (Unread().empty()) return std::nullopt;
  return Decode(Unread());
}

net::Task<Result<Chunk>> Http1RequestBody::Read() {
  if (!Unread().empty()) co_return Decode(Unread());
  own_.begin = own_.end = 0;
  if (!socket_.readable()) {
    own_.Release();
    const IoResult ready = co_await socket_.WaitReadable();
    if (!ready.ok()) co_return Failure{FailureKind::kCancelled, {}};
  }
  const bool large = filled_last_read_ || decoder_.remaining() > 2 * net::BufferPool::kSmallBytes;
  if (own_.buffer.capacity() < (large ? net::BufferPool::kLargeBytes : net::BufferPool::kSmallBytes)) {
    own_.Release();
    own_.buffer = large ? buffers_.Large() : buffers_.Small();
  }
  const IoResult got = co_await socket_.Read({own_.buffer.data(), own_.buffer.capacity()});
  if (got.error == IoError::kEof) {
    co_return Failure{FailureKind::kCancelled, "the application closed inside the body of its request"};
  }
  if (!got.ok()) co_return Failure{FailureKind::kCancelled, {}};
  own_.end = got.bytes;
  filled_last_read_ = got.bytes == own_.buffer.capacity();
  co_return Decode(own_);
}

Result<Chunk> Http1RequestBody::Decode(Received& received) {
  const http::BodyDecoder::Step step = decoder_.Decode({received.data(), received.size()});
  if (!step.problem.empty()) return Failure{FailureKind::kBadRequest, std::string(step.problem)};
  received.begin += step.consumed;
  return Chunk{step.payload, decoder_.done()};
}

void Http1RequestBody::HandOver(Received& with_head) {
  if (!own_.empty()) std::swap(with_head, own_);
  own_.Release();
}

}  // namespace naru::call
