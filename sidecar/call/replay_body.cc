#include "sidecar/call/replay_body.h"

namespace naru::call {

void ReplayBody::Start(BodySource* source, uint64_t limit_bytes) {
  source_ = source;
  limit_bytes_ = limit_bytes;
  replayable_ = true;
  another_follows_ = false;
  complete_ = false;
  kept_.clear();
  position_ = 0;
}

std::optional<Result<Chunk>> ReplayBody::Buffered() {
  if (HasKept()) return Result<Chunk>(TakeKept());
  std::optional<Result<Chunk>> chunk = source_->Buffered();
  if (chunk && chunk->ok()) Keep(**chunk);
  return chunk;
}

Signal* ReplayBody::Arrival() {
  return HasKept() ? nullptr : source_->Arrival();
}

net::Task<Result<Chunk>> ReplayBody::Read() {
  if (HasKept()) co_return TakeKept();
  Result<Chunk> chunk = co_await source_->Read();
  if (chunk.ok()) Keep(*chunk);
  co_return chunk;
}

void ReplayBody::CancelRead() {
  if (source_ != nullptr) source_->CancelRead();
}

const http::FieldList& ReplayBody::trailers() const {
  static const http::FieldList kNone;
  return source_ == nullptr ? kNone : source_->trailers();
}

void ReplayBody::Clear(size_t max_bytes) {
  Start(nullptr, 0);
  if (kept_.capacity() > max_bytes) kept_.shrink_to_fit();
}

void ReplayBody::StopKeeping() {
  const bool handed_out = position_ == kept_.size() && !complete_;
  if (!replayable_ || !handed_out) return;
  replayable_ = false;
  kept_.clear();
  kept_.shrink_to_fit();
  position_ = 0;
}

void ReplayBody::Keep(const Chunk& chunk) {
  complete_ = chunk.last;
  if (!replayable_) return;
  if (!another_follows_ && kept_.size() + chunk.bytes.size() > limit_bytes_) {
    replayable_ = false;
    kept_.clear();
    kept_.shrink_to_fit();
    position_ = chunk.last ? 1 : 0;
    return;
  }
  kept_.append(chunk.bytes);
  position_ = kept_.size() + (chunk.last ? 1 : 0);
}

Chunk ReplayBody::TakeKept() {
  const Chunk chunk{std::string_view(kept_).substr(position_), complete_};
  position_ = kept_.size() + (complete_ ? 1 : 0);
  return chunk;
}

}  // namespace naru::call
