#include "sidecar/call/service_directory.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "sidecar/config/names.h"
#include "sidecar/config/near_words.h"
#include "sidecar/config/text.h"

namespace naru::call {
namespace {

using config::Cat;
using resilience::FailureKind;

constexpr size_t kLongestName = 253;    // RFC 1035 2.3.4: 255 octets on the wire
constexpr size_t kLongestQuoted = 100;  // of what the caller sent, in an error text

constexpr size_t kMostListed = 5;  // services, in an error text

// The first segments of what the admin port serves.
bool IsAdminPage(std::string_view segment) {
  constexpr std::array<std::string_view, 8> kPages = {"metrics", "healthz", "readyz", "services",
                                                      "config",  "calls",   "reload", "drain"};
  return std::find(kPages.begin(), kPages.end(), segment) != kPages.end();
}

// What the caller sent, made fit for an error text.
std::string Quotable(std::string_view text) {
  std::string quotable(text.substr(0, kLongestQuoted));
  for (char& c : quotable) {
    if (c < 0x20 || c == 0x7f || c == '"') c = '?';
  }
  if (text.size() > kLongestQuoted) quotable += "...";
  return quotable;
}

NamingFailure Malformed(std::string_view name, std::string detail) {
  return NamingFailure{FailureKind::kBadRequest, Quotable(name), std::move(detail), ""};
}

// The host of "host:port", without port and trailing dot. Nothing when it is malformed.
std::optional<std::string_view> HostOf(std::string_view authority) {
  if (authority.starts_with("[")) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view after = authority.substr(close + 1);
    if (!after.empty() && after[0] != ':') return std::nullopt;
    return authority.substr(0, close + 1);
  }
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.size() + 1 < authority.size() && config::Contains(authority.substr(host.size() + 1), ":")) {
    return std::nullopt;  // an IPv6 address without its brackets
  }
  if (authority.find_first_of("@/\\?# \t") != std::string_view::npos) return std::nullopt;
  if (host.ends_with(".")) host.remove_suffix(1);
  return host;
}

bool IsLoopback(std::string_view host) {
  return host.empty() || config::MeansThisMachine(host);
}

bool HasScheme(std::string_view target, std::string_view scheme) {
  const std::string_view start = target.substr(0, scheme.size());
  return std::equal(start.begin(), start.end(), scheme.begin(), scheme.end(),
                    [](char x, char y) { return absl::ascii_tolower(static_cast<unsigned char>(x)) == y; });
}

std::string_view PathOf(std::string_view path_and_query) {
  return path_and_query.substr(0, path_and_query.find('?'));
}

// An absolute URL in its parts; `rest` is what follows the authority.
struct UrlParts {
  std::string_view authority;
  std::string_view rest;
};
UrlParts SplitUrl(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  return {url.substr(0, end), url.substr(end)};
}

bool IsOriginForm(const Naming& naming) {
  return naming.target.starts_with("/") || (naming.target == "*" && naming.method == "OPTIONS");
}

// What upstream's target is when it is not a part of the caller's. RFC 9112 3.2.4: the last proxy turns an
// OPTIONS on a URL without path into "*".
std::string_view StaticPath(const Naming& naming, NamedBy named_by) {
  const bool absolute = !naming.target.starts_with("/");
  return named_by != NamedBy::kPath && absolute && naming.method == "OPTIONS" ? "*" : "/";
}

}  // namespace

std::string_view WordsFor(NamedBy named_by) {
  switch (named_by) {
    case NamedBy::kPort:
      return "its local port";
    case NamedBy::kHost:
      return "Host";
    case NamedBy::kHostAlias:
      return "Host, one of its hosts";
    case NamedBy::kPath:
      return "the first path segment";
    case NamedBy::kAbsoluteUrl:
      return "the absolute URL";
  }
  return "";
}

ServiceDirectory::ServiceDirectory(const config::Config& config) : config_(config) {
  for (const config::Service& service : config.services) {
    by_name_.emplace(service.name, Named{&service, ""});
    for (const std::string& host : service.hosts) by_name_.emplace(host, Named{&service, host});
    if (service.port.has_value()) by_port_.emplace(*service.port, &service);
  }
}

