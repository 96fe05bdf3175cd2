// A layer of a call: something that happens around everything below it.
//
// One object per worker and layer; what belongs to one call is kept in the Call. Tests put a fake Layer below
// the one under test.
#pragma once

#include <span>

#include "sidecar/call/call.h"
#include "sidecar/net/task.h"

namespace naru::call {

class Layer;

// The layers below.
class Next {
 public:
  explicit Next(Layer* const* layers) : layers_(layers) {}
  net::Task<Result<Response>> operator()(Call& call) const;

 private:
  Layer* const* layers_;
};

class Layer {
 public:
  virtual ~Layer() = default;

  // Carries the call, by way of `next` unless it knows better. Returns when the head of an answer is there.
  // One that has no more to do then than Answered does hands on what `next` returns, and costs no coroutine
  // frame.
  virtual net::Task<Result<Response>> Handle(Call& call, Next next) = 0;

  // The head of the answer is there, or what stands for it. Runs exactly once per call.
  virtual void Answered(Call&, const Result<Response>&) {}

  // The answer, which has begun, is a stream: it may last for hours. May run more than once.
  virtual void AnswerLasts(Call&) {}

  // The call has ended, last byte included. Runs exactly once per call, whatever happened.
  virtual void Finish(Call&, const Ending&) {}
};

inline net::Task<Result<Response>> Next::operator()(Call& call) const {
  return (*layers_)->Handle(call, Next(layers_ + 1));
}

// What a layer returns that refuses a call.
[[gnu::cold]] net::Task<Result<Response>> Refused(Failure failure);

// Tells every layer that the head of the answer is there, and of an answer that lasts.
void TellAnswered(std::span<Layer* const> layers, Call& call, const Result<Response>& result);

// How the end of a call counts for a breaker: what naru refused itself says nothing about the callee.
resilience::Grade GradeOf(Outcome outcome);

// True for answers that last: upgrades and event streams. They count as begun, not as in flight, and silence
// in them is measured by idle_timeout.
bool IsStream(const http::ResponseHead& head);

}  // namespace naru::call
