// One instance of a service, as a source tells of it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "discovery/address.h"

namespace naru::discovery {

struct Endpoint {
  Address address;
  uint32_t weight = 1;  // relative to the others of its service, at least 1; sources that know none say 1
  std::string zone;     // availability zone; empty: unknown
  // What else the source says of it, sorted by key, at most kMostMetadata entries.
  std::vector<std::pair<std::string, std::string>> metadata;

  static constexpr size_t kMostMetadata = 16;
  static constexpr uint32_t kMostWeight = 65'535;

  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace naru::discovery
