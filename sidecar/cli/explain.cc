#include "sidecar/cli/explain.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <variant>

#include "absl/status/statusor.h"
#include "discovery/last_good.h"
#include "resilience/failure.h"
#include "sidecar/call/caller_deadline.h"
#include "sidecar/call/service_directory.h"
#include "sidecar/cli/explained_request.h"
#include "sidecar/cli/explained_retries.h"
#include "sidecar/config/discovered.h"
#include "sidecar/config/load_config.h"
#include "sidecar/config/names.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/config/text.h"
#include "sidecar/config/values.h"

namespace naru::cli {
namespace {

namespace json = boost::json;
using call::NamingFailure;
using call::Target;
using config::Cat;
using config::Config;
using config::Policy;
using resilience::Duration;

// "courses.v1.Courses/Get" of "/courses.v1.Courses/Get".
std::string_view GrpcNameOf(std::string_view path) {
  return path.starts_with("/") ? path.substr(1) : path;
}

// What fields that say how long the caller waits do to the call.
std::string DeadlineEffect(std::string_view name, const call::TimeLeft& left, const Policy& policy) {
  if (!left.sound) return Cat(name, ": malformed, so the call is refused (bad_request)");
  if (*left.least <= Duration::zero())
    return Cat(name, ": passed already, so the call is answered as timeout");
  if (*left.least >= policy.timeout)
    return Cat(name, ": no shorter than timeout, which holds until the answer begins");
  return Cat(name, ": the call ends after ", config::FormatDuration(*left.least));
}

// What the headers and the method of this call change, as sentences.
std::vector<std::string> Effects(const ExplainedRequest& request, const Policy& policy) {
  const http::FieldList& fields = request.head.fields;
  std::vector<std::string> effects = {ExplainRetries(request.head, policy.retry)};
  if (fields.Has(http::FieldId::kXNaruDeadlineMs))
    effects.push_back(DeadlineEffect("x-naru-deadline-ms", call::TimeLeftByNaru(fields), policy));
  if (request.is_grpc() && fields.Has(http::FieldId::kGrpcTimeout))
    effects.push_back(DeadlineEffect("grpc-timeout", call::TimeLeftByGrpc(fields), policy));
  return effects;
}

struct Explanation {
  const Config& config;
  const ExplainedRequest& request;
  const Target& target;
  std::vector<std::string> effects;

