#include "sidecar/cli/explain.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "discovery/last_good.h"
#include "resilience/deadline.h"
#include "resilience/failure.h"
#include "resilience/retry_policy.h"
#include "sidecar/call/service_directory.h"
#include "sidecar/config/discovered.h"
#include "sidecar/config/load_config.h"
#include "sidecar/config/names.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/config/text.h"
#include "sidecar/config/values.h"
#include "sidecar/http/grpc.h"

namespace naru::cli {
namespace {

namespace json = boost::json;
using call::NamingFailure;
using call::Target;
using config::Cat;
using config::Config;
using config::Contains;
using config::Policy;

struct Header {
  std::string name;  // lower case
  std::string value;
};

absl::StatusOr<std::vector<Header>> ParseHeaders(const std::vector<std::string>& lines) {
  std::vector<Header> headers;
  for (const std::string& line : lines) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
      return absl::InvalidArgumentError(Cat("-H \"", line, "\" is no header: write 'name: value'"));
    }
    std::string value = line.substr(colon + 1);
    absl::StripAsciiWhitespace(&value);
    headers.push_back({absl::AsciiStrToLower(line.substr(0, colon)), std::move(value)});
  }
  return headers;
}

// The call as it is sent: its headers read, and `grpc` written out.
struct Request {
  std::string method;
  std::string url;
  std::vector<Header> headers;

  std::optional<std::string_view> Find(std::string_view name) const {
    for (const Header& header : headers) {
      if (header.name == name) return header.value;
    }
    return std::nullopt;
  }
};

struct Url {
  std::string_view authority;
  std::string_view host;
  std::optional<uint16_t> port;
  std::string_view path_and_query;
};

std::optional<Url> ParseUrl(std::string_view text) {
  if (!text.starts_with("http://")) return std::nullopt;
  Url url;
  const std::string_view rest = text.substr(7);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  url.authority = rest.substr(0, end);
  url.path_and_query = end == rest.size() ? "/" : rest.substr(end);
  const size_t colon = url.authority.find(':', url.authority.starts_with("[") ? url.authority.find(']') : 0);
  url.host = url.authority.substr(0, colon);
  if (colon == url.authority.npos) return url;
  const std::string_view digits = url.authority.substr(colon + 1);
  uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || last != digits.data() + digits.size()) return std::nullopt;
  url.port = port;
  return url;
}

bool IsGrpc(const Request& request) {
  return request.method == "POST" && http::IsGrpcContentType(request.Find("content-type").value_or(""));
}

bool SaysGrpc(const ExplainedCall& call) {
  return absl::AsciiStrToLower(call.method) == "grpc";
}

// What a gRPC client sends. It has no path in front of a method's, so that SERVICE/path stands for SERVICE in
// :authority, unless it is a loopback address: then that is what the client dials.
absl::Status WriteOutGrpc(Request& request) {
  request.method = "POST";
  if (!IsGrpc(request))
    request.headers.insert(request.headers.begin(), Header{"content-type", "application/grpc"});
  const size_t slash = request.url.find('/');
  if (slash == std::string::npos) {
    return absl::InvalidArgumentError(Cat(
        "\"", request.url, "\" names no gRPC method: write http://HOST[:PORT]/PACKAGE.SERVICE/METHOD, or ",
        "SERVICE/PACKAGE.SERVICE/METHOD"));
  }
  if (slash == 0 || Contains(request.url, "://")) return absl::OkStatus();
  const std::string absolute = Cat("http://", request.url);
  const std::optional<Url> url = ParseUrl(absolute);
  if (url.has_value() && config::MeansThisMachine(url->host)) {
    request.url = absolute;
  } else {
    request.headers.insert(request.headers.begin(), Header{"host", request.url.substr(0, slash)});
    request.url.erase(0, slash);
  }
  return absl::OkStatus();
}

absl::StatusOr<Request> RequestOf(const ExplainedCall& call) {
  absl::StatusOr<std::vector<Header>> headers = ParseHeaders(call.headers);
  if (!headers.ok()) return headers.status();
  Request request{call.method, call.url, *std::move(headers)};
  const absl::Status written = SaysGrpc(call) ? WriteOutGrpc(request) : absl::OkStatus();
  if (!written.ok()) return written;
  return request;
}

