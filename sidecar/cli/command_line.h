// The commands of naru, as a function of their arguments.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "sidecar/config/environment.h"

namespace naru::cli {

// What the commands need of the world.
struct Console {
  const config::Environment& environment;
  std::ostream& out;
  std::ostream& err;
  std::function<int(const std::string& config_path, const std::string& log_level)> run_sidecar;
};

// Carries out `naru ARGUMENTS...` and returns its exit code; a wrong command line is explained on `err` and
// gives 2.
int RunCommandLine(const std::vector<std::string>& arguments, const Console& console);

}  // namespace naru::cli
