// What became of a connection to an endpoint that was being established, whatever it was to carry.
#pragma once

#include <optional>

#include "sidecar/call/result.h"
#include "sidecar/net/socket.h"

namespace naru::call {

// `waited` is what socket.WaitConnected() gave, kTimeout when connect_timeout ended it. Nothing: connected.
inline std::optional<Failure> ConnectFailure(net::Socket& socket, net::IoResult waited) {
  using net::IoError;
  if (waited.error == IoError::kTimeout)
    return Failure{FailureKind::kConnectTimeout, "no answer in connect_timeout"};
  const IoError refused = waited.ok() ? socket.ConnectError() : waited.error;
  if (refused == IoError::kNone) return std::nullopt;
  if (refused == IoError::kTimeout) return Failure{FailureKind::kConnectTimeout, "connection timed out"};
  return Failure{FailureKind::kConnectRefused, "connection refused"};
}

}  // namespace naru::call
