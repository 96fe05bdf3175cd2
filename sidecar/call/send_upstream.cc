#include "sidecar/call/send_upstream.h"

namespace naru::call {

net::Task<Result<Response>> SendUpstream::Handle(Call& call, Next) {
  call.attempt = std::make_unique<Http1Attempt>(context_, call);
  return call.attempt->Send();
}

}  // namespace naru::call