  std::string_view UpstreamHost() const {
    return target.kept_host.empty() ? std::string_view(target.service->name) : target.kept_host;
  }
  std::string_view RouteName() const {
    return target.route == nullptr ? std::string_view("other") : std::string_view(target.route->name);
  }
  // Which route it is, and why.
  std::string Route() const {
    if (target.route != nullptr) {
      return Cat(RouteName(), ": ", Pattern(), " (", config.Where(target.route->origin), ")");
    }
    const size_t routes = target.service->routes.size();
    if (routes == 0) return Cat(RouteName(), ": ", target.service->name, " has no routes");
    return Cat(RouteName(), routes == 1 ? ": its one route does not match"
                                        : Cat(": none of its ", routes, " routes matches"));
  }
  // The pattern as the file has it; `grpc` in front of one that was written by that key.
  std::string Pattern() const {
    const config::RoutePattern& pattern = target.route->pattern;
    return Cat(pattern.is_grpc() ? "grpc " : "", pattern.text());
  }
  // "courses.v1.Courses/Get", or what the path is instead.
  std::string Grpc() const {
    const std::string_view name = GrpcNameOf(target.path_and_query);
    const std::string why = config::WhyNoGrpcMethod(name);
    return why.empty() ? std::string(name) : Cat("by its content-type, but \"", name, "\" ", why);
  }
  std::string Endpoints() const {
    if (target.service->source.has_value()) return Cat("from ", target.service->source->text);
    std::vector<std::string> endpoints;
    for (const discovery::Address& endpoint : target.service->endpoints)
      endpoints.push_back(endpoint.ToString());
    return endpoints.empty() ? "none" : config::Join(endpoints, ", ");
  }
};

// What an earlier run of naru left on this machine about the endpoints of a source; empty: nothing.
std::string LastKnown(const Config& config, const config::Service& service) {
  constexpr size_t kMostShown = 5;
  if (!service.source.has_value()) return "";
  const discovery::LastGood last_good(
      config.discovery.state_directory.value_or(discovery::DefaultStateDirectory()));
  const absl::StatusOr<std::optional<discovery::KeptAnswer>> kept =
      last_good.Load(*service.source, std::chrono::system_clock::now());
  if (!kept.ok() || !kept->has_value()) return "";
  const std::vector<discovery::Endpoint>& endpoints = (*kept)->answer.endpoints;
  std::string text =
      Cat("last known here: ", endpoints.size(), endpoints.size() == 1 ? " endpoint, " : " endpoints, ",
          config::FormatDuration(std::chrono::floor<std::chrono::seconds>((*kept)->age)), " ago: ");
  for (size_t i = 0; i < std::min(endpoints.size(), kMostShown); ++i) {
    text += (i == 0 ? "" : ", ") + endpoints[i].address.ToString();
  }
  return endpoints.size() > kMostShown ? text + ", ..." : text;
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}

void PrintText(const Explanation& explained, std::ostream& out) {
  const config::Service& service = *explained.target.service;
  const Config& config = explained.config;
  out << "service    " << service.name << " (" << config.Where(service.origin) << ")\n"
      << "squad      " << service.squad << "\n"
      << "named by   " << call::WordsFor(explained.target.named_by) << "\n"
      << "route      " << explained.Route();
  if (explained.request.is_grpc()) out << "\ngRPC       " << explained.Grpc();
  out << "\nupstream   " << explained.request.head.method << " " << explained.target.path_and_query
      << ", Host: " << explained.UpstreamHost() << "\n"
      << "endpoints  " << explained.Endpoints() << " (" << config.Where(service.endpoints_origin) << ")\n";
  if (const std::string known = LastKnown(config, service); !known.empty())
    out << "           " << known << "\n";
  out << "protocol   " << config::WordOf(service.protocol) << " ("
      << config.Where(OriginIn(service.origins, "protocol")) << ")\n";
  for (const std::string& effect : explained.effects) out << "this call  " << effect << "\n";
  out << "\n";
  for (const config::PolicyLine& line : config::Explain(explained.target.policy())) {
    out << Padded(line.key, 24) << Padded(line.value, 12) << config.Where(line.origin) << "\n";
  }
}

// Null: no gRPC. Its members are null where the path is not a gRPC method's.
json::value GrpcJson(const Explanation& explained) {
  if (!explained.request.is_grpc()) return nullptr;
  const std::string_view name = GrpcNameOf(explained.target.path_and_query);
  if (!config::WhyNoGrpcMethod(name).empty()) return json::object{{"service", nullptr}, {"method", nullptr}};
  const size_t slash = name.find('/');
  return json::object{{"service", name.substr(0, slash)}, {"method", name.substr(slash + 1)}};
}

std::string ExplanationJson(const Explanation& explained) {
  const config::Service& service = *explained.target.service;
  const config::Route* route = explained.target.route;
  const Config& config = explained.config;
  json::array endpoints;
  for (const discovery::Address& endpoint : service.endpoints) endpoints.emplace_back(endpoint.ToString());
  json::object policy;
  for (const config::PolicyLine& line : config::Explain(explained.target.policy())) {
    policy[line.key] = {{"value", line.value}, {"from", config.Where(line.origin)}};
  }
  json::object object{{"resolved", true},
                      {"service", service.name},
                      {"squad", service.squad},
                      {"from", config.Where(service.origin)},
                      {"named_by", call::WordsFor(explained.target.named_by)},
                      {"route", explained.RouteName()},
                      {"match", nullptr},
                      {"grpc", GrpcJson(explained)},
                      {"upstream",
                       {{"method", explained.request.head.method},
                        {"path", explained.target.path_and_query},
                        {"host", explained.UpstreamHost()}}},
                      {"endpoints", std::move(endpoints)},
                      {"source", nullptr},
                      {"protocol",
                       {{"value", config::WordOf(service.protocol)},
                        {"from", config.Where(OriginIn(service.origins, "protocol"))}}},
                      {"effects", json::array(explained.effects.begin(), explained.effects.end())},
                      {"policy", std::move(policy)}};
  if (service.source.has_value()) object["source"] = service.source->text;
  if (route != nullptr) object["match"] = route->pattern.text();
  return json::serialize(object);
}

int PrintFailure(std::string_view outcome, int status, std::string_view detail, Format format,
                 std::ostream& out) {
  if (format == Format::kJson) {
    json::object object{{"resolved", false}, {"outcome", outcome}, {"status", status}, {"detail", detail}};
    if (status == 0) object["status"] = nullptr;
    out << json::serialize(object) << "\n";
  } else {
    if (status != 0) out << outcome << " (" << status << "): ";
    out << detail << "\n";
  }
  return kProblems;
}

int PrintFailure(resilience::FailureKind kind, std::string_view detail, Format format, std::ostream& out) {
  const resilience::FailureTraits& traits = resilience::TraitsOf(kind);
  return PrintFailure(resilience::WordOf(traits.outcome), traits.http_status, detail, format, out);
}

int PrintFailure(const NoRequest& none, Format format, std::ostream& out) {
  if (none.kind.has_value()) return PrintFailure(*none.kind, none.detail, format, out);
  return PrintFailure("", 0, none.detail, format, out);
}

// What is wrong with the path of a call that was said to be gRPC; empty: nothing.
std::string WhyNoGrpcPath(std::string_view path) {
  const std::string why = config::WhyNoGrpcMethod(GrpcNameOf(path));
  if (why.empty()) return "";
  return Cat("the path \"", path, "\" is no gRPC method: \"", GrpcNameOf(path), "\" ", why,
             "; write /PACKAGE.SERVICE/METHOD, such as /courses.v1.Courses/Get");
}

int PrintProblems(const std::string& path, const config::LoadResult& result, Format format,
                  std::ostream& out) {
  if (format == Format::kJson) {
    out << ProblemsJson(path, result) << "\n";
  } else {
    out << config::Render(result.problems);
  }
  return result.unreadable ? kUnreadable : kProblems;
}

// For whoever gives a gRPC method alone, without the service that is called: empty where that is not it.
std::string MissingService(const ExplainedCall& call, const call::ServiceDirectory& directory) {
  const std::string_view first = std::string_view(call.url).substr(0, call.url.find('/'));
  if (!call.says_grpc() || !config::WhyNoGrpcMethod(call.url).empty()) return "";
  const bool known = std::holds_alternative<Target>(directory.Resolve({0, "POST", "/", first, true}));
  return known ? ""
               : Cat("; if ", call.url, " is the method, write the service in front: SERVICE/", call.url);
}

// `hint` goes behind the error of a call that names no service, or no method.
int ExplainIn(const Config& config, const ExplainedCall& call, const std::string& hint, Format format,
              std::ostream& out) {
  const call::ServiceDirectory directory(config);
  const std::variant<ExplainedRequest, NoRequest> read = RequestOf(call, config, directory);
  if (const auto* none = std::get_if<NoRequest>(&read)) return PrintFailure(*none, format, out);
  const ExplainedRequest& request = std::get<ExplainedRequest>(read);
  const std::variant<Target, NamingFailure> answer = directory.Resolve(request.naming());
  if (const auto* failure = std::get_if<NamingFailure>(&answer)) {
    if (!failure->candidate.empty()) {
      // As if the default source knew it.
      const auto with =
          config::WithServices(config, {config::DiscoveredService(config, failure->candidate, "")});
      return ExplainIn(*with, call, hint, format, out);
    }
    return PrintFailure(failure->kind, failure->detail + hint, format, out);
  }
  const Target& target = std::get<Target>(answer);
  if (call.says_grpc()) {
    const std::string why = WhyNoGrpcPath(target.path_and_query);
    if (!why.empty()) return PrintFailure("", 0, why + hint, format, out);
  }
  const Explanation explained{config, request, target, Effects(request, target.policy())};
  if (format == Format::kJson) {
    out << ExplanationJson(explained) << "\n";
  } else {
    PrintText(explained, out);
  }
  return kSound;
}

}  // namespace

int Explain(const std::string& path, const ExplainedCall& call, const config::Environment& environment,
            Format format, std::ostream& out) {
  const config::LoadResult result = config::LoadConfig(path, environment);
  if (result.config == nullptr) return PrintProblems(path, result, format, out);
  const std::string hint = MissingService(call, call::ServiceDirectory(*result.config));
  return ExplainIn(*result.config, call, hint, format, out);
}

}  // namespace naru::cli
