#include "sidecar/call/answer_call.h"

#include <utility>

#include "sidecar/call/attempt.h"
#include "sidecar/call/tunnel.h"

namespace naru::call {
namespace {

void StopWriting(void* writer) {
  static_cast<AnswerWriter*>(writer)->StopWriting();
}

void RecordOverhead(DownstreamHost& host, const Call& call) {
  if (call.callee == nullptr) return;
  const Duration spent = host.loop().ReadClock() - call.started;
  call.callee->series[static_cast<size_t>(host.worker())]->RecordOverhead(spent - call.upstream_wait);
}

bool IsStillAsking(const Call& call) {
  return call.body != nullptr && !call.body->received_all();
}

// The answer is never ended as if it were complete.
Ending BreakOff(Call& call, AnswerWriter& writer, Failure failure, int status) {
  writer.Cut();
  const bool ours = failure.kind == FailureKind::kShuttingDown;
  call.broke_off = std::make_unique<const Failure>(std::move(failure));
  const Outcome outcome = ours ? Outcome::kTruncated : resilience::TraitsOf(call.broke_off->kind).outcome;
  return {outcome, status, call.broke_off.get()};
}

// What a whole answer means: its status, and for gRPC the one that may stand in its trailers.
Ending EndOfAnswer(Call& call, const http::FieldList& trailers) {
  const int status = call.answer.status;
  if (!call.grpc) return {resilience::OutcomeOfStatus(status), status, nullptr};
  call.NoteGrpcStatus(trailers);
  return {resilience::OutcomeOfGrpc(call.FinalGrpcCode()), status, nullptr};
}

// The stack listens to the first time only.
void NoteSilence(DownstreamHost& host, Call& call) {
  // A call with one message has its end right behind it; what must be waited for is a stream.
  if (call.grpc && call.bytes_down > 0) host.stack().AnswerLasts(call);
}

// Writes a part of the answer: its head and what has come of the body, or what comes next of the body. Says
// how the answer ended if that was all.
net::Task<std::optional<Ending>> WritePiece(DownstreamHost& host, Call& call, const Response& response,
                                            AnswerWriter& writer, bool first) {
  static const http::FieldList kNoTrailers;
  const int status = call.answer.status;
  std::optional<Result<Chunk>> got;
  if (response.body != nullptr) got = response.body->Buffered();
  if (!got && first) got = Chunk{{}, response.body == nullptr};
  if (!got) {
    NoteSilence(host, call);
    got.emplace(co_await response.body->Read());
  }
  if (!got->ok()) co_return BreakOff(call, writer, std::move(got->failure()), status);
  const Chunk chunk = **got;
  const http::FieldList& trailers = response.body == nullptr ? kNoTrailers : response.body->trailers();
  call.bytes_down += chunk.bytes.size();
  const bool written = co_await writer.WritePart(chunk, trailers);
  if (!written && call.cancellation.cancelled())
    co_return BreakOff(call, writer, call.cancellation.failure(), status);
  if (!written) co_return Ending{Outcome::kCancelled, status, nullptr};
  if (chunk.last) co_return EndOfAnswer(call, trailers);
  co_return std::nullopt;
}

// Of a stream that is silent nothing but this is left, and it is kept small: what takes room is in
// WritePiece.
net::Task<Ending> PassOn(DownstreamHost& host, Call& call, const Response& response, AnswerWriter& writer) {
  // The caller's deadline covers the whole call, so it also ends a write to an application that does not
  // read.
  const OnCancel on_cancel(call.cancellation, &StopWriting, &writer);
  writer.BeginAnswer(response);
  if (call.grpc && IsStillAsking(call)) host.stack().AnswerLasts(call);
  std::optional<Ending> ending;
  for (bool first = true; !ending; first = false) {
    Signal* arrival = first ? nullptr : response.body->Arrival();
    for (; arrival != nullptr; arrival = response.body->Arrival()) {
      NoteSilence(host, call);
      co_await arrival->Wait();
    }
    ending = co_await WritePiece(host, call, response, writer, first);
    if (first) RecordOverhead(host, call);
  }
  co_return *ending;
}

net::Task<Ending> RunTunnel(DownstreamHost& host, Call& call, const Response& response,
                            AnswerWriter& writer) {
  static const http::FieldList kNoTrailers;
  const OnCancel on_cancel(call.cancellation, &StopWriting, &writer);
  writer.BeginAnswer(response);
  const bool written = co_await writer.WritePart({}, kNoTrailers);
  RecordOverhead(host, call);
  if (!written) co_return Ending{Outcome::kCancelled, 101, nullptr};
  const TunnelTraffic traffic =
      co_await RelayTunnel(writer.tunnel(), call.attempt->tunnel(), call.policy().idle_timeout, host.loop());
  call.bytes_up += traffic.bytes_up;
  call.bytes_down += traffic.bytes_down;
  co_return Ending{Outcome::kOk, 101, nullptr};
}

net::Task<Ending> AnswerFailure(Call& call, const Failure& failure, AnswerWriter& writer) {
  const resilience::FailureTraits& traits = resilience::TraitsOf(failure.kind);
  if (failure.kind == FailureKind::kCancelled || failure.kind == FailureKind::kShuttingDown) {
    writer.Cut();
    co_return Ending{traits.outcome, 0, &failure};
  }
  // The upload of an attempt that failed must not read on while the answer goes out.
  if (!call.TryEndAttempt()) co_await call.EndAttempt();
  const bool written = co_await writer.WriteFailure(failure);
  // Whoever left at its deadline left because of it.
  const bool told = written || failure.kind == FailureKind::kTimeout;
  co_return Ending{told ? traits.outcome : Outcome::kCancelled, traits.http_status, &failure};
}

}  // namespace

net::Task<Ending> AnswerCall(DownstreamHost& host, Call& call, Result<Response>& result,
                             AnswerWriter& writer) {
  host.stack().Answered(call, result);
  if (!result.ok()) return AnswerFailure(call, result.failure(), writer);
  if (result->head->status == 101) return RunTunnel(host, call, *result, writer);
  return PassOn(host, call, *result, writer);
}

}  // namespace naru::call
