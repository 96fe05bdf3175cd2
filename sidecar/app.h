// The running sidecar: everything is built here and passed by constructor.
#pragma once

#include <string>

namespace naru {

struct RunOptions {
  std::string config_path;
  std::string log_level = "info";  // debug, info, warn or error
};

// Runs until it is told to end. Returns the exit code: 0 after a signal, 1 when the configuration or a port
// is refused, 2 when the configuration cannot be read. Says on standard error why.
int RunSidecar(const RunOptions& options);

}  // namespace naru