std::variant<Target, NamingFailure> ServiceDirectory::Resolve(const Naming& naming) const {
  if (naming.method == "CONNECT") return NoTunnel(naming.target);
  if (HasScheme(naming.target, "https://")) return NoTunnel(SplitUrl(naming.target).authority);
  const bool absolute = HasScheme(naming.target, "http://");
  if (!absolute && !IsOriginForm(naming)) {
    return Malformed(
        "", Cat("the request target \"", Quotable(naming.target), "\" is neither a path nor an http:// URL"));
  }
  if (naming.service_port != 0) return ResolvePort(naming);
  return absolute ? ResolveAbsoluteUrl(naming) : ResolveHost(naming);
}

ServiceDirectory::Resolved ServiceDirectory::ResolvePort(const Naming& naming) const {
  const config::Service* service = ByPort(naming.service_port);
  if (service == nullptr) {
    return NamesNothing(Cat("no service has the local port ", naming.service_port));
  }
  const bool absolute = HasScheme(naming.target, "http://");
  return Reach(*service, NamedBy::kPort, "", naming, absolute ? SplitUrl(naming.target).rest : naming.target);
}

ServiceDirectory::Resolved ServiceDirectory::ResolveHost(const Naming& naming) const {
  const std::optional<std::string_view> host = HostOf(naming.host);
  if (!host.has_value()) {
    return Malformed(naming.host, Cat("the Host \"", Quotable(naming.host), "\" is malformed"));
  }
  if (IsLoopback(*host)) return ResolvePath(naming, naming.target);
  const Named* named = Find(*host);
  if (named == nullptr) return Unknown(*host, "the Host");
  const NamedBy named_by = named->alias.empty() ? NamedBy::kHost : NamedBy::kHostAlias;
  return Reach(*named->service, named_by, named->alias, naming, naming.target);
}

ServiceDirectory::Resolved ServiceDirectory::ResolveAbsoluteUrl(const Naming& naming) const {
  const UrlParts url = SplitUrl(naming.target);
  const std::optional<std::string_view> host = HostOf(url.authority);
  if (!host.has_value() || host->empty()) {
    return Malformed(url.authority, Cat("the URL \"", Quotable(naming.target), "\" has no well-formed host"));
  }
  if (IsLoopback(*host)) return ResolvePath(naming, url.rest);
  const Named* named = Find(*host);
  if (named == nullptr) {
    NamingFailure unknown = Unknown(*host, "the host of the URL");
    unknown.detail += "; or, where it is none of yours, list it in NO_PROXY to go to it directly";
    return unknown;
  }
  return Reach(*named->service, NamedBy::kAbsoluteUrl, named->alias, naming, url.rest);
}

ServiceDirectory::Resolved ServiceDirectory::ResolvePath(const Naming& naming,
                                                         std::string_view path_and_query) const {
  const std::string_view path = PathOf(path_and_query);
  const size_t end = path.find('/', 1);
  const std::string_view name = path.starts_with("/") ? path.substr(1, end == path.npos ? end : end - 1) : "";
  if (name.empty()) return NamesNothing("neither Host nor path names a service");
  const config::Service* service = config_.FindService(name);
  if (service != nullptr)
    return Reach(*service, NamedBy::kPath, "", naming, path_and_query.substr(1 + name.size()));
  NamingFailure unknown = UnknownInPath(name, path);
  if (naming.grpc && config::WhyNoGrpcMethod(path.substr(1)).empty()) {
    unknown.detail +=
        "; or, as gRPC clients do, name it by :authority, an option of the channel, or dial its own port";
  }
  return unknown;
}