// "courses.v1.Courses/Get" of "/courses.v1.Courses/Get".
std::string_view GrpcNameOf(std::string_view path) {
  return path.starts_with("/") ? path.substr(1) : path;
}

bool IsSharedPort(const Config& config, uint16_t port) {
  return std::any_of(config.listen.begin(), config.listen.end(),
                     [port](const config::ListenAddress& address) {
                       return address.unix_path.empty() && address.tcp.port == port;
                     });
}

// What naru would see of a call that the application makes to this URL: a loopback host is dialled as it
// stands, any other host can only come in through HTTP_PROXY, as an absolute URL.
absl::StatusOr<call::Naming> NamingOf(const Request& request, const Config& config,
                                      const call::ServiceDirectory& directory) {
  const std::string_view host = request.Find("host").value_or("");
  if (request.url.starts_with("/") || request.url.starts_with("https://") || request.method == "CONNECT" ||
      request.url == "*") {
    return call::Naming{0, request.method, request.url, host};
  }
  const std::optional<Url> url = ParseUrl(request.url);
  if (!url.has_value()) {
    return absl::InvalidArgumentError(
        Cat("\"", request.url, "\" is neither http://HOST[:PORT]/path nor /path"));
  }
  if (!config::MeansThisMachine(url->host)) return call::Naming{0, request.method, request.url, host};
  const uint16_t port = url->port.value_or(80);
  if (directory.ByPort(port) != nullptr) return call::Naming{port, request.method, url->path_and_query, host};
  if (!IsSharedPort(config, port)) {
    return absl::NotFoundError(
        Cat("naru does not listen on port ", port, "; naru check lists the ports that it listens on"));
  }
  return call::Naming{0, request.method, url->path_and_query, host.empty() ? url->authority : host};
}

// What is retried of a gRPC call that must not be processed twice.
std::string GrpcRetries(uint16_t retry_on) {
  constexpr std::string_view kWhy =
      ": a gRPC call is a POST, which is not idempotent (retry.idempotent or an Idempotency-Key would allow "
      "more)";
  std::vector<std::string_view> reasons;
  if (retry_on & resilience::kOnUnsent) reasons.push_back("was never sent");
  if (retry_on & resilience::kOnRefused) reasons.push_back("was refused");
  if (reasons.empty()) return Cat("not retried, as retry.on has neither unsent nor refused", kWhy);
  return Cat("retried only if it ", config::Join(reasons, " or "), kWhy);
}

std::string Retries(const Request& request, const resilience::RetryPolicy& retry) {
  const bool idempotent = resilience::IsIdempotent(request.method);
  const bool keyed = request.Find("idempotency-key").has_value();
  if (retry.attempts == 1) return "never retried: retry.attempts is 1";
  if (idempotent || keyed || retry.idempotent) {
    return Cat("retried even if it may have been processed: ",
               idempotent
                   ? request.method + " is idempotent"
                   : std::string(keyed ? "it has an Idempotency-Key" : "retry.idempotent vouches for it"));
  }
  if (IsGrpc(request)) return GrpcRetries(retry.on);
  return Cat("retried only if it was never sent: ", request.method,
             " is not idempotent (retry.idempotent or an Idempotency-Key would allow more)");
}

// What the headers and the method of this call change, as sentences.
using ParseDuration = std::optional<resilience::Duration> (*)(std::string_view);

// What a field that says how long the caller waits does to the call.
std::string DeadlineEffect(std::string_view name, std::string_view value, ParseDuration parse,
                           const Policy& policy) {
  const std::optional<resilience::Duration> deadline = parse(value);
  if (!deadline.has_value()) return Cat(name, ": malformed, so the call is refused (bad_request)");
  if (*deadline >= policy.timeout)
    return Cat(name, ": no shorter than timeout, which holds until the answer begins");
  return Cat(name, ": the call ends after ", config::FormatDuration(*deadline));
}

