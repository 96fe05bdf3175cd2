// The configuration as it was written: every value with its place, nothing inherited, nothing compared yet.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/config/problem.h"

namespace naru::config {

template <typename T>
struct Located {
  T value{};
  Place place;
};

// `given` is set even when the value was malformed, so that a key that is there is not reported as missing
// too.
template <typename T>
struct Given {
  bool given = false;
  std::optional<Located<T>> value;
};

// Where the keys of a block stand, by key such as "port" or "discovery.dns.min_ttl".
using Places = std::map<std::string, Place, std::less<>>;

struct DraftRoute {
  Place place;
  Given<RoutePattern> pattern;
  Given<std::string> name;
  Layer layer;
};

struct DraftService {
  std::string name;
  Place place;
  Given<std::string> squad;
  Given<std::vector<Located<discovery::Address>>> endpoints;
  std::optional<Located<discovery::SourceUri>> source;  // in place of a list; `endpoints.given` is set, too
  std::vector<Located<std::string>> hosts;
  Given<uint16_t> port;
  Protocol protocol = Protocol::kAuto;
  Places places;  // of the keys that are no policy
  Layer layer;
  std::vector<DraftRoute> routes;
};

// The `discovery` section; the places of what is compared with the rest of the file.
struct DraftDiscovery {
  discovery::Settings settings;
  Places places;
  std::optional<Place> fallback;
  std::optional<Place> dns_ttl;  // of min_ttl or max_ttl, whichever was written last
};

struct Draft {
  Given<std::string> caller_squad;
  Given<std::string> caller_service;
  Given<std::string> caller_zone;
  Given<std::vector<Located<ListenAddress>>> listen;
  Given<ListenAddress> admin;
  uint32_t workers = 1;
  Duration drain_timeout = std::chrono::seconds(20);
  Places places;  // of the keys outside `services`, `defaults` and `discovery`
  std::vector<Located<std::string>> include;
  std::vector<Located<discovery::Cidr>> allow;
  std::vector<std::string> allow_texts;
  DraftDiscovery discovery;
  Layer defaults;
  std::vector<DraftService> services;
};

}  // namespace naru::config
