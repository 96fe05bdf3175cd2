#include "sidecar/cli/explain.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "resilience/deadline.h"
#include "resilience/failure.h"
#include "resilience/retry_policy.h"
#include "sidecar/call/service_directory.h"
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

std::optional<std::string_view> FindHeader(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

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

bool IsSharedPort(const Config& config, uint16_t port) {
  return std::any_of(config.listen.begin(), config.listen.end(),
                     [port](const config::ListenAddress& address) {
                       return address.unix_path.empty() && address.tcp.port == port;
                     });
}

// What naru would see of a call that the application makes to this URL: a loopback host is dialled as it
// stands, any other host can only come in through HTTP_PROXY, as an absolute URL.
absl::StatusOr<call::Naming> NamingOf(const ExplainedCall& call, const std::vector<Header>& headers,
                                      const Config& config, const call::ServiceDirectory& directory) {
  const std::string_view host = FindHeader(headers, "host").value_or("");
  if (call.url.starts_with("/") || call.url.starts_with("https://") || call.method == "CONNECT" ||
      call.url == "*") {
    return call::Naming{0, call.method, call.url, host};
  }
  const std::optional<Url> url = ParseUrl(call.url);
  if (!url.has_value()) {
    return absl::InvalidArgumentError(Cat("\"", call.url, "\" is neither http://HOST[:PORT]/path nor /path"));
  }
  if (!config::MeansThisMachine(url->host)) return call::Naming{0, call.method, call.url, host};
  const uint16_t port = url->port.value_or(80);
  if (directory.ByPort(port) != nullptr) return call::Naming{port, call.method, url->path_and_query, host};
  if (!IsSharedPort(config, port)) {
    return absl::NotFoundError(
        Cat("naru does not listen on port ", port, "; naru check lists the ports that it listens on"));
  }
  return call::Naming{0, call.method, url->path_and_query, host.empty() ? url->authority : host};
}

// What the headers and the method of this call change, as sentences.
std::vector<std::string> Effects(const ExplainedCall& call, const std::vector<Header>& headers,
                                 const Policy& policy) {
  std::vector<std::string> effects;
  const bool idempotent = resilience::IsIdempotent(call.method);
  const bool keyed = FindHeader(headers, "idempotency-key").has_value();
  if (policy.retry.attempts == 1) {
    effects.push_back("never retried: retry.attempts is 1");
  } else if (idempotent || keyed || policy.retry.idempotent) {
    effects.push_back(Cat(
        "retried even if it may have been processed: ",
        idempotent ? call.method + " is idempotent"
                   : std::string(keyed ? "it has an Idempotency-Key" : "retry.idempotent vouches for it")));
  } else {
    effects.push_back(Cat("retried only if it was never sent: ", call.method,
                          " is not idempotent (retry.idempotent or an Idempotency-Key would allow more)"));
  }
  if (const auto attempt = FindHeader(headers, "x-naru-attempt"); attempt.has_value() && *attempt != "1") {
    effects.push_back("x-naru-attempt: the caller is retrying, so only what was never sent is retried here");
  }
  if (const auto field = FindHeader(headers, "x-naru-deadline-ms"); field.has_value()) {
    const std::optional<resilience::Duration> deadline = resilience::ParseDeadlineMs(*field);
    effects.push_back(
        !deadline.has_value() ? std::string("x-naru-deadline-ms: malformed, so it is ignored")
        : *deadline < policy.timeout
            ? Cat("x-naru-deadline-ms: the call ends after ", config::FormatDuration(*deadline))
            : std::string("x-naru-deadline-ms: no shorter than timeout, so it changes nothing here"));
  }
  return effects;
}

struct Explanation {
  const Config& config;
  const ExplainedCall& call;
  const Target& target;
  std::vector<std::string> effects;

  std::string_view UpstreamHost() const {
    return target.kept_host.empty() ? std::string_view(target.service->name) : target.kept_host;
  }
  std::string_view RouteName() const {
    return target.route == nullptr ? std::string_view("other") : std::string_view(target.route->name);
  }
  std::string Endpoints() const {
    std::vector<std::string> endpoints;
    for (const discovery::Address& endpoint : target.service->endpoints)
      endpoints.push_back(endpoint.ToString());
    return endpoints.empty() ? "none" : config::Join(endpoints, ", ");
  }
};

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
  if (route != nullptr) out << ": " << route->pattern.text() << " (" << config.Where(route->origin) << ")";
  out << "\nupstream   " << explained.call.method << " " << explained.target.path_and_query
      << ", Host: " << explained.UpstreamHost() << "\n"
      << "endpoints  " << explained.Endpoints() << " (" << config.Where(service.endpoints_origin) << ")\n";
  for (const std::string& effect : explained.effects) out << "this call  " << effect << "\n";
  out << "\n";
  for (const config::PolicyLine& line : config::Explain(explained.target.policy())) {
    out << Padded(line.key, 24) << Padded(line.value, 12) << config.Where(line.origin) << "\n";
  }
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
                      {"upstream",
                       {{"method", explained.call.method},
                        {"path", explained.target.path_and_query},
                        {"host", explained.UpstreamHost()}}},
                      {"endpoints", std::move(endpoints)},
                      {"effects", json::array(explained.effects.begin(), explained.effects.end())},
                      {"policy", std::move(policy)}};
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

int PrintProblems(const std::string& path, const config::LoadResult& result, Format format,
                  std::ostream& out) {
  if (format == Format::kJson) {
    out << ProblemsJson(path, result) << "\n";
  } else {
    out << config::Render(result.problems);
  }
  return result.unreadable ? kUnreadable : kProblems;
}

}  // namespace

int Explain(const std::string& path, const ExplainedCall& call, const config::Environment& environment,
            Format format, std::ostream& out) {
  const config::LoadResult result = config::LoadConfig(path, environment);
  if (result.config == nullptr) return PrintProblems(path, result, format, out);
  const absl::StatusOr<std::vector<Header>> headers = ParseHeaders(call.headers);
  if (!headers.ok()) return PrintFailure("", 0, Cat(headers.status().message()), format, out);
  const call::ServiceDirectory directory(*result.config);
  const absl::StatusOr<call::Naming> naming = NamingOf(call, *headers, *result.config, directory);
  if (!naming.ok()) return PrintFailure("", 0, Cat(naming.status().message()), format, out);
  const std::variant<Target, NamingFailure> answer = directory.Resolve(*naming);
  if (const auto* failure = std::get_if<NamingFailure>(&answer)) return PrintFailure(*failure, format, out);
  const Target& target = std::get<Target>(answer);
  const Explanation explained{*result.config, call, target, Effects(call, *headers, target.policy())};
  if (format == Format::kJson) {
    out << ExplanationJson(explained) << "\n";
  } else {
    PrintText(explained, out);
  }
  return kSound;
}

}  // namespace naru::cli
