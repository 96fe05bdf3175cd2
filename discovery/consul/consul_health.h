// Reads what Consul answers: the instances of a service with their checks, and the names of services. Pure.
//
// An instance serves while none of its checks is critical and it is not in maintenance, and with `passing`
// only while none warns; its weight is the one that it registered for the state it is in. Tags and `passing`
// are looked at here and not by the agent: a list that is empty only for them is known to be a true one.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/source.h"

namespace naru::discovery {

struct InstanceFilter {
  std::vector<std::string> tags;  // an instance has all of them; letter case does not count
  bool passing = false;

  bool operator==(const InstanceFilter&) const = default;
};

struct HealthList {
  Answer answer;
  size_t instances = 0;  // whether they serve or not
  std::string note;      // what of it could not be used, as a clause; empty: nothing

  bool operator==(const HealthList&) const = default;
};

// The answer of /v1/health/service/NAME. Fails with a clause that says what the answer is not.
absl::StatusOr<HealthList> ReadHealth(std::string_view body, const InstanceFilter& filter);

// The answer of /v1/catalog/services. Fails likewise.
absl::StatusOr<std::set<std::string>> ReadServiceNames(std::string_view body);

}  // namespace naru::discovery
