#include "sidecar/config/build_config.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "sidecar/config/text.h"
#include "sidecar/config/values.h"

namespace naru::config {
namespace {

constexpr int kAddressBits = 128;
constexpr int kMappedBits = 96;  // before the bits of an IPv4 address
constexpr std::string_view kDefaultListen = "127.0.0.1:4000";
constexpr std::string_view kDefaultAdmin = "127.0.0.1:4001";

ListenAddress DefaultAddress(std::string_view text) {
  return ListenAddress{std::string(text), "", *discovery::Address::Parse(text), {}};
}

Origin OriginAt(const Place& place) {
  return Origin{place.file, place.line};
}

void AddOrigins(const Places& places, Origins& origins) {
  for (const auto& [key, place] : places) origins.emplace(key, OriginAt(place));
}

template <typename T>
T ValueOr(const Given<T>& given, T otherwise) {
  return given.value.has_value() ? given.value->value : std::move(otherwise);
}

// Two values of which the first must not be above the second.
struct Order {
  std::string_view lower;
  std::string_view upper;
  bool matters_when_inherited;  // false: a shorter `upper` simply ends things sooner
  std::string_view hint;
};
constexpr Order kOrders[] = {
    {"try_timeout", "timeout", false,
     "an attempt cannot outlast its call: lower try_timeout or raise timeout"},
    {"connect_timeout", "timeout", false,
     "connecting cannot outlast its call: lower connect_timeout or raise timeout"},
    {"limits.queue_timeout", "timeout", false,
     "waiting for a place cannot outlast its call: lower queue_timeout or raise timeout"},
    {"retry.backoff.base", "retry.backoff.max", true, "raise max or lower base"},
    {"ejection.base", "ejection.max", true, "raise max or lower base"},
};

class Builder {
 public:
  Builder(const Draft& draft, ProblemList& problems) : draft_(draft), problems_(problems) {}

  Config Build() {
    Config config;
    config.caller = BuildCaller();
    BuildListeners(config);
    config.workers = draft_.workers;
    config.drain_timeout = draft_.drain_timeout;
    config.private_ranges = private_ranges_ = BuildRanges();
    config.allowed_networks = draft_.allow_texts;
    AddOrigins(draft_.places, config.origins);
    AddOrigins(draft_.discovery.places, config.origins);
    BuildDiscovery(config);
    CheckOrders({&draft_.defaults});
    NoteTryTimeoutOff({&draft_.defaults}, "defaults");
    CheckWayToCheck({&draft_.defaults});
    for (const DraftService& service : draft_.services) config.services.push_back(BuildService(service));
    RefuseOwnPorts(config);
    std::sort(config.services.begin(), config.services.end(),
              [](const Service& a, const Service& b) { return a.name < b.name; });
    if (config.services.empty() && !config.discovery.fallback.has_value()) {
      problems_.Note(Place{0, 0, 0}, "no service is defined: every call will be answered as unknown_service",
                     "define services under `services:`, or name files that do under `include:`");
    }
    config.files = problems_.paths();
    return config;
  }

 private:
  Caller BuildCaller() {
    Caller caller;
    caller.squad = ValueOr(draft_.caller_squad, caller.squad);
    caller.service = ValueOr(draft_.caller_service, caller.service);
    caller.zone = ValueOr(draft_.caller_zone, caller.zone);
    if (!draft_.caller_squad.given || !draft_.caller_service.given) {
      problems_.Note(Place{0, 0, 0}, Cat("the caller is counted as ", caller.squad, "/", caller.service),
                     "say who calls: caller: {squad: NAME, service: NAME}");
    }
    return caller;
  }