Target ServiceDirectory::Reach(const config::Service& service, NamedBy named_by, std::string_view alias,
                               const Naming& naming, std::string_view path_and_query) const {
  Target target{&service, nullptr, named_by, path_and_query, alias, nullptr};
  if (path_and_query.empty()) target.path_and_query = StaticPath(naming, named_by);
  if (path_and_query.starts_with("?")) {
    target.rewritten = std::make_shared<const std::string>(Cat("/", path_and_query));
    target.path_and_query = *target.rewritten;
  }
  target.route = service.MatchRoute(naming.method, PathOf(target.path_and_query));
  return target;
}

const config::Service* ServiceDirectory::ByPort(uint16_t port) const {
  const auto at = by_port_.find(port);
  return at == by_port_.end() ? nullptr : at->second;
}

const ServiceDirectory::Named* ServiceDirectory::Find(std::string_view host) const {
  if (host.size() > kLongestName) return nullptr;
  std::array<char, kLongestName> lower;
  std::transform(host.begin(), host.end(), lower.begin(),
                 [](char c) { return absl::ascii_tolower(static_cast<unsigned char>(c)); });
  const auto at = by_name_.find(std::string_view(lower.data(), host.size()));
  return at == by_name_.end() ? nullptr : &at->second;
}

std::vector<std::string> ServiceDirectory::NearNames(std::string_view name) const {
  std::vector<std::string_view> known;
  known.reserve(by_name_.size());
  for (const auto& [word, named] : by_name_) known.push_back(word);
  return config::NearWords(absl::AsciiStrToLower(std::string(name.substr(0, kLongestName))), known);
}

NamingFailure ServiceDirectory::Unknown(std::string_view name, std::string_view named_by) const {
  const std::string hint = config::DidYouMean(NearNames(name));
  return NamingFailure{
      FailureKind::kUnknownService, Quotable(name),
      Cat("no service is called \"", Quotable(name), "\" (", named_by, "); ", hint, hint.empty() ? "" : " ",
          "to add it, define it under services: in ", ConfigurationFile()),
      CandidateOf(name)};
}

NamingFailure ServiceDirectory::UnknownInPath(std::string_view name, std::string_view path) const {
  NamingFailure unknown = Unknown(name, "the first segment of the path");
  if (IsAdminPage(name) && !config_.admin.text.empty()) {
    unknown.detail +=
        Cat("; naru's own pages are on the admin port: http://", config_.admin.text, Quotable(path));
  } else if (!config_.services.empty() && NearNames(name).empty()) {
    unknown.detail += Cat("; or begin the path with a service: ", SomeServices());
  }
  return unknown;
}

std::string ServiceDirectory::SomeServices() const {
  std::string names;
  for (size_t i = 0; i < std::min(config_.services.size(), kMostListed); ++i)
    names += Cat(i == 0 ? "" : ", ", config_.services[i].name);
  return config_.services.size() > kMostListed ? names + ", ..." : names;
}

std::string ServiceDirectory::CandidateOf(std::string_view name) const {
  if (!config_.discovery.fallback.has_value()) return "";
  std::string candidate = absl::AsciiStrToLower(std::string(name));
  return config::WhyNoServiceName(candidate).empty() ? candidate : "";
}

NamingFailure ServiceDirectory::NamesNothing(std::string_view what) const {
  return NamingFailure{FailureKind::kUnknownService, "",
                       Cat(what, "; call http://localhost:PORT/SERVICE/path, set Host to a service's name, ",
                           "or use the service's own port (naru check lists them)")};
}

NamingFailure ServiceDirectory::NoTunnel(std::string_view authority) const {
  const std::string_view host = HostOf(authority).value_or(authority);
  const Named* named = Find(host);
  const std::string instead = named != nullptr ? Cat("http://", host, "/") : "http://SERVICE/";
  return NamingFailure{
      FailureKind::kHttpsOverConnect, Quotable(host),
      Cat("naru carries plain HTTP to private endpoints and opens no tunnels; call ", instead,
          " instead of https://, or list the host in NO_PROXY to go to it directly"),
      ""};
}

std::string_view ServiceDirectory::ConfigurationFile() const {
  return config_.files.empty() ? "the configuration" : std::string_view(config_.files.front());
}

}  // namespace naru::call
