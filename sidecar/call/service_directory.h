// Which service a call means, and by which of its names: the four ways in which an application can say it.
//
// Built from one configuration snapshot, which must outlive it; immutable, so every worker may share one.
// Resolving a call that names a known service allocates nothing, but for the rare "/service?query" (see
// Target::rewritten).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "resilience/failure.h"
#include "sidecar/config/config.h"

namespace naru::call {

enum class NamedBy : uint8_t { kPort, kHost, kHostAlias, kPath, kAbsoluteUrl };

// "its port", "the Host", ...: how explain and the logs say it.
std::string_view WordsFor(NamedBy named_by);

// What of a request names a service.
struct Naming {
  uint16_t service_port =
      0;  // the service port that the call came in on; 0: the shared port or a Unix socket
  std::string_view method;
  std::string_view target;  // as in the request line, or the :path of HTTP/2
  std::string_view host;    // the Host field or :authority; empty when there is none
  bool grpc = false;        // by its content-type
};

struct Target {
  const config::Service* service = nullptr;
  const config::Route* route = nullptr;  // nothing: "other"
  NamedBy named_by = NamedBy::kHost;
  std::string_view path_and_query;  // what upstream sees: a view into the call's target, or of static text
  std::string_view
      kept_host;  // upstream's Host when one of the service's hosts named it; empty: the service's name

  // Owns path_and_query when it is no part of the call's target: "/courses?x" means "/?x" upstream.
  std::shared_ptr<const std::string> rewritten;

  const config::Policy& policy() const { return route != nullptr ? route->policy : service->policy; }
};

struct NamingFailure {
  resilience::FailureKind kind = resilience::FailureKind::kUnknownService;
  std::string name;    // what was taken for the service's name; empty when there was none
  std::string detail;  // a sentence that says what to do
  // The service that `discovery.default` may know; empty where there is no default source, or no service can
  // have that name.
  std::string candidate;

  bool operator==(const NamingFailure&) const = default;
};

class ServiceDirectory {
 public:
  explicit ServiceDirectory(const config::Config& config);

  // An absolute URL wins over Host (RFC 9112 3.2.2), a service port over both. Paths are compared byte by
  // byte: neither percent-encoding nor dot segments are touched, so that "/courses/../orders" is a call to
  // courses.
  std::variant<Target, NamingFailure> Resolve(const Naming& naming) const;

  // The service whose `port` this is, or nothing.
  const config::Service* ByPort(uint16_t port) const;

  // Names and hosts close to `name`, nearest first, at most three.
  std::vector<std::string> NearNames(std::string_view name) const;

 private:
  struct Named {
    const config::Service* service;
    std::string_view alias;  // the entry of Service::hosts; empty: the service's own name
  };
  using Resolved = std::variant<Target, NamingFailure>;

  Resolved ResolvePort(const Naming& naming) const;
  Resolved ResolveHost(const Naming& naming) const;
  Resolved ResolveAbsoluteUrl(const Naming& naming) const;
  Resolved ResolvePath(const Naming& naming, std::string_view path_and_query) const;
  Target Reach(const config::Service& service, NamedBy named_by, std::string_view alias, const Naming& naming,
               std::string_view path_and_query) const;
  const Named* Find(std::string_view host) const;
  std::string SomeServices() const;
  std::string CandidateOf(std::string_view name) const;
  NamingFailure Unknown(std::string_view name, std::string_view named_by) const;
  NamingFailure UnknownInPath(std::string_view name, std::string_view path) const;
  NamingFailure NamesNothing(std::string_view what) const;
  NamingFailure NoTunnel(std::string_view authority) const;
  std::string_view ConfigurationFile() const;

  const config::Config& config_;
  // Named explicitly, because Abseil's own hash knows only its own string_view where it has one.
  absl::flat_hash_map<std::string_view, Named, std::hash<std::string_view>, std::equal_to<>> by_name_;
  absl::flat_hash_map<uint16_t, const config::Service*> by_port_;
};

}  // namespace naru::call
