#include "sidecar/call/send_upstream.h"

#include "sidecar/call/http1_attempt.h"
#include "sidecar/call/http2_attempt.h"

namespace naru::call {

// `auto` is the version that the application used, unless the endpoint was found not to speak it.
SendUpstream::Version SendUpstream::VersionFor(const Call& call) {
  const config::Protocol wanted = call.target.service->protocol;
  if (wanted == config::Protocol::kHttp1) return Version::kHttp1;
  if (wanted == config::Protocol::kHttp2) return Version::kHttp2;
  switch (
      call.callee->endpoints[call.attempts.back().endpoint_index]->speaks.load(std::memory_order_relaxed)) {
    case EndpointState::Speaks::kHttp1Only:
      return Version::kHttp1;
    case EndpointState::Speaks::kHttp2Only:
      return Version::kHttp2;
    case EndpointState::Speaks::kUnknown:
      break;
  }
  return call.head.major_version == 2 ? Version::kHttp2 : Version::kHttp1;
}

net::Task<Result<Response>> SendUpstream::Handle(Call& call, Next) {
  const Version version = VersionFor(call);
  Result<Response> result = co_await Send(call, version);
  const bool may_fall_back = call.target.service->protocol == config::Protocol::kAuto;
  if (result.ok() || result.failure().kind != FailureKind::kWrongProtocol || !may_fall_back) co_return result;
  if (call.body != nullptr && !call.replay.replayable()) co_return result;
  call.replay.KeepForAnother();
  co_await call.EndAttempt();
  call.replay.Rewind();
  const Version other = version == Version::kHttp2 ? Version::kHttp1 : Version::kHttp2;
  result = co_await Send(call, other);
  // Remembered once the other one works; that an upgrade is not to be had says nothing about other calls.
  if (result.ok() && !call.head.upgrade) {
    call.callee->endpoints[call.attempts.back().endpoint_index]->speaks.store(
        other == Version::kHttp1 ? EndpointState::Speaks::kHttp1Only : EndpointState::Speaks::kHttp2Only,
        std::memory_order_relaxed);
  }
  co_return result;
}

net::Task<Result<Response>> SendUpstream::Send(Call& call, Version version) {
  if (version == Version::kHttp1) {
    call.attempt = std::make_unique<Http1Attempt>(context_, call);
  } else {
    call.attempt = std::make_unique<Http2Attempt>(context_, call);
  }
  return call.attempt->Send();
}

}  // namespace naru::call
