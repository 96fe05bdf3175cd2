// A body whose pieces arrive when the test says so.
#pragma once

#include <coroutine>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "sidecar/call/body.h"
#include "sidecar/net/scheduler.h"

namespace naru {

class FakeBody final : public call::BodySource {
 public:
  explicit FakeBody(net::Scheduler& scheduler) : scheduler_(scheduler) {}

  // A piece arrives; a reader that waits for it resumes soon.
  void Arrive(std::string bytes, bool last = false) {
    pieces_.push_back({std::move(bytes), last});
    Wake();
  }
  void Break(call::Failure why) {
    broken_ = std::move(why);
    Wake();
  }

  std::optional<call::Result<call::Chunk>> Buffered() override {
    if (pieces_.empty()) return std::nullopt;
    return Take();
  }
  net::Task<call::Result<call::Chunk>> Read() override {
    ++reads;
    co_await Waiting{*this};
    if (!pieces_.empty()) co_return Take();
    if (broken_) co_return *broken_;
    co_return call::Failure{call::FailureKind::kCancelled, {}};
  }
  void CancelRead() override { Wake(); }
  const http::FieldList& trailers() const override { return trailers_; }
  http::FieldList& mutable_trailers() { return trailers_; }

  bool waiting() const { return reader_ != nullptr; }
  int reads = 0;

 private:
  struct Waiting {
    FakeBody& body;
    bool await_ready() const { return !body.pieces_.empty() || body.broken_; }
    void await_suspend(std::coroutine_handle<> handle) { body.reader_ = handle; }
    void await_resume() const {}
  };
  struct Piece {
    std::string bytes;
    bool last = false;
  };

  void Wake() {
    if (reader_) scheduler_.ResumeLater(std::exchange(reader_, nullptr));
  }
  call::Result<call::Chunk> Take() {
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    return call::Chunk{current_.bytes, current_.last};
  }

  net::Scheduler& scheduler_;
  std::deque<Piece> pieces_;
  Piece current_;
  std::optional<call::Failure> broken_;
  std::coroutine_handle<> reader_;
  http::FieldList trailers_;
};

}  // namespace naru
