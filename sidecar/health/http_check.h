// Asks by GET over HTTP/1.1, each time on a connection of its own: an endpoint that takes no more connections
// is not well. A status of 2xx is.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "sidecar/health/check.h"
#include "sidecar/health/checked_endpoint.h"

namespace naru::health {

// The policy has a path.
std::unique_ptr<Check> MakeHttpCheck(boost::asio::any_io_executor executor, const CheckedEndpoint& endpoint);

}  // namespace naru::health
