// The answers that naru gives itself: a JSON body that says what happened, where, whose it is and which
// policy decided, a Proxy-Status field (RFC 9209) and the outcome word.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sidecar/call/call.h"

namespace naru::call {

struct ErrorAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;  // empty towards HEAD, and for gRPC calls, whose grpc-message says the same
};
ErrorAnswer MakeErrorAnswer(const Call& call, const Failure& failure, TimePoint now);

// Appends a whole answer of HTTP/1, head and body (no body towards HEAD). `close` says that the connection
// ends with it.
void AppendErrorAnswer(std::string& out, const Call& call, const Failure& failure, bool close, TimePoint now);

// The sentence of the body's `detail`: what happened to the call as a whole.
std::string DescribeFailure(const Call& call, const Failure& failure, TimePoint now);

// "10.0.1.12:8080: connection refused": where the last attempt went and what became of it. Empty when there
// was none, or nothing is to be said of it.
std::string DescribeLastAttempt(const Call& call);

}  // namespace naru::call
