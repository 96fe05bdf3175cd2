// What the loader reads of the world: variables and files. An interface, so that tests need neither.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace naru::config {

class Environment {
 public:
  virtual ~Environment() = default;

  virtual std::optional<std::string> Variable(std::string_view name) const = 0;

  // The whole file, if it is at most `most_bytes`. Fails with a clause: "does not exist", "is larger than
  // 16MiB". PermissionDenied: this user, who is named, may not read it. ResourceExhausted: another time it
  // may succeed.
  virtual absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most_bytes) const = 0;

  virtual bool Exists(const std::string& path) const = 0;

  // The files that a shell pattern matches, sorted. Fails as ReadFile does where a folder cannot be searched.
  virtual absl::StatusOr<std::vector<std::string>> Glob(const std::string& pattern) const = 0;
};

class ProcessEnvironment : public Environment {
 public:
  std::optional<std::string> Variable(std::string_view name) const override;
  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most_bytes) const override;
  bool Exists(const std::string& path) const override;
  absl::StatusOr<std::vector<std::string>> Glob(const std::string& pattern) const override;
};

// `text` with every ${VAR} and ${VAR:-default} replaced. The default also stands in for an empty variable, as
// in a shell; $${ is a literal ${. What is put in is not looked at again. Fails with a sentence.
absl::StatusOr<std::string> ExpandVariables(std::string_view text, const Environment& environment);

}  // namespace naru::config
