// What the fuzzers of discovery share: whatever a source says gives endpoints within bounds or a sentence.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/endpoint.h"
#include "tests/fuzz/require.h"

namespace naru {

template <class T>
void RequireSentence(const absl::StatusOr<T>& read) {
  Require(read.ok() || !read.status().message().empty());
}

inline void RequireWithinBounds(const std::vector<discovery::Endpoint>& endpoints, size_t most) {
  using discovery::Endpoint;
  Require(endpoints.size() <= most);
  for (const Endpoint& endpoint : endpoints) {
    Require(endpoint.weight >= 1 && endpoint.weight <= Endpoint::kMostWeight && endpoint.address.port != 0);
    Require(endpoint.metadata.size() <= Endpoint::kMostMetadata);
  }
}

}  // namespace naru
