// The request body as the attempts of a call read it: from the start each time, as long as it is small enough
// to keep.
//
// What an attempt pulls from the application is kept, up to a limit; the next attempt reads that first. Over
// the limit nothing is kept any more and the attempt in progress goes on: a large body is streamed, never
// refused, but then the call cannot be tried again (Linkerd's rule).
#pragma once

#include <cstdint>
#include <string>

#include "sidecar/call/body.h"

namespace naru::call {

class ReplayBody final : public BodySource {
 public:
  // `source` may be nullptr: no body. With a limit of 0 nothing is kept.
  void Start(BodySource* source, uint64_t limit_bytes);

  // Another attempt will follow: what still comes before it begins is kept even over the limit, because it
  // cannot be pulled a second time. That is one read at most.
  void KeepForAnother() { another_follows_ = true; }
  // The next attempt begins. Only while replayable().
  void Rewind() {
    position_ = 0;
    another_follows_ = false;
  }

  // No other attempt will follow: what was kept may go.
  void StopKeeping();

  // True while another attempt could send the same body again.
  bool replayable() const { return replayable_; }
  // True once the application has sent all of it.
  bool complete() const { return source_ == nullptr || complete_; }

  std::optional<Result<Chunk>> Buffered() override;
  Signal* Arrival() override;
  net::Task<Result<Chunk>> Read() override;
  void CancelRead() override;
  const http::FieldList& trailers() const override;

  // For pooled calls: forgets everything, keeps at most `max_bytes` of memory.
  void Clear(size_t max_bytes);

 private:
  void Keep(const Chunk& chunk);
  bool HasKept() const { return position_ < kept_.size() || (complete_ && !handed_last()); }
  bool handed_last() const { return position_ > kept_.size(); }
  Chunk TakeKept();

  BodySource* source_ = nullptr;
  uint64_t limit_bytes_ = 0;
  bool replayable_ = true;
  bool another_follows_ = false;
  bool complete_ = false;
  std::string kept_;
  size_t position_ = 0;  // of the attempt in progress; one past the end once it was handed the last chunk
};

}  // namespace naru::call
