// One try at one endpoint: what the upstream protocols implement and the layers hold.
//
// An attempt is created by SendUpstream, kept in the Call while its answer is read, and must be ended (End)
// before it is destroyed: ending it gives its connection back or closes it, and waits for its upload.
#pragma once

#include <string>

#include "sidecar/call/body.h"
#include "sidecar/call/call.h"
#include "sidecar/call/duplex.h"

namespace naru::call {

class Attempt : public BodySource {
 public:
  // Sends the call and waits for the head of the answer, forwarding 1xx ones. At most once.
  virtual net::Task<Result<Response>> Send() = 0;

  virtual net::Task<void> End() = 0;
  // Ends it at once if there is nothing to wait for. False: End is needed.
  virtual bool TryEnd() { return false; }

  // The head of the answer has been written: its memory may go.
  virtual void ForgetHead() {}

  // After an answer with status 101: the endpoint's end of the tunnel.
  virtual Duplex& tunnel() = 0;
};

// "1500 ms", as the details of failures say how long something was waited for.
inline std::string Milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace naru::call