  void BuildListeners(Config& config) {
    if (draft_.listen.value.has_value()) {
      for (const Located<ListenAddress>& address : draft_.listen.value->value)
        AddListener(address, "listen", config);
    } else {
      config.listen.push_back(DefaultAddress(kDefaultListen));
      ClaimPort(config.listen.back(), Place{}, "listen");
    }
    if (draft_.admin.value.has_value()) {
      NoteIfOpen(*draft_.admin.value, "the admin port");
      config.admin = draft_.admin.value->value;
    } else {
      config.admin = DefaultAddress(kDefaultAdmin);
    }
    ClaimPort(config.admin, draft_.admin.value.has_value() ? draft_.admin.value->place : Place{}, "admin");
  }

  void AddListener(const Located<ListenAddress>& address, std::string_view what, Config& config) {
    NoteIfOpen(address, "the shared port");
    ClaimPort(address.value, address.place, what);
    config.listen.push_back(address.value);
  }

  void NoteIfOpen(const Located<ListenAddress>& address, std::string_view what) {
    if (!address.value.unix_path.empty() || IsLoopback(address.value.tcp)) return;
    problems_.Note(address.place, Cat(what, " can be reached from outside this machine"),
                   "listen on 127.0.0.1 unless containers beside it need otherwise");
  }

