// naru healthcheck: asks a running sidecar whether it is ready. It needs no curl in the container's image.
//
// One blocking GET /readyz with plain sockets and a limit on its whole time: a health check that hangs is
// worse than one that fails.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "sidecar/config/environment.h"

namespace naru::cli {

inline constexpr std::chrono::milliseconds kHealthcheckLimit{1000};

// `admin_url` is "http://IP:PORT". Returns 0 when ready; otherwise 1 and a line that says why, or 2 for a
// malformed URL.
int Healthcheck(const std::string& admin_url, std::ostream& err,
                std::chrono::milliseconds limit = kHealthcheckLimit);

// The admin address of the configuration as a URL, or that of its default where the configuration is of no
// use.
std::string AdminUrl(const std::string& config_path, const config::Environment& environment);

}  // namespace naru::cli
