// The answers that naru gives itself: a JSON body that says what happened, where, whose it is and which
// policy decided, a Proxy-Status field (RFC 9209) and the outcome word.
#pragma once

#include <string>

#include "sidecar/call/call.h"

namespace naru::call {

// Appends a whole answer, head and body (no body towards HEAD). `close` says that the connection ends with
// it.
void AppendErrorAnswer(std::string& out, const Call& call, const Failure& failure, bool close, TimePoint now);

// The sentence of the body's `detail`: what happened to the call as a whole.
std::string DescribeFailure(const Call& call, const Failure& failure, TimePoint now);

}  // namespace naru::call
