// The configuration in force as JSON: every value, and where it came from. For the admin page /config.
#pragma once

#include <string>

#include "sidecar/config/config.h"

namespace naru::config {

// {"files": [...], "caller": {...}, "listen": [...], "services": {"courses": {"policy": {"timeout": {"value":
// "5s", "from": "default"}, ...}, ...}}}
std::string EffectiveConfigJson(const Config& config);

}  // namespace naru::config
