// Whether the other containers of an ECS task have stopped: how naru knows that nobody will call it any more.
//
// Source: "Amazon ECS task metadata endpoint version 4", Amazon ECS Developer Guide.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/http_client.h"
#include "discovery/time.h"

namespace naru::discovery::aws {

enum class OtherContainers {
  kNone,     // naru is alone in its task
  kRunning,  // at least one of them
  kStopped,  // all of them
};

// Reads the answers of /task and of the container itself. Containers that ECS adds of its own accord (of
// another Type than NORMAL) do not count.
absl::StatusOr<OtherContainers> ParseOtherContainers(std::string_view task, std::string_view own_container);

// `origin` is ECS_CONTAINER_METADATA_URI_V4. `limit` is for each of two requests.
boost::asio::awaitable<absl::StatusOr<OtherContainers>> AskOtherContainers(std::shared_ptr<HttpClient> client,
                                                                           std::string origin,
                                                                           Duration limit);

}  // namespace naru::discovery::aws
