#include "discovery/consul/consul_answer.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

constexpr size_t kLongestQuote = 200;

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Numbers of others are not let near the edge of a Duration.
template <typename Unit>
Duration DurationOf(std::string_view text) {
  constexpr uint64_t kMost = std::chrono::duration_cast<Unit>(std::chrono::hours(24 * 365)).count();
  return Unit(std::min(NumberOf(text).value_or(0), kMost));
}

int64_t Seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// The first line of what Consul says, fit for a log.
std::string Quote(std::string_view body) {
  std::string text(body.substr(0, std::min(body.find_first_of("\r\n"), kLongestQuote)));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return !absl::ascii_isprint(c); }, '?');
  return text;
}

std::string_view WhatToDo(int status) {
  switch (status) {
    case 400:
      return ": check the options of the URI";
    case 401:
    case 403:
      return ": let discovery.consul.token be one that has service:read and node:read";
    case 404:
      return ": is discovery.consul.address a Consul agent?";
    case 429:
    case 503:
      return ": the agent or its servers are overloaded, or limits.http_max_conns_per_client is reached";
    default:
      return "";
  }
}

}  // namespace

ConsulMeta MetaOf(const HttpResponse& response) {
  ConsulMeta meta;
  meta.index = NumberOf(response.Field("x-consul-index"));
  meta.known_leader = response.Field("x-consul-knownleader") != "false";
  meta.last_contact = DurationOf<std::chrono::milliseconds>(response.Field("x-consul-lastcontact"));
  meta.age = DurationOf<std::chrono::seconds>(response.Field("age"));
  meta.filtered_by_acls = response.Field("x-consul-results-filtered-by-acls") == "true";
  return meta;
}

std::string WhyOutdated(const ConsulMeta& meta) {
  if (!meta.known_leader) return "Consul's servers have no leader";
  if (meta.last_contact > kLongestSilence) {
    return Cat("the server that answered has not heard of its leader for ", Seconds(meta.last_contact), " s");
  }
  if (meta.age > kLongestSilence) {
    return Cat("the agent answers from its cache and has not reached a server for ", Seconds(meta.age), " s");
  }
  return "";
}

std::string WhyRefused(const HttpResponse& response) {
  const std::string said = Quote(response.body);
  return Cat("status ", response.status, said.empty() ? "" : " (", said, said.empty() ? "" : ")",
             WhatToDo(response.status));
}

EmptyList JudgeEmptyList(std::string_view service, const ConsulMeta& health, const ConsulMeta& catalog,
                         const std::set<std::string>& names) {
  constexpr std::string_view kHint =
      ": let discovery.consul.token be one that has service:read and node:read";
  if (health.filtered_by_acls)
    return {false, Cat("the token may not read all instances of ", service, kHint)};
  if (names.contains(std::string(service))) {
    return {false, Cat("the catalog lists ", service, ", but none of its instances can be seen", kHint)};
  }
  if (!names.empty()) return {true, ""};
  // The catalog says that something was left out, so this Consul does say that, and did not say it of the
  // list.
  if (catalog.filtered_by_acls) return {true, ""};
  return {false, Cat("no service at all can be seen, not even Consul's own", kHint)};
}

}  // namespace naru::discovery
