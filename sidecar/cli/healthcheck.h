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

// Whom to ask.
struct AdminPort {
  std::string url;    // "http://IP:PORT"; the scheme may be left out
  std::string doubt;  // why it may be the wrong one, for whoever hears that naru is not ready; mostly empty

  bool operator==(const AdminPort&) const = default;
};

// Returns 0 when ready; otherwise 1 and a line that says why, or 2 for a malformed URL.
int Healthcheck(const AdminPort& admin, std::ostream& err,
                std::chrono::milliseconds limit = kHealthcheckLimit);

// The admin port of the configuration. A file that was edited wrongly is read for its `admin` alone: naru has
// refused it and is well. Where that cannot be done either it is the default one, with a doubt.
AdminPort AdminPortOf(const std::string& config_path, const config::Environment& environment);

}  // namespace naru::cli
