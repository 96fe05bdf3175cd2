// Services that the file does not name and `discovery.default` knows, as if the file named them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/config.h"

namespace naru::config {

// The service of this name as `discovery.default` would have it: with the policy of `defaults`. The
// configuration has a default source, and `name` is a valid service name. An empty squad is "unknown".
Service DiscoveredService(const Config& config, std::string_view name, std::string squad);

// The configuration with these services added.
std::shared_ptr<const Config> WithServices(const Config& config, std::vector<Service> services);

}  // namespace naru::config
