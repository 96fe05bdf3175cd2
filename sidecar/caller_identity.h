// Who calls, where the configuration leaves it open: from the environment (NARU_SQUAD, NARU_SERVICE) and, on
// ECS, from the task's metadata.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "discovery/aws/ecs_identity.h"
#include "sidecar/config/config.h"

namespace naru {

class CallerIdentity {
 public:
  // Blocks for a second at most, on ECS only. Read once: what it says does not change while a task runs.
  static CallerIdentity Read();
  explicit CallerIdentity(absl::StatusOr<discovery::aws::EcsIdentity> identity);

  // The configuration with the caller completed by what is known here. What the file says stays; what could
  // not be a metric label is left out.
  std::shared_ptr<const config::Config> Complete(std::shared_ptr<const config::Config> config) const;

  // Why the metadata of the ECS task could not be read, as a sentence; empty when nothing went wrong.
  const std::string& trouble() const { return trouble_; }

 private:
  discovery::aws::EcsIdentity identity_;
  std::string trouble_;
};

}  // namespace naru
