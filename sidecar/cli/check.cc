#include "sidecar/cli/check.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "sidecar/config/text.h"

namespace naru::cli {
namespace {

namespace json = boost::json;
using config::Cat;
using config::Config;
using config::ListenAddress;
using config::Service;

std::string Count(size_t number, std::string_view what) {
  return Cat(number, " ", what, number == 1 ? "" : "s");
}

json::array ProblemArray(const std::vector<config::Problem>& problems) {
  json::array array;
  for (const config::Problem& problem : problems) {
    array.push_back({{"file", problem.file},
                     {"line", problem.line},
                     {"column", problem.column},
                     {"message", problem.message},
                     {"hint", problem.hint}});
  }
  return array;
}

// The first TCP address of the shared port, or nothing where there are only sockets.
const ListenAddress* SharedPort(const Config& config) {
  const auto at = std::find_if(config.listen.begin(), config.listen.end(),
                               [](const ListenAddress& address) { return address.unix_path.empty(); });
  return at == config.listen.end() ? nullptr : &*at;
}

// Where to call an address that naru listens on: one that means "every address" is called on loopback.
std::string Callable(discovery::Address address) {
  constexpr std::array<uint8_t, 16> kAnyV6 = {};
  constexpr std::array<uint8_t, 16> kAnyV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.ip == kAnyV6) return Cat("[::1]:", address.port);
  if (address.ip == kAnyV4) return Cat("127.0.0.1:", address.port);
  return address.ToString();
}

bool SpeaksGrpc(const Service& service) {
  return std::any_of(service.routes.begin(), service.routes.end(),
                     [](const config::Route& route) { return route.pattern.is_grpc(); });
}

// What a gRPC client dials. It names the service by :authority, having no path of its own.
std::vector<std::string> WaysToCallByGrpc(const Config& config, const Service& service) {
  std::vector<std::string> ways;
  if (service.port.has_value()) ways.push_back(Cat("gRPC to ", Callable(config.OwnPortOf(service))));
  if (const ListenAddress* shared = SharedPort(config)) {
    ways.push_back(Cat("gRPC to ", Callable(shared->tcp), " with authority ", service.name));
  }
  return ways;
}

std::vector<std::string> WaysToCall(const Config& config, const Service& service) {
  std::vector<std::string> ways;
  if (service.port.has_value()) ways.push_back(Cat("http://", Callable(config.OwnPortOf(service)), "/"));
  if (const ListenAddress* shared = SharedPort(config)) {
    ways.push_back(Cat("http://", Callable(shared->tcp), "/", service.name, "/"));
    ways.push_back(Cat("http://", service.name, "/ with HTTP_PROXY=http://", Callable(shared->tcp)));
  }
  std::string hosts = Cat("Host: ", service.name);
  for (const std::string& host : service.hosts) hosts += Cat(" or ", host);
  ways.push_back(hosts + " on the shared port");
  if (SpeaksGrpc(service)) {
    for (std::string& way : WaysToCallByGrpc(config, service)) ways.push_back(std::move(way));
  }
  return ways;
}

json::object ServiceJson(const Config& config, const Service& service) {
  json::array endpoints;
  for (const discovery::Address& endpoint : service.endpoints) endpoints.emplace_back(endpoint.ToString());
  const std::vector<std::string> ways = WaysToCall(config, service);
  json::object object{{"name", service.name},
                      {"squad", service.squad},
                      {"port", nullptr},
                      {"hosts", json::array(service.hosts.begin(), service.hosts.end())},
                      {"endpoints", std::move(endpoints)},
                      {"source", nullptr},
                      {"call_as", json::array(ways.begin(), ways.end())},
                      {"from", config.Where(service.origin)}};
  if (service.port.has_value()) object["port"] = *service.port;
  if (service.source.has_value()) object["source"] = service.source->text;
  return object;
}

std::string CheckJson(const std::string& path, const config::LoadResult& result) {
  json::object object{{"file", path},
                      {"sound", result.config != nullptr},
                      {"problems", ProblemArray(result.problems)},
                      {"notes", ProblemArray(result.notes)}};
  if (result.config == nullptr) return json::serialize(object);
  json::array listen;
  for (const ListenAddress& address : result.config->listen) listen.emplace_back(address.text);
  json::array services;
  for (const Service& service : result.config->services)
    services.push_back(ServiceJson(*result.config, service));
  object["listen"] = std::move(listen);
  object["admin"] = result.config->admin.text;
  object["services"] = std::move(services);
  return json::serialize(object);
}

std::string WordsForEndpoints(const Service& service) {
  return service.source.has_value() ? Cat("endpoints from ", service.source->text)
                                    : Count(service.endpoints.size(), "endpoint");
}

void PrintPorts(const Config& config, std::ostream& out) {
  for (const ListenAddress& address : config.listen)
    out << "listen " << address.text << ": every service, by its name\n";
  for (const Service& service : config.services) {
    if (service.port.has_value()) out << "port " << *service.port << ": " << service.name << "\n";
  }
  out << "admin " << config.admin.text << "\n";
  if (config.discovery.fallback.has_value()) {
    out << "any other service: from " << config.discovery.fallback->text() << "\n";
  }
}

void PrintServices(const Config& config, std::ostream& out) {
  for (const Service& service : config.services) {
    out << "\n"
        << service.name << " (squad " << service.squad << ", " << WordsForEndpoints(service) << ", "
        << config.Where(service.origin) << ")\n";
    for (const std::string& way : WaysToCall(config, service)) out << "  " << way << "\n";
  }
}

void AddPublicNames(const Config& config, const ResolveName& resolve, std::vector<config::Problem>& notes) {
  for (PublicName& name : FindPublicNames(config, resolve)) {
    config::Problem note;
    note.file = config.files[static_cast<size_t>(name.origin.file)];
    note.line = name.origin.line;
    note.message = std::move(name.message);
    note.hint = std::move(name.hint);
    notes.push_back(std::move(note));
  }
}

void PrintText(const std::string& path, const config::LoadResult& result, std::ostream& out) {
  out << config::Render(result.problems);
  if (result.config == nullptr) {
    if (!result.unreadable) out << Count(result.problems.size(), "problem") << "\n";
    return;
  }
  for (const config::Problem& note : result.notes) out << "note: " << config::Render(note);
  out << path << " is sound: " << Count(result.config->services.size(), "service") << " in "
      << Count(result.config->files.size(), "file") << "\n";
  PrintPorts(*result.config, out);
  PrintServices(*result.config, out);
}

}  // namespace

int Check(const std::string& path, const config::Environment& environment, Format format, std::ostream& out,
          const ResolveName& resolve) {
  config::LoadResult result = config::LoadConfig(path, environment);
  if (resolve && result.config != nullptr) AddPublicNames(*result.config, resolve, result.notes);
  if (format == Format::kJson) {
    out << CheckJson(path, result) << "\n";
  } else {
    PrintText(path, result, out);
  }
  if (result.unreadable) return kUnreadable;
  return result.config == nullptr ? kProblems : kSound;
}

std::string ProblemsJson(const std::string& path, const config::LoadResult& result) {
  return CheckJson(path, result);
}

}  // namespace naru::cli
