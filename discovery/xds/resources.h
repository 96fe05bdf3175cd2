// What naru takes of a Cluster and of a ClusterLoadAssignment, read from their bytes. No sockets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/endpoint.h"

namespace naru::discovery {

struct ClusterResource {
  std::string load_assignment;  // the name under which EDS knows its endpoints
  std::string squad;            // filter_metadata "naru", "squad"; empty: not said

  bool operator==(const ClusterResource&) const = default;
};

struct LoadAssignmentResource {
  std::vector<Endpoint> endpoints;  // those that serve
  std::string unsupported;          // what it asks for that naru does not do, such as "policy.drop_overloads"

  bool operator==(const LoadAssignmentResource&) const = default;
};

// A resource that may be malformed, in which case `content` says what is wrong, as a clause. The name is
// empty where not even that can be read.
template <typename Content>
struct Decoded {
  std::string name;
  absl::StatusOr<Content> content;
};

Decoded<ClusterResource> DecodeCluster(std::string_view bytes);
Decoded<LoadAssignmentResource> DecodeLoadAssignment(std::string_view bytes);

}  // namespace naru::discovery
