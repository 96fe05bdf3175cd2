// The configuration as values: what the loader makes of the file and the rest of the program reads.
//
// A Config is immutable once loaded and shared as shared_ptr<const Config>. Every value that can be set in
// the file knows where it was set (Origin), so that `naru explain`, /config and error bodies can say so.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discovery/address.h"
#include "discovery/private_ranges.h"
#include "discovery/settings.h"
#include "discovery/source_uri.h"
#include "resilience/balancer.h"
#include "resilience/circuit_breaker.h"
#include "resilience/concurrency_limit.h"
#include "resilience/ejection.h"
#include "resilience/health_check.h"
#include "resilience/retry_policy.h"
#include "resilience/time.h"
#include "sidecar/config/route_pattern.h"

namespace naru::config {

using resilience::Duration;

// A place in one of the files that were read. `file` is an index into Config::files; -1 means "default".
struct Origin {
  int file = -1;
  int line = 0;

  bool operator==(const Origin&) const = default;
};

// Where the values of a block were written, by key such as "port" or "discovery.dns.min_ttl". One that is not
// there was not written.
using Origins = std::map<std::string, Origin, std::less<>>;
Origin OriginIn(const Origins& origins, std::string_view key);

// What is spoken towards the endpoints of a service.
enum class Protocol : uint8_t { kAuto, kHttp1, kHttp2 };

// As they are written, in the order of Protocol.
inline constexpr std::array<std::string_view, 3> kProtocolWords = {"auto", "http1", "http2"};
static_assert(static_cast<size_t>(Protocol::kHttp2) == kProtocolWords.size() - 1);

constexpr std::string_view WordOf(Protocol protocol) {
  return kProtocolWords[static_cast<size_t>(protocol)];
}

// Every policy value in force for the calls of one route (or of a service's calls that match no route).
struct Policy {
  Duration timeout = std::chrono::seconds(5);
  std::optional<Duration> try_timeout = std::chrono::seconds(2);
  bool try_timeout_not_in_force = false;  // it was nothing but inherited, and `timeout` is shorter
  Duration connect_timeout = std::chrono::milliseconds(500);
  Duration idle_timeout = std::chrono::minutes(5);
  resilience::RetryPolicy retry;
  resilience::LimitPolicy limits;
  std::optional<resilience::BreakerPolicy> breaker = resilience::BreakerPolicy{};  // nothing: `off`
  std::optional<resilience::EjectionPolicy> ejection = resilience::EjectionPolicy{};
  std::optional<resilience::HealthCheckPolicy> health_check;  // nothing: off; a route has none of its own
  resilience::BalanceKind balance = resilience::BalanceKind::kP2c;

  // Where the values that are not defaults came from, by dotted key such as "retry.attempts", sorted by key.
  std::vector<std::pair<std::string, Origin>> origins;

  Origin OriginOf(std::string_view key) const;
};

struct Route {
  RoutePattern pattern;
  std::string name;  // the `route` label
  Policy policy;
  Origin origin;
};

struct Service {
  std::string name;
  std::string squad;
  std::vector<discovery::Address> endpoints;   // as written; empty where there is a source
  std::optional<discovery::SourceUri> source;  // who is asked instead
  std::vector<std::string> hosts;              // lower case
  std::vector<Origin> hosts_origins;           // parallel to hosts
  std::optional<uint16_t> port;
  Protocol protocol = Protocol::kAuto;
  Policy policy;  // of calls that match no route; their label is "other"
  std::vector<Route> routes;
  Origin origin;
  Origin endpoints_origin;
  Origins origins;          // of the keys that are no policy
  bool discovered = false;  // not in the file: a call named it, and `discovery.default` knows it

  // The first route that matches, or nothing. `path` is without query.
  const Route* MatchRoute(std::string_view method, std::string_view path) const;
};

// A local address to listen on: TCP or a Unix socket.
struct ListenAddress {
  std::string text;       // as written, such as "127.0.0.1:4000" or "unix:///run/naru.sock"
  std::string unix_path;  // empty for TCP
  discovery::Address tcp;
  Origin origin;
};

struct Caller {
  std::string squad = "unknown";
  std::string service = "unknown";
  std::string zone;
  // Of an ECS task, for people; they cannot be written.
  std::string cluster;
  std::string task;

  bool operator==(const Caller&) const = default;
};

struct Config {
  Caller caller;
  std::vector<ListenAddress> listen;
  ListenAddress admin;
  uint32_t workers = 1;
  Duration drain_timeout = std::chrono::seconds(20);
  discovery::PrivateRanges private_ranges;
  std::vector<std::string> allowed_networks;  // `private.allow` as written
  discovery::Settings discovery;
  Origin discovery_default_origin;
  Origins origins;                 // of the keys outside `services` and `defaults`
  Policy defaults;                 // of services that the file does not name
  std::vector<Service> services;   // sorted by name
  std::vector<std::string> files;  // main file first, then includes; paths as the user would write them

  // Where a service that has a `port` listens: on the address of the shared port; on 127.0.0.1 where that is
  // none.
  discovery::Address OwnPortOf(const Service& service) const;

  // "catalog/learning.yaml:14", or "default".
  std::string Where(const Origin& origin) const;
  const Service* FindService(std::string_view name) const;
};

}  // namespace naru::config
