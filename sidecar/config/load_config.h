// From files to a configuration, or to everything that is wrong with them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/config/environment.h"
#include "sidecar/config/problem.h"

namespace naru::config {

struct LoadResult {
  std::shared_ptr<const Config> config;  // nothing if there is a problem
  std::vector<Problem> problems;         // all of them, in the order of files and lines
  std::vector<Problem> notes;            // worth knowing, but no reason to refuse
  bool unreadable = false;               // the main file, or one that it includes, could not be read
  bool try_again = false;                // what failed may succeed in a moment: descriptors were short
  std::vector<std::string> paths;        // what it was read from: the main file, then the include patterns
};

// Reads `path` and the files that it includes. Never throws; keeps nothing of `environment`.
LoadResult LoadConfig(const std::string& path, const Environment& environment);

}  // namespace naru::config