std::vector<std::string> Effects(const Request& request, const Policy& policy) {
  std::vector<std::string> effects = {Retries(request, policy.retry)};
  if (const auto attempt = request.Find("x-naru-attempt"); attempt.has_value() && *attempt != "1") {
    effects.push_back("x-naru-attempt: the caller is retrying, so only what was never sent is retried here");
  }
  if (const auto field = request.Find("x-naru-deadline-ms"); field.has_value()) {
    effects.push_back(DeadlineEffect("x-naru-deadline-ms", *field, &resilience::ParseDeadlineMs, policy));
  }
  if (const auto field = request.Find("grpc-timeout"); field.has_value() && IsGrpc(request)) {
    effects.push_back(DeadlineEffect("grpc-timeout", *field, &resilience::ParseGrpcTimeout, policy));
  }
  return effects;
}

struct Explanation {
  const Config& config;
  const Request& request;
  const Target& target;
  std::vector<std::string> effects;

  std::string_view UpstreamHost() const {
    return target.kept_host.empty() ? std::string_view(target.service->name) : target.kept_host;
  }
  std::string_view RouteName() const {
    return target.route == nullptr ? std::string_view("other") : std::string_view(target.route->name);
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
  const config::Route* route = explained.target.route;
  const Config& config = explained.config;
  out << "service    " << service.name << " (" << config.Where(service.origin) << ")\n"
      << "squad      " << service.squad << "\n"
      << "named by   " << call::WordsFor(explained.target.named_by) << "\n"
      << "route      " << explained.RouteName();
  if (route != nullptr) out << ": " << explained.Pattern() << " (" << config.Where(route->origin) << ")";
  if (IsGrpc(explained.request)) out << "\ngRPC       " << explained.Grpc();
  out << "\nupstream   " << explained.request.method << " " << explained.target.path_and_query
      << ", Host: " << explained.UpstreamHost() << "\n"
      << "endpoints  " << explained.Endpoints() << " (" << config.Where(service.endpoints_origin) << ")\n";
  if (const std::string known = LastKnown(config, service); !known.empty())
    out << "           " << known << "\n";
  for (const std::string& effect : explained.effects) out << "this call  " << effect << "\n";
  out << "\n";
  for (const config::PolicyLine& line : config::Explain(explained.target.policy())) {
    out << Padded(line.key, 24) << Padded(line.value, 12) << config.Where(line.origin) << "\n";
  }
}

// Null: no gRPC. Its members are null where the path is not a gRPC method's.
json::value GrpcJson(const Explanation& explained) {
  if (!IsGrpc(explained.request)) return nullptr;
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
                       {{"method", explained.request.method},
                        {"path", explained.target.path_and_query},
                        {"host", explained.UpstreamHost()}}},
                      {"endpoints", std::move(endpoints)},
                      {"source", nullptr},
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

int PrintFailure(const NamingFailure& failure, Format format, std::ostream& out) {
  const resilience::FailureTraits& traits = resilience::TraitsOf(failure.kind);
  return PrintFailure(resilience::WordOf(traits.outcome), traits.http_status, failure.detail, format, out);
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

int ExplainIn(const Config& config, const Request& request, bool says_grpc, Format format,
              std::ostream& out) {
  const call::ServiceDirectory directory(config);
  absl::StatusOr<call::Naming> naming = NamingOf(request, config, directory);
  if (!naming.ok()) return PrintFailure("", 0, Cat(naming.status().message()), format, out);
  naming->grpc = IsGrpc(request);
  const std::variant<Target, NamingFailure> answer = directory.Resolve(*naming);
  if (const auto* failure = std::get_if<NamingFailure>(&answer)) {
    if (!failure->candidate.empty()) {
      // As if the default source knew it.
      const auto with =
          config::WithServices(config, {config::DiscoveredService(config, failure->candidate, "")});
      return ExplainIn(*with, request, says_grpc, format, out);
    }
    return PrintFailure(*failure, format, out);
  }
  const Target& target = std::get<Target>(answer);
  if (says_grpc) {
    const std::string why = WhyNoGrpcPath(target.path_and_query);
    if (!why.empty()) return PrintFailure("", 0, why, format, out);
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
  const absl::StatusOr<Request> request = RequestOf(call);
  if (!request.ok()) return PrintFailure("", 0, Cat(request.status().message()), format, out);
  return ExplainIn(*result.config, *request, SaysGrpc(call), format, out);
}

}  // namespace naru::cli
