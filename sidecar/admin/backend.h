// What the admin port shows and does, as app.cc answers it. Every function is called on the control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "sidecar/admin/recent_calls.h"

namespace naru::admin {

// The last attempt at an endpoint that failed.
struct FailureView {
  std::string reason;      // "connect_refused", "status 503"
  double age_s = 0;        // how long ago
  bool is_latest = false;  // no attempt has gone well since
};

struct EndpointView {
  std::string address;
  std::string state;                 // "serving", "ejected" or "unhealthy"
  std::optional<double> latency_ms;  // the estimate as the last answer left it; nothing before the first
  uint64_t in_flight = 0;
  std::string why;                            // of a state other than serving
  std::optional<double> serving_again_in_ms;  // of an ejected one
  std::string zone;                           // empty: unknown
  uint32_t weight = 1;                        // as its source says
  std::optional<double> latency_age_s = {};   // since that answer
  std::optional<FailureView> last_failure = {};
};

// How asking for a service's endpoints goes.
struct SourceView {
  std::string uri;
  uint64_t version = 0;              // of the endpoints; 0: the source has not answered yet
  std::optional<double> age_s;       // since the source last confirmed them
  bool kept = false;                 // from an earlier run: the source has not answered yet
  bool exists = true;                // false: the source is sure that there is no such service
  std::string revision;              // what the source calls it
  std::string error;                 // of the last attempt to ask; empty when that went well
  std::vector<std::string> refused;  // addresses outside the private ranges
};

struct PolicyValue {
  std::string key;    // "retry.attempts"
  std::string value;  // as it would be written
  std::string where;  // "catalog/learning.yaml:14", or "default"

  bool operator==(const PolicyValue&) const = default;
};

// The calls of one route, or those of none, which are called "other".
struct RouteView {
  std::string name;
  std::string pattern;  // as it was written under `match` or `grpc`; empty for "other"
  bool grpc = false;
  std::string breaker;               // as that of a service
  std::vector<std::string> ejected;  // endpoints that its calls go past
  std::vector<PolicyValue> policy;   // what it does not have of its service
};

struct ServiceView {
  std::string name;
  std::string squad;
  std::optional<uint16_t> port;
  std::vector<std::string> hosts;
  uint64_t in_flight = 0;
  uint64_t queued = 0;
  std::string breaker;               // "closed", "probing", "open" or "off": the worst of its routes
  std::optional<SourceView> source;  // nothing: the endpoints are a list in the file
  bool discovered = false;           // not in the file: found by discovery.default
  std::vector<EndpointView> endpoints;
  // Of Backend::Service alone.
  std::vector<RouteView> routes;  // in the order in which they are tried, and "other"; empty: it has none
  std::vector<PolicyValue> policy;
};

struct ReloadResult {
  std::vector<std::string> problems;  // empty: the new configuration is in force
};

// The last configuration that was not taken into force, while the one before it stays there.
struct Refusal {
  std::string file;                            // the main file
  std::chrono::system_clock::time_point time;  // when it was refused
  std::string why;                             // it was read: "SIGHUP", "a file changed"
  std::vector<std::string> problems;           // as naru check prints them
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string Ready() = 0;  // empty: ready; else why not
  virtual std::vector<ServiceView> Services() = 0;
  virtual std::optional<ServiceView> Service(const std::string& name) = 0;  // with routes and policy
  virtual std::string ConfigJson() = 0;
  virtual std::optional<Refusal> Refused() = 0;   // nothing: what the file says is in force
  virtual std::vector<std::string> Listen() = 0;  // where calls go, such as "127.0.0.1:4000"
  virtual ReloadResult Reload() = 0;
  virtual void Drain() = 0;
  virtual metrics::Registry& registry() = 0;
  virtual RecentCalls& recent_calls() = 0;
};

}  // namespace naru::admin