  static bool IsLoopback(const discovery::Address& address) {
    if (address.is_v4()) return address.ip[12] == 127;
    return std::all_of(address.ip.begin(), address.ip.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
           address.ip[15] == 1;
  }

  static bool IsEveryAddress(const discovery::Address& address) {
    const auto first = address.ip.begin() + (address.is_v4() ? 12 : 0);
    return std::all_of(first, address.ip.end(), [](uint8_t byte) { return byte == 0; });
  }

  // The address that stands for every one of its family, on the same port.
  static discovery::Address EveryAddress(discovery::Address address) {
    std::fill(address.ip.begin() + (address.is_v4() ? 12 : 0), address.ip.end(), uint8_t{0});
    return address;
  }

  // A port is used once, whatever the addresses, but for several addresses of `listen` itself. Port 0 is any
  // free one.
  void ClaimPort(const ListenAddress& address, const Place& place, std::string_view user) {
    if (!address.unix_path.empty()) return Claim(unix_paths_, address.unix_path, place, user, "the socket");
    if (address.tcp.port == 0) return;
    const auto [at, is_new] = listeners_.emplace(address.tcp, place);
    if (!is_new && user == "listen") {
      return problems_.Add(place, Cat("listen names ", address.text, " twice"), "remove one of them");
    }
    const auto used = ports_.find(address.tcp.port);
    if (used != ports_.end() && used->second.user == user) return CheckWildcards(address, place);
    ClaimPortNumber(address.tcp.port, place, user);
  }

  // Two addresses of `listen` with one port. IPv6 sockets do not take IPv4 connections.
  void CheckWildcards(const ListenAddress& address, const Place& place) {
    for (const auto& [other, other_place] : listeners_) {
      const bool overlap = other != address.tcp && EveryAddress(other) == EveryAddress(address.tcp) &&
                           (IsEveryAddress(other) || IsEveryAddress(address.tcp));
      if (!overlap) continue;
      const discovery::Address& every = IsEveryAddress(other) ? other : address.tcp;
      return problems_.Add(place,
                           Cat("listen names both ", address.text, " (", problems_.Where(place), ") and ",
                               other.ToString(), " (", problems_.Where(other_place), ")"),
                           Cat(every.ToString(), " takes the port on every ", every.is_v4() ? "IPv4" : "IPv6",
                               " address: remove one of them"));
    }
  }

  void ClaimPortNumber(uint16_t port, const Place& place, std::string_view user) {
    Claim(ports_, port, place, user, "the port");
  }

  struct User {
    Place place;
    std::string user;
  };
  template <typename Key>
  void Claim(std::map<Key, User>& users, const Key& key, const Place& place, std::string_view user,
             std::string_view what) {
    const auto [at, is_new] = users.emplace(key, User{place, std::string(user)});
    if (is_new) return;
    // A default may collide with what is written; the place to look at is the written one.
    const bool shown_is_other = place.file < 0;
    problems_.Add(shown_is_other ? at->second.place : place,
                  Cat(what, " ", key, " is used twice: by ", user, " (", problems_.Where(place), ") and by ",
                      at->second.user, " (", problems_.Where(at->second.place), ")"),
                  "give one of them another");
  }

  discovery::PrivateRanges BuildRanges() {
    std::vector<discovery::Cidr> allowed;
    for (const Located<discovery::Cidr>& cidr : draft_.allow) {
      if (const std::string_view why = discovery::WhyNeverAllowed(cidr.value); !why.empty()) {
        problems_.Add(cidr.place, Cat("private.allow: this network is never allowed: ", why), "remove it");
      }
      NoteIfVast(cidr);
      allowed.push_back(cidr.value);
    }
    return discovery::PrivateRanges(std::move(allowed));
  }

  // No organisation owns so much: a /8 of IPv4, or a /16 of IPv6.
  void NoteIfVast(const Located<discovery::Cidr>& cidr) {
    const bool is_v4 = discovery::IsV4(cidr.value.ip) && cidr.value.prefix_bits >= kMappedBits;
    const int bits = cidr.value.prefix_bits - (is_v4 ? kMappedBits : 0);
    if (bits >= (is_v4 ? 8 : 16)) return;
    problems_.Note(cidr.place,
                   Cat("private.allow: this network holds ", bits == 0 ? "every" : "a large part of all", " ",
                       is_v4 ? "IPv4" : "IPv6", " address", bits == 0 ? "" : "es",
                       ": calls may leave for the public internet"),
                   "write the networks that are your own, such as 198.51.100.0/24");
  }

  void BuildDiscovery(Config& config) {
    const DraftDiscovery& discovery = draft_.discovery;
    config.discovery = discovery.settings;
    const Layer* layers[] = {&draft_.defaults};
    config.defaults = Resolve(layers);
    const discovery::DnsSettings& dns = config.discovery.dns;
    if (discovery.dns_ttl.has_value() && dns.min_ttl > dns.max_ttl) {
      problems_.Add(*discovery.dns_ttl,
                    Cat("discovery.dns: min_ttl ", FormatDuration(dns.min_ttl), " is above max_ttl ",
                        FormatDuration(dns.max_ttl)),
                    "raise max_ttl or lower min_ttl");
    }
    if (!discovery.fallback.has_value()) return;
    config.discovery_default_origin = OriginAt(*discovery.fallback);
    CheckSource(*config.discovery.fallback->For("service"), *discovery.fallback);
  }

  // What a source cannot do without.
  void CheckSource(const discovery::SourceUri& source, const Place& place) {
    if (source.scheme != discovery::Scheme::kXds || !draft_.discovery.settings.xds.server.empty()) return;
    problems_.Add(place, Cat(source.text, " needs a control plane, and there is none"),
                  "name it: discovery: {xds: {server: HOST:PORT}}");
  }

  Service BuildService(const DraftService& draft) {
    Service service;
    service.name = draft.name;
    service.origin = OriginAt(draft.place);
    AddOrigins(draft.places, service.origins);
    ClaimName(draft.name, draft.place, draft.name, true);
    service.squad = ValueOr(draft.squad, std::string());
    BuildEndpoints(draft, service);
    for (const Located<std::string>& host : draft.hosts) {
      ClaimName(host.value, host.place, draft.name, false);
      service.hosts.push_back(host.value);
      service.hosts_origins.push_back(OriginAt(host.place));
    }
    if (draft.port.value.has_value()) {
      service.port = draft.port.value->value;
      ClaimPortNumber(*service.port, draft.port.value->place, draft.name);
    }
    service.protocol = draft.protocol;
    const Layer* layers[] = {&draft_.defaults, &draft.layer};
    CheckOrders(layers);
    CheckWayToCheck({&draft_.defaults, &draft.layer});
    NoteTryTimeoutOff({&draft_.defaults, &draft.layer}, draft.name);
    service.policy = Resolve(layers);
    BuildRoutes(draft, service);
    return service;
  }

  struct Claimant {
    Place place;
    std::string service;
    bool is_service_name;
  };
  void ClaimName(const std::string& name, const Place& place, const std::string& service,
                 bool is_service_name) {
    const auto [at, is_new] = names_.emplace(name, Claimant{place, service, is_service_name});
    if (is_new) return;
    const Claimant& first = at->second;
    if (is_service_name && first.is_service_name) {
      return problems_.Add(
          place, Cat("the service \"", name, "\" is defined twice: first at ", problems_.Where(first.place)),
          "a service is defined once, in its squad's file; remove one of them");
    }
    problems_.Add(place,
                  Cat("the host \"", name, "\" is claimed twice: by ", service, " here and by ",
                      first.service, " at ", problems_.Where(first.place)),
                  "a name means one service; remove one of them");
  }

  void BuildEndpoints(const DraftService& draft, Service& service) {
    if (!draft.endpoints.value.has_value()) return;
    service.endpoints_origin = OriginAt(draft.endpoints.value->place);
    if (draft.source.has_value()) {
      service.source = draft.source->value;
      CheckSource(*service.source, draft.source->place);
    }
    if (!draft.source.has_value() && draft.endpoints.value->value.empty()) {
      problems_.Note(draft.endpoints.value->place,
                     Cat("the service \"", draft.name,
                         "\" has no endpoint: every call to it will be answered as no_endpoint"),
                     "say where it is: endpoints: [10.0.1.11:8080]");
    }
    std::map<discovery::Address, Place> seen;
    for (const Located<discovery::Address>& endpoint : draft.endpoints.value->value) {
      CheckEndpoint(endpoint);
      const auto [at, is_new] = seen.emplace(endpoint.value, endpoint.place);
      if (!is_new) {
        problems_.Add(endpoint.place, Cat("the endpoint ", endpoint.value.ToString(), " is listed twice"),
                      Cat("it is also at ", problems_.Where(at->second), "; remove one of them"));
      }
      service.endpoints.push_back(endpoint.value);
    }
  }

  void CheckEndpoint(const Located<discovery::Address>& endpoint) {
    constexpr discovery::WrittenBy kWritten = discovery::WrittenBy::kConfigurationFile;
    if (private_ranges_.Allows(endpoint.value, kWritten)) return;
    const bool could_be_allowed = discovery::WhyNeverAllowed({endpoint.value.ip, kAddressBits}).empty();
    problems_.Add(
        endpoint.place,
        Cat("endpoints: ", endpoint.value.ToString(),
            " is refused: ", private_ranges_.WhyNot(endpoint.value, kWritten)),
        could_be_allowed
            ? "calls go to private addresses only; a network of your own can be added under private.allow"
            : "no configuration allows it: write the private address on which the service listens");
  }

  // Where naru itself listens, and what for.
  std::map<discovery::Address, User> OwnAddresses(const Config& config) const {
    std::map<discovery::Address, User> own;
    for (const auto& [address, place] : listeners_) {
      own.emplace(address, User{place, address == config.admin.tcp ? "admin" : "listen"});
    }
    for (const DraftService& service : draft_.services) {
      if (!service.port.value.has_value()) continue;
      Service of_port;
      of_port.port = service.port.value->value;
      own.emplace(config.OwnPortOf(of_port), User{service.port.value->place, Cat("port of ", service.name)});
    }
    return own;
  }

  // A call to an endpoint that is naru would come back as a call to the same endpoint, once more for every
  // attempt.
  void RefuseOwnPorts(const Config& config) {
    const std::map<discovery::Address, User> own = OwnAddresses(config);
    for (const DraftService& service : draft_.services) {
      if (!service.endpoints.value.has_value()) continue;
      for (const Located<discovery::Address>& endpoint : service.endpoints.value->value) {
        auto at = own.find(endpoint.value);
        if (at == own.end() && IsLoopback(endpoint.value)) at = own.find(EveryAddress(endpoint.value));
        if (at == own.end()) continue;
        problems_.Add(endpoint.place,
                      Cat("endpoints: ", endpoint.value.ToString(), " is naru itself, which listens there: ",
                          at->second.user, " (", problems_.Where(at->second.place), ")"),
                      Cat("calls would go round in circles: write where ", service.name, " itself listens"));
      }
    }
  }

  void BuildRoutes(const DraftService& draft, Service& service) {
    std::map<std::string, Place> names;
    std::vector<const DraftRoute*> earlier;
    for (const DraftRoute& route : draft.routes) {
      if (!route.pattern.value.has_value()) continue;  // reported when it was read
      CheckReached(route, earlier);
      earlier.push_back(&route);
      service.routes.push_back(BuildRoute(draft, route));
      const auto [at, is_new] = names.emplace(service.routes.back().name, route.place);
      if (!is_new) {
        problems_.Add(
            route.name.value.has_value() ? route.name.value->place : route.pattern.value->place,
            Cat("two routes of ", draft.name, " have the name \"", at->first, "\""),
            Cat("the first is at ", problems_.Where(at->second), "; metrics could not tell them apart"));
      }
    }
  }

  // /x/:id, as other products write it, is a path that ends so.
  void NoteColon(const Located<RoutePattern>& pattern) {
    const std::string& text = pattern.value.text();
    const size_t colon = text.find("/:");
    if (colon == text.npos || pattern.value.is_grpc()) return;
    const size_t end = std::min(text.find('/', colon + 1), text.size());
    const std::string segment = text.substr(colon + 1, end - colon - 1);
    if (segment.size() == 1) return;
    problems_.Note(
        pattern.place, Cat("match: ", text, " matches only paths in which \"", segment, "\" stands as it is"),
        Cat("for one segment of any text write {", segment.substr(1), "}: match: ", text.substr(0, colon + 1),
            "{", segment.substr(1), "}", text.substr(end)));
  }

  Route BuildRoute(const DraftService& service, const DraftRoute& draft) {
    NoteColon(*draft.pattern.value);
    Route route;
    route.pattern = draft.pattern.value->value;
    route.name = ValueOr(draft.name, route.pattern.text());
    route.origin = OriginAt(draft.place);
    const Layer* layers[] = {&draft_.defaults, &service.layer, &draft.layer};
    CheckOrders(layers);
    RefuseKeysOfServices(draft.layer);
    route.policy = Resolve(layers);
    return route;
  }

  void CheckReached(const DraftRoute& route, const std::vector<const DraftRoute*>& earlier) {
    const Located<RoutePattern>& pattern = *route.pattern.value;
    for (const DraftRoute* before : earlier) {
      if (!before->pattern.value->value.Covers(pattern.value)) continue;
      return problems_.Add(pattern.place,
                           Cat("no call reaches this route: ", before->pattern.value->value.text(), " at ",
                               problems_.Where(before->pattern.value->place), " matches all of them first"),
                           "the first match wins; move this route above that one, or remove it");
    }
  }

  // Looks at what the innermost layer says: the layers around it were looked at before.
  void CheckOrders(std::span<const Layer* const> layers) {
    for (const Order& order : kOrders) CheckOrder(layers, order);
  }
  void CheckOrders(std::initializer_list<const Layer*> layers) {
    CheckOrders(std::span<const Layer* const>(layers.begin(), layers.size()));
  }

  void CheckOrder(std::span<const Layer* const> layers, const Order& order) {
    const Setting* lower = layers.back()->Find(order.lower);
    const Setting* upper = layers.back()->Find(order.upper);
    if (lower == nullptr && (upper == nullptr || !order.matters_when_inherited)) return;
    const PolicyField& lower_field = *FindPolicyField(order.lower);
    const PolicyField& upper_field = *FindPolicyField(order.upper);
    Policy policy = Resolve(layers);
    const Value low = lower_field.get(policy);
    const Value high = upper_field.get(policy);
    if (std::holds_alternative<Off>(low) || std::holds_alternative<Off>(high) || low <= high) return;
    const Setting& shown = lower != nullptr ? *lower : *upper;
    problems_.Add(
        shown.place,
        Cat(order.lower, " ", FormatValue(lower_field.type, low), Whence(layers, order.lower), " is above ",
            order.upper, " ", FormatValue(upper_field.type, high), Whence(layers, order.upper)),
        std::string(order.hint));
  }

  // Of the innermost layer: a shorter `timeout` switches an inherited try_timeout off, and with it the second
  // attempt where the first is merely slow. Routes are left out: to be answered sooner is what they are for.
  void NoteTryTimeoutOff(std::initializer_list<const Layer*> layers, std::string_view whose) {
    const Setting* timeout = (*(layers.end() - 1))->Find("timeout");
    const std::span<const Layer* const> all(layers.begin(), layers.size());
    const Policy policy = Resolve(all);
    if (timeout == nullptr || !policy.try_timeout_not_in_force || policy.retry.attempts < 2) return;
    problems_.Note(timeout->place,
                   Cat("timeout ", FormatDuration(policy.timeout), " of ", whose,
                       " leaves no room for the inherited try_timeout", Whence(all, "try_timeout"),
                       ", which is off: what a slow endpoint has not answered is not tried at another"),
                   Cat("write one below it, such as try_timeout: ", FormatDuration(policy.timeout / 2),
                       ", or try_timeout: off"));
  }

  // An endpoint is checked in exactly one way. Looks at what the innermost layer says.
  void CheckWayToCheck(std::initializer_list<const Layer*> layers) {
    const Layer& inner = **(layers.end() - 1);
    const Setting* group = inner.Find("health_check");
    if (group == nullptr) return;
    const Setting* path = inner.Find("health_check.path");
    const Setting* grpc = inner.Find("health_check.grpc");
    if (path != nullptr && grpc != nullptr) {
      return problems_.Add(grpc->place, "health_check has both path and grpc",
                           "an endpoint is checked in one way: remove one of them");
    }
    const std::optional<resilience::HealthCheckPolicy> policy =
        Resolve(std::span<const Layer* const>(layers.begin(), layers.size())).health_check;
    const bool says_how = !policy || policy->path || policy->grpc ||
                          IsMalformed(inner, "health_check.path") || IsMalformed(inner, "health_check.grpc");
    if (says_how) return;
    problems_.Add(group->place, "health_check has neither path nor grpc",
                  R"(say how an endpoint is checked: path: /healthz, or grpc: "" for grpc.health.v1)");
  }

  static bool IsMalformed(const Layer& layer, std::string_view key) {
    return std::find(layer.malformed.begin(), layer.malformed.end(), FindPolicyField(key)) !=
           layer.malformed.end();
  }

  void RefuseKeysOfServices(const Layer& route) {
    for (const Setting& setting : route.settings) {
      if (setting.field->in_routes) continue;
      problems_.Add(
          setting.place,
          Cat(setting.field->key, " cannot differ by route: every route has the service's endpoints"),
          "move it to the service, or to `defaults`");
    }
  }

  // " (naru.yaml:12)", where the value in force was written.
  std::string Whence(std::span<const Layer* const> layers, std::string_view key) const {
    for (size_t i = layers.size(); i-- > 0;) {
      if (const Setting* setting = layers[i]->Find(key))
        return Cat(" (", problems_.Where(setting->place), ")");
    }
    return " (default)";
  }

  const Draft& draft_;
  ProblemList& problems_;
  discovery::PrivateRanges private_ranges_;
  std::map<discovery::Address, Place> listeners_;
  std::map<uint16_t, User> ports_;
  std::map<std::string, User> unix_paths_;
  std::map<std::string, Claimant> names_;
};

}  // namespace

Config BuildConfig(const Draft& draft, ProblemList& problems) {
  return Builder(draft, problems).Build();
}

}  // namespace naru::config
