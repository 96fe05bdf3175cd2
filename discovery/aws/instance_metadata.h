// Asks the instance metadata service of EC2, in its second version only: first a token, then with it.
//
// Used where no ECS variable exists. Its answers hop once by default, so that a container behind a bridge
// gets none: whoever asks passes a short limit. Source: "Use IMDS", Amazon EC2 User Guide.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "discovery/http_client.h"
#include "discovery/time.h"

namespace naru::discovery::aws {

inline constexpr Duration kInstanceMetadataLimit = std::chrono::seconds(1);  // for all of one question

// `origin` is AWS_EC2_METADATA_SERVICE_ENDPOINT, or empty for the service's own address.
boost::asio::awaitable<absl::StatusOr<std::string>> AskInstanceForRegion(std::shared_ptr<HttpClient> client,
                                                                         std::string origin);

// The JSON of the credentials of its role.
boost::asio::awaitable<absl::StatusOr<std::string>> AskInstanceForCredentials(
    std::shared_ptr<HttpClient> client, std::string origin);

}  // namespace naru::discovery::aws
