#include <iostream>
#include <string>
#include <vector>

#include "sidecar/app.h"
#include "sidecar/cli/command_line.h"
#include "sidecar/config/environment.h"

namespace {

int Run(const std::string& config_path, const std::string& log_level) {
  return naru::RunSidecar(naru::RunOptions{config_path, log_level});
}

}  // namespace

int main(int argc, char** argv) {
  const naru::config::ProcessEnvironment environment;
  const naru::cli::Console console{environment, std::cout, std::cerr, Run};
  return naru::cli::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), console);
}
