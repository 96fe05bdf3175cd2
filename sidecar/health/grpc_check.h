// Asks by grpc.health.v1 over one connection that is kept. SERVING is well; a server that does not implement
// the protocol is not.
//
// The gRPC library starts its threads with the first check that is made and ends them with the last: who
// checks no endpoint by gRPC pays nothing for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "sidecar/health/check.h"
#include "sidecar/health/checked_endpoint.h"

namespace naru::health {

// The policy has a gRPC name.
std::unique_ptr<Check> MakeGrpcCheck(boost::asio::any_io_executor executor, const CheckedEndpoint& endpoint);

}  // namespace naru::health
