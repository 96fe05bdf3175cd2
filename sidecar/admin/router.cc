#include "sidecar/admin/router.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <set>

#include "discovery/address.h"
#include "metrics/exposition.h"
#include "sidecar/admin/indented_json.h"
#include "sidecar/admin/json_views.h"
#include "sidecar/admin/json_writer.h"
#include "sidecar/admin/page.h"

namespace naru::admin {
namespace {

constexpr std::string_view kServicePrefix = "/services/";

bool EqualsIgnoreCase(const std::string& a, const char* b) {
  return strcasecmp(a.c_str(), b) == 0;
}

std::string HeaderOf(const AdminRequest& request, const char* name) {
  for (const auto& [key, value] : request.headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

// Whether the Host field names this machine by itself: an IP address, or localhost. Browsers resolve names
// below .localhost to loopback themselves, so nobody else can own one.
bool NamesThisMachine(std::string host) {
  if (host.starts_with('[')) {
    const std::optional<discovery::IpBytes> ip = discovery::ParseIp(host.substr(1, host.find(']') - 1));
    return ip && !discovery::IsV4(*ip);
  }
  host.resize(std::min(host.find(':'), host.size()));
  return discovery::ParseIp(host).has_value() || EqualsIgnoreCase(host, "localhost") ||
         (host.size() > 10 && EqualsIgnoreCase(host.substr(host.size() - 10), ".localhost"));
}

// Takes what stands before the first `separator` off the front of the text, and the separator.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::string_view taken = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

// What a plus sign means: in a query, as HTML forms write it, a space.
enum class Plus : uint8_t { kIsPlus, kIsSpace };

// Nothing when a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text, Plus plus) {
  std::string decoded;
  while (!text.empty()) {
    if (text[0] != '%') {
      decoded += text[0] == '+' && plus == Plus::kIsSpace ? ' ' : text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + 1;
    if (text.size() < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2)
      return std::nullopt;
    decoded += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return decoded;
}

template <class Texts>
std::string Join(const Texts& texts) {
  std::string joined;
  for (const auto& text : texts) joined += (joined.empty() ? "" : ", ") + std::string(text);
  return joined;
}

std::set<std::string> NamesOf(const std::vector<ServiceView>& services, std::string ServiceView::*name) {
  std::set<std::string> names;
  for (const ServiceView& service : services) names.insert(service.*name);
  return names;
}

AdminResponse Json(std::string body, int status = 200) {
  AdminResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Of a service's or a squad's name: those that there are, where somebody asked for another.
std::string KnownNames(const std::set<std::string>& names) {
  constexpr size_t kMostNamed = 20;
  if (names.empty()) return "there is none";
  std::vector<std::string> shown(names.begin(), std::next(names.begin(), std::min(names.size(), kMostNamed)));
  if (names.size() > kMostNamed) shown.push_back("and others, see /services");
  return "there are " + Join(shown);
}

AdminResponse NoSuchSquad(const std::string& squad, const std::set<std::string>& squads) {
  return ErrorResponse(404, "no service is of the squad \"" + squad + "\"; " + KnownNames(squads));
}

AdminResponse NoSuchService(const std::string& name, const std::set<std::string>& names) {
  return ErrorResponse(404, "no service is called \"" + name + "\"; " + KnownNames(names));
}

// How to send a POST, for whoever did not: with the address that they used.
std::string CurlFor(const AdminRequest& request, const std::string& path) {
  const std::string host = HeaderOf(request, "host");
  return "curl -X POST -H 'x-naru-admin: 1' http://" + (host.empty() ? "127.0.0.1:4001" : host) + path;
}

template <class T>
AdminResponse OneMember(std::string_view key, const T& value, int status = 200) {
  JsonWriter json;
  json.BeginObject();
  json.Member(key, value);
  json.EndObject();
  return Json(json.Take(), status);
}

}  // namespace

AdminResponse ErrorResponse(int status, const std::string& detail) {
  return Json(ErrorJson(status, detail), status);
}

// The table of what the admin port has.
struct AdminRouter::Entry {
  std::string_view path;  // one that ends in "NAME" stands for any last segment
  std::string_view method;
  AdminResponse (AdminRouter::*handle)(const AdminRequest&, const Target&);
  std::vector<std::string_view> parameters;

  static const std::vector<Entry>& All();
  static const Entry* Find(const std::string& path);
  bool Allows(const std::string& asked) const {
    return asked == method || (asked == "HEAD" && method == "GET");
  }
};

const std::vector<AdminRouter::Entry>& AdminRouter::Entry::All() {
  static const std::vector<Entry> entries = {
      {"/", "GET", &AdminRouter::ShowPage, {}},
      {"/healthz", "GET", &AdminRouter::ShowHealth, {"pretty"}},
      {"/readyz", "GET", &AdminRouter::ShowReady, {"pretty"}},
      {"/metrics", "GET", &AdminRouter::ShowMetrics, {"squad"}},
      {"/services", "GET", &AdminRouter::ShowServices, {"squad", "pretty"}},
      {"/services/NAME", "GET", &AdminRouter::ShowService, {"pretty"}},
      {"/config", "GET", &AdminRouter::ShowConfig, {"pretty"}},
      {"/calls/recent", "GET", &AdminRouter::ShowRecentCalls, {"outcome", "service", "squad", "pretty"}},
      {"/reload", "POST", &AdminRouter::Reload, {}},
      {"/drain", "POST", &AdminRouter::Drain, {}},
  };
  return entries;
}

const AdminRouter::Entry* AdminRouter::Entry::Find(const std::string& path) {
  const bool service = path.starts_with(kServicePrefix) && path.size() > kServicePrefix.size();
  for (const Entry& entry : All()) {
    if (entry.path == path || (service && entry.path == "/services/NAME")) return &entry;
  }
  return nullptr;
}

std::optional<AdminRouter::Target> AdminRouter::Target::Parse(std::string_view text) {
  const std::string_view raw_path = TakeUntil(text, '?');
  const std::optional<std::string> path = PercentDecode(raw_path, Plus::kIsPlus);
  if (!path) return std::nullopt;
  Target target{*path, {}};
  while (!text.empty()) {
    std::string_view pair = TakeUntil(text, '&');
    const std::optional<std::string> name = PercentDecode(TakeUntil(pair, '='), Plus::kIsSpace);
    const std::optional<std::string> value = PercentDecode(pair, Plus::kIsSpace);
    if (!name || !value) return std::nullopt;
    if (!name->empty()) target.query.emplace_back(*name, *value);
  }
  return target;
}

std::string AdminRouter::Target::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

bool AdminRouter::Target::Has(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [name](const auto& pair) { return pair.first == name; });
}

AdminRouter::AdminRouter(Backend& backend, bool on_loopback, std::chrono::steady_clock::time_point start)
    : backend_(backend),
      on_loopback_(on_loopback),
      traffic_(backend.registry().vocabulary().outcomes, start) {}

AdminResponse AdminRouter::Handle(const AdminRequest& request) {
  const std::optional<Target> target = Target::Parse(request.target);
  if (!target) return ErrorResponse(400, "the URL holds a % that two hexadecimal digits do not follow");
  return Dispatch(request, *target);
}

AdminResponse AdminRouter::Dispatch(const AdminRequest& request, const Target& target) {
  const Entry* entry = Entry::Find(target.path);
  if (entry == nullptr) {
    std::vector<std::string_view> paths;
    for (const Entry& known : Entry::All()) paths.push_back(known.path);
    const std::vector<std::string> listen = backend_.Listen();
    return ErrorResponse(
        404, "there is no " + target.path + " here: this is naru's admin port, which carries no calls" +
                 (listen.empty() ? "" : "; they go to " + Join(listen)) + "; it has " + Join(paths));
  }
  const std::string host = HeaderOf(request, "host");
  if (on_loopback_ && !host.empty() && !NamesThisMachine(host)) {
    return ErrorResponse(403,
                         "the admin port listens on loopback and was asked for as \"" + host +
                             "\"; ask for it as localhost or by IP address, so that no web page can reach it "
                             "through a name of its own");
  }
  if (!entry->Allows(request.method)) {
    const bool post = entry->method == "POST";
    AdminResponse response =
        ErrorResponse(405, target.path + " takes " + std::string(entry->method) + ", not " + request.method +
                               (post ? ": " + CurlFor(request, target.path) : ""));
    response.headers.emplace_back("Allow", entry->method == "GET" ? "GET, HEAD" : "POST");
    return response;
  }
  if (entry->method == "POST" && HeaderOf(request, "x-naru-admin") != "1") {
    return ErrorResponse(403, "POST " + target.path +
                                  " needs the header x-naru-admin: 1, which a web page cannot send: " +
                                  CurlFor(request, target.path));
  }
  for (const auto& [name, value] : target.query) {
    if (std::find(entry->parameters.begin(), entry->parameters.end(), name) != entry->parameters.end())
      continue;
    return ErrorResponse(400, target.path + " knows no parameter \"" + name + "\"; it takes " +
                                  (entry->parameters.empty() ? "none" : Join(entry->parameters)));
  }
  AdminResponse response = (this->*entry->handle)(request, target);
  if (target.Has("pretty")) response.body = IndentedJson(response.body);
  return response;
}

AdminResponse AdminRouter::ShowPage(const AdminRequest& request, const Target&) {
  const metrics::Registry& registry = backend_.registry();
  AdminResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.body = Page({registry.caller(), registry.build().version, backend_.Ready(), backend_.Services(),
                        traffic_.Look(registry.Traffic(), request.now), backend_.Refused()});
  return response;
}

AdminResponse AdminRouter::ShowHealth(const AdminRequest&, const Target&) {
  return OneMember("alive", true);
}

AdminResponse AdminRouter::ShowReady(const AdminRequest&, const Target&) {
  const std::string why_not = backend_.Ready();
  if (why_not.empty()) return OneMember("ready", true);
  JsonWriter json;
  json.BeginObject();
  json.Member("ready", false);
  json.Member("why", why_not);
  json.EndObject();
  return Json(json.Take(), 503);
}

AdminResponse AdminRouter::ShowMetrics(const AdminRequest& request, const Target& target) {
  const metrics::Format format = metrics::ChooseFormat(HeaderOf(request, "accept"));
  const std::string squad = target.Query("squad");
  AdminResponse response;
  response.content_type = metrics::ContentTypeOf(format);
  response.body = metrics::Expose(backend_.registry(), format, squad);
  const bool nothing = response.body.empty() || response.body.starts_with("# EOF");
  if (!nothing || squad.empty()) return response;
  const std::set<std::string> squads = NamesOf(backend_.Services(), &ServiceView::squad);
  return squads.contains(squad) ? response : NoSuchSquad(squad, squads);
}

AdminResponse AdminRouter::ShowServices(const AdminRequest&, const Target& target) {
  const std::string squad = target.Query("squad");
  std::vector<ServiceView> services = backend_.Services();
  const std::set<std::string> squads = NamesOf(services, &ServiceView::squad);
  if (!squad.empty() && !squads.contains(squad)) return NoSuchSquad(squad, squads);
  std::erase_if(services,
                [&squad](const ServiceView& service) { return !squad.empty() && service.squad != squad; });
  return Json(ServicesJson(services));
}

AdminResponse AdminRouter::ShowService(const AdminRequest&, const Target& target) {
  const std::string name = target.path.substr(kServicePrefix.size());
  if (const std::optional<ServiceView> service = backend_.Service(name)) return Json(ServiceJson(*service));
  return NoSuchService(name, NamesOf(backend_.Services(), &ServiceView::name));
}

AdminResponse AdminRouter::ShowConfig(const AdminRequest&, const Target&) {
  return Json(ConfigJson(backend_.ConfigJson(), backend_.Refused()));
}

AdminResponse AdminRouter::ShowRecentCalls(const AdminRequest&, const Target& target) {
  const RecentFilter filter{target.Query("outcome"), target.Query("service"), target.Query("squad")};
  const std::vector<std::string>& outcomes = backend_.registry().vocabulary().outcomes;
  if (!filter.outcome.empty() &&
      std::find(outcomes.begin(), outcomes.end(), filter.outcome) == outcomes.end()) {
    return ErrorResponse(400, "there is no outcome \"" + filter.outcome + "\"; there are " + Join(outcomes));
  }
  // Calls are remembered of services that are configured no more, and of names that no service has.
  const auto calls = backend_.recent_calls().Select(filter);
  if (calls.empty() && !filter.squad.empty()) {
    const std::set<std::string> squads = NamesOf(backend_.Services(), &ServiceView::squad);
    if (!squads.contains(filter.squad)) return NoSuchSquad(filter.squad, squads);
  }
  if (calls.empty() && !filter.service.empty()) {
    const std::set<std::string> names = NamesOf(backend_.Services(), &ServiceView::name);
    if (!names.contains(filter.service)) return NoSuchService(filter.service, names);
  }
  return Json(RecentCallsJson(calls));
}

AdminResponse AdminRouter::Reload(const AdminRequest&, const Target&) {
  const ReloadResult result = backend_.Reload();
  return Json(ReloadJson(result), result.problems.empty() ? 200 : 422);
}

AdminResponse AdminRouter::Drain(const AdminRequest&, const Target&) {
  backend_.Drain();
  return OneMember("draining", true, 202);
}

}  // namespace naru::admin
