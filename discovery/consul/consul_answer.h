// What the head of Consul's answers says, and what follows from it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "discovery/http_client.h"
#include "discovery/time.h"

namespace naru::discovery {

// https://developer.hashicorp.com/consul/api-docs/features/consistency and .../caching
struct ConsulMeta {
  std::optional<uint64_t> index;  // X-Consul-Index
  bool known_leader = true;       // X-Consul-KnownLeader
  Duration last_contact{};        // X-Consul-LastContact: of the server that answered with its leader
  Duration age{};                 // Age: for how long the agent's cache has been cut off from the servers
  bool filtered_by_acls = false;  // X-Consul-Results-Filtered-By-ACLs; never said of the anonymous token

  bool operator==(const ConsulMeta&) const = default;
};

ConsulMeta MetaOf(const HttpResponse& response);

// Servers lag by 50 ms or so; what has not been in touch for this long is cut off.
inline constexpr Duration kLongestSilence = std::chrono::seconds(30);

// Why the answer may be outdated, as a clause; empty where it is fresh.
std::string WhyOutdated(const ConsulMeta& meta);

// What an answer other than 200 means, as a clause with what to do about it.
std::string WhyRefused(const HttpResponse& response);

// Consul leaves out what the token may not read and calls the rest the answer, so an empty list of instances
// proves nothing. /v1/catalog/services, asked with the same token, tells more: it always holds Consul's own
// service, unless the token may not see that either.
struct EmptyList {
  bool certain = false;
  std::string why_not;  // as a clause, where it is not certain

  bool operator==(const EmptyList&) const = default;
};
EmptyList JudgeEmptyList(std::string_view service, const ConsulMeta& health, const ConsulMeta& catalog,
                         const std::set<std::string>& names);

}  // namespace naru::discovery
