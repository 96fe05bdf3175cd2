// Who this sidecar is, on ECS: read once at start, from the environment and the task metadata.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "discovery/aws/environment.h"
#include "discovery/aws/task_metadata.h"
#include "discovery/time.h"

namespace naru::discovery::aws {

struct EcsIdentity {
  std::string squad;
  std::string service;
  std::string zone;     // availability zone; empty: unknown
  std::string cluster;  // its name
  std::string task;     // its ID

  bool operator==(const EcsIdentity&) const = default;
};

// The squad is NARU_SQUAD, else the task's tag `squad`, else a container's label `squad`, else what the
// family of the task definition has before its first '-', else "unknown". The service is NARU_SERVICE, else
// the ECS service, else the family.
EcsIdentity IdentityOf(const Environment& environment, const TaskMetadata& metadata);

inline constexpr Duration kEcsIdentityLimit = std::chrono::seconds(1);

// Blocks for at most `limit`. Fails with NotFound where this is no ECS task, and with a sentence that says
// what is wrong where its metadata cannot be read.
absl::StatusOr<EcsIdentity> ReadEcsIdentity(const Environment& environment,
                                            Duration limit = kEcsIdentityLimit);

}  // namespace naru::discovery::aws
