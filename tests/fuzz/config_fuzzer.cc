// Any file at all gives a configuration or problems, never both and never neither; what it gives can be
// shown.
#include <cstdint>
#include <string>

#include "sidecar/config/effective_config.h"
#include "sidecar/config/load_config.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using naru::config::Environment;
using naru::config::LoadResult;

// The fuzzer's bytes are every file there is; one variable is set.
class OneFile : public Environment {
 public:
  explicit OneFile(std::string content) : content_(std::move(content)) {}

  std::optional<std::string> Variable(std::string_view name) const override {
    return name == "SET" ? std::optional<std::string>("10.0.0.1") : std::nullopt;
  }
  absl::StatusOr<std::string> ReadFile(const std::string&, size_t) const override { return content_; }
  bool Exists(const std::string&) const override { return true; }

  absl::StatusOr<std::vector<std::string>> Glob(const std::string&) const override {
    return std::vector<std::string>{"included.yaml"};
  }

 private:
  const std::string content_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const OneFile environment(std::string(reinterpret_cast<const char*>(data), size));
  const LoadResult result = naru::config::LoadConfig("naru.yaml", environment);
  Require((result.config != nullptr) == result.problems.empty());
  Require(result.problems.empty() || !naru::config::Render(result.problems).empty());
  if (result.config != nullptr) Require(!naru::config::EffectiveConfigJson(*result.config).empty());
  return 0;
}
