#include "tests/support/scripted_upstream.h"

#include <cstdlib>
#include <utility>

#include "sidecar/call/sleep.h"
#include "sidecar/http/http1_head.h"

namespace naru {

using call::Call;
using call::Chunk;
using call::Failure;
using call::Response;
using call::Result;

// An answer without a body that counts as open until it is ended.
class ScriptedUpstream::Answer final : public call::Attempt {
 public:
  Answer(const Step& step, std::string_view method, int& open)
      : text_("HTTP/1.1 " + std::to_string(step.status) + " \r\ncontent-length: 0\r\n" + step.fields +
              "\r\n"),
        open_(open) {
    if (!http::ParseResponseHead(text_, method, head_).empty()) std::abort();
    ++open_;
  }

  const http::ResponseHead& head() const { return head_; }
  net::Task<void> End() override {
    --open_;
    co_return;
  }

  net::Task<Result<Response>> Send() override { std::abort(); }
  std::optional<Result<Chunk>> Buffered() override { return Result<Chunk>(Chunk{{}, true}); }
  net::Task<Result<Chunk>> Read() override { co_return Chunk{{}, true}; }
  void CancelRead() override {}
  const http::FieldList& trailers() const override { return trailers_; }
  call::Duplex& tunnel() override { std::abort(); }

 private:
  const std::string text_;
  http::ResponseHead head_;
  http::FieldList trailers_;
  int& open_;
};

net::Task<Result<Response>> ScriptedUpstream::Handle(Call& call, call::Next) {
  WriteDown(call);
  const Step step = Take();
  if (reads_bodies_ && call.body != nullptr) {
    std::optional<Failure> broken = co_await ReadBody(call);
    if (broken) co_return std::move(*broken);
  }
  if (step.after > net::Duration::zero()) {
    call::Sleep sleep(scheduler_, call.cancellation, scheduler_.now() + step.after);
    const bool slept = co_await sleep;
    if (!slept) co_return call.cancellation.failure();
  }
  if (step.failure) co_return *step.failure;
  auto answer = std::make_unique<Answer>(step, call.head.method, open_);
  if (call.grpc) call.NoteGrpcStatus(answer->head().fields);
  const Response response{&answer->head(), step.has_body ? answer.get() : nullptr};
  call.attempt = std::move(answer);
  co_return response;
}

ScriptedUpstream::Step ScriptedUpstream::Take() {
  if (script_.empty() && improvise_) improvise_();
  if (script_.empty()) return otherwise_;
  Step step = std::move(script_.front());
  script_.pop_front();
  return step;
}

void ScriptedUpstream::WriteDown(const Call& call) {
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_.now() - began_);
  attempts.push_back(std::to_string(at.count()) + " ms");
  if (!call.attempts.empty()) attempts.back() += " to " + call.attempts.back().endpoint->text;
}

net::Task<std::optional<Failure>> ScriptedUpstream::ReadBody(Call& call) {
  attempts.back() += " with ";
  while (true) {
    std::optional<Result<Chunk>> chunk = call.replay.Buffered();
    if (!chunk) {
      Result<Chunk> read = co_await call.replay.Read();
      chunk.emplace(std::move(read));
    }
    if (!chunk->ok()) co_return chunk->failure();
    attempts.back() += (*chunk)->bytes;
    if ((*chunk)->last) co_return std::nullopt;
  }
}

}  // namespace naru
