// Variables and files that a test makes up.
#pragma once

#include <fnmatch.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/environment.h"

namespace naru::config {

class FakeEnvironment : public Environment {
 public:
  std::map<std::string, std::string, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> files;
  std::map<std::string, absl::Status> unreadable;  // by path or pattern

  std::optional<std::string> Variable(std::string_view name) const override {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional<std::string>(at->second);
  }

  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most_bytes) const override {
    if (const auto why = unreadable.find(path); why != unreadable.end()) return why->second;
    const auto at = files.find(path);
    if (at == files.end()) return absl::NotFoundError("does not exist");
    if (at->second.size() > most_bytes) return absl::OutOfRangeError("is too large");
    return at->second;
  }

  bool Exists(const std::string& path) const override { return files.contains(path); }

  absl::StatusOr<std::vector<std::string>> Glob(const std::string& pattern) const override {
    const auto why = unreadable.find(pattern);
    if (why != unreadable.end() && !files.contains(pattern)) return why->second;
    std::vector<std::string> found;
    for (const auto& [path, content] : files) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0) found.push_back(path);
    }
    return found;
  }
};

}  // namespace naru::config
