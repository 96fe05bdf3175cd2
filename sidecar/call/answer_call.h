// Brings the answer of a call to the application: the part of a downstream connection that is the same for
// every protocol.
#pragma once

#include "sidecar/call/call.h"
#include "sidecar/call/downstream.h"
#include "sidecar/call/duplex.h"

namespace naru::call {

// How one answer is written. Implemented by the downstream side of each protocol.
class AnswerWriter : public Downstream {
 public:
  // Takes the head of an answer; it leaves with the first part, or before. For status 101 it is the answer
  // that begins a tunnel.
  virtual void BeginAnswer(const Response& response) = 0;
  // Writes a part of the body; the last one ends the answer. False: the application does not take it.
  virtual net::Task<bool> WritePart(Chunk chunk, const http::FieldList& trailers) = 0;
  // Writes naru's own answer. False: the application does not take it.
  virtual net::Task<bool> WriteFailure(const Failure& failure) = 0;
  // What was written so far must not be taken for a complete answer.
  virtual void Cut() = 0;
  // A write that waits, and every later one, returns false.
  virtual void StopWriting() = 0;
  // The application's end of a tunnel.
  virtual Duplex& tunnel() = 0;
};

// Writes what became of `call`, whose block holds it, and says how it ended. The call's attempt may still
// run: end it next.
net::Task<Ending> AnswerCall(DownstreamHost& host, Call& call, Result<Response>& result,
                             AnswerWriter& writer);

}  // namespace naru::call
