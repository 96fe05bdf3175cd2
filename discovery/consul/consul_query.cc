#include "discovery/consul/consul_query.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

// The server adds up to a sixteenth to the wait; beyond that the agent has a moment to answer.
constexpr Duration kToAnswer = std::chrono::seconds(10);
constexpr Duration kLongestWait = std::chrono::minutes(10);  // Consul grants no more

// RFC 3986 2.3: unreserved characters stay.
std::string Escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kHex[byte >> 4];
      escaped += kHex[byte & 15];
    }
  }
  return escaped;
}

std::string OptionOf(std::string_view key, std::string_view value) {
  return value.empty() ? "" : Cat("&", key, "=", Escape(value));
}

// CONSUL_HTTP_ADDR may lack its scheme.
std::string UrlOf(const std::string& address, bool tls) {
  if (Contains(address, "://")) return address;
  return Cat(tls ? "https://" : "http://", address);
}

bool IsTrue(const std::optional<std::string>& text) {
  return text == "1" || text == "true" || text == "TRUE";
}

}  // namespace

ConsulSettings WithEnvironment(ConsulSettings settings, const ReadVariable& variable) {
  const std::optional<std::string> address = variable("CONSUL_HTTP_ADDR");
  if (settings.address == ConsulSettings().address && address.has_value() && !address->empty()) {
    settings.address = UrlOf(*address, IsTrue(variable("CONSUL_HTTP_SSL")));
  }
  if (settings.token.empty()) settings.token = variable("CONSUL_HTTP_TOKEN").value_or("");
  return settings;
}

absl::StatusOr<ConsulQuery> ConsulQuery::For(const SourceUri& uri, const ConsulSettings& settings) {
  const absl::StatusOr<HttpUrl> base = HttpUrl::Parse(settings.address);
  if (!base.ok()) {
    return absl::InvalidArgumentError(
        Cat("Consul's address ", settings.address, " ", base.status().message(),
            ": set discovery.consul.address to one such as http://127.0.0.1:8500"));
  }
  ConsulQuery query;
  query.base_ = *base;
  while (query.base_.target.ends_with('/')) query.base_.target.pop_back();
  query.service_ = uri.name;
  query.token_ = settings.token;
  query.wait_ = std::min(settings.wait, kLongestWait);
  query.filter_.passing = uri.Option("passing") == "true";
  for (const auto& [key, value] : uri.options) {
    if (key == "tag") query.filter_.tags.push_back(value);
  }
  const std::string_view datacenter = uri.Option("dc");
  query.options_ =
      Cat(OptionOf("dc", datacenter.empty() ? settings.datacenter : datacenter),
          OptionOf("ns", uri.Option("ns")), settings.stale ? "&stale" : "", settings.cached ? "&cached" : "");
  return query;
}

HttpRequest ConsulQuery::Health(uint64_t index) const {
  const auto seconds = std::max<int64_t>(std::chrono::duration_cast<std::chrono::seconds>(wait_).count(), 1);
  const std::string blocking = index == 0 ? "" : Cat("&index=", index, "&wait=", seconds, "s");
  HttpRequest request = Get(Cat("/v1/health/service/", Escape(service_)), Cat(options_, blocking));
  if (index != 0) request.timeout = std::chrono::seconds(seconds) * 17 / 16 + kToAnswer;
  return request;
}

HttpRequest ConsulQuery::Services() const {
  return Get("/v1/catalog/services", options_);
}

HttpRequest ConsulQuery::Get(std::string_view path, const std::string& options) const {
  HttpRequest request;
  request.url = base_;
  request.url.target += path;
  if (!options.empty()) request.url.target += Cat("?", std::string_view(options).substr(1));
  if (!token_.empty()) request.fields.emplace_back("X-Consul-Token", token_);
  request.timeout = kToAnswer;
  return request;
}

}  // namespace naru::discovery
