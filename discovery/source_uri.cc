#include "discovery/source_uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "absl/strings/ascii.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

constexpr std::array<std::string_view, kSchemes> kWords = {"file",     "dns",    "dns+srv",
                                                           "cloudmap", "consul", "xds"};
constexpr std::array<std::string_view, kSchemes> kExamples = {
    "file:///etc/naru/courses.json", "dns://courses.internal:8080",  "dns+srv://courses.internal",
    "cloudmap://NAMESPACE/SERVICE",  "consul://courses?tag=v2&dc=a", "xds://courses"};
constexpr std::string_view kPlaceholder = "{service}";
constexpr size_t kLongestDnsName = 253;  // RFC 1035 2.3.4
constexpr size_t kLongestName = 1024;

absl::Status Wrong(std::string_view text, std::string_view what, Scheme scheme) {
  return absl::InvalidArgumentError(
      Cat("\"", text, "\" ", what, ": write it as ", kExamples[static_cast<size_t>(scheme)]));
}

std::optional<Scheme> SchemeOf(std::string_view word) {
  const auto* at = std::find(kWords.begin(), kWords.end(), word);
  if (at == kWords.end()) return std::nullopt;
  return static_cast<Scheme>(at - kWords.begin());
}

// RFC 1035 2.3.1 and, for the underscores of SRV, RFC 2782.
bool IsDnsName(std::string_view name) {
  if (name.ends_with(".")) name.remove_suffix(1);
  if (name.empty() || name.size() > kLongestDnsName) return false;
  size_t label = 0;
  for (const char c : name) {
    const bool dot = c == '.';
    if (dot && label == 0) return false;
    label = dot ? 0 : label + 1;
    if (label > 63) return false;
    if (!dot && !absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return label > 0;
}

// Names that go into a path, a request or a message.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

absl::Status ParseOptions(std::string_view query, SourceUri& uri) {
  constexpr std::array<std::string_view, 4> kKnown = {"tag", "dc", "passing", "ns"};
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::optional<std::string> value = Unescape(equals == pair.npos ? "" : pair.substr(equals + 1));
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      return absl::InvalidArgumentError(
          Cat("\"", uri.text, "\" has the option \"", key, "\"; there are tag, dc, passing and ns"));
    }
    if (!value.has_value()) return Wrong(uri.text, "has a malformed % escape", uri.scheme);
    if (key == "passing") {
      const std::string_view whether =
          equals == pair.npos || *value == "1" ? "true" : std::string_view(*value);
      if (whether != "true" && whether != "false") {
        return Wrong(uri.text, "has a `passing` that is neither true nor false", uri.scheme);
      }
      uri.options.emplace_back(key, whether);
    } else if (!value->empty()) {
      uri.options.emplace_back(key, *value);
    }
  }
  return absl::OkStatus();
}

absl::Status ParseDns(std::string_view rest, SourceUri& uri) {
  const size_t colon = rest.rfind(':');
  uri.name = std::string(rest.substr(0, colon));
  if (colon == rest.npos) return Wrong(uri.text, "has no port", uri.scheme);
  const std::string_view digits = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), uri.port);
  if (error != std::errc() || end != digits.data() + digits.size() || uri.port == 0) {
    return Wrong(uri.text, "has no port between 1 and 65535", uri.scheme);
  }
  return IsDnsName(uri.name) ? absl::OkStatus() : Wrong(uri.text, "has no well-formed host name", uri.scheme);
}

absl::Status ParseSrv(std::string_view rest, SourceUri& uri) {
  uri.name = std::string(rest);
  if (rest.find(':') != rest.npos) {
    return Wrong(uri.text, "has a port, which SRV records give themselves", uri.scheme);
  }
  return IsDnsName(uri.name) ? absl::OkStatus() : Wrong(uri.text, "has no well-formed name", uri.scheme);
}

absl::Status ParseCloudMap(std::string_view rest, SourceUri& uri) {
  const size_t slash = rest.find('/');
  if (slash == rest.npos) return Wrong(uri.text, "names no service", uri.scheme);
  uri.cloud_map_namespace = std::string(rest.substr(0, slash));
  uri.name = std::string(rest.substr(slash + 1));
  const bool sound =
      IsPlainName(uri.cloud_map_namespace) && IsPlainName(uri.name) && uri.name.find('/') == uri.name.npos;
  return sound ? absl::OkStatus() : Wrong(uri.text, "needs one namespace and one service", uri.scheme);
}

absl::Status ParseConsul(std::string_view rest, SourceUri& uri) {
  const size_t mark = rest.find('?');
  uri.name = std::string(rest.substr(0, mark));
  if (!IsPlainName(uri.name) || uri.name.find('/') != uri.name.npos) {
    return Wrong(uri.text, "names no service", uri.scheme);
  }
  return mark == rest.npos ? absl::OkStatus() : ParseOptions(rest.substr(mark + 1), uri);
}

absl::Status ParseXds(std::string_view rest, SourceUri& uri) {
  uri.name = std::string(rest);
  return IsPlainName(rest) ? absl::OkStatus() : Wrong(uri.text, "names no cluster", uri.scheme);
}

absl::Status ParseFile(std::string_view rest, SourceUri& uri) {
  uri.name = std::string(rest);
  if (!rest.starts_with("/")) return Wrong(uri.text, "has no absolute path", uri.scheme);
  const bool known = rest.ends_with(".json") || rest.ends_with(".yaml") || rest.ends_with(".yml");
  return known ? absl::OkStatus() : Wrong(uri.text, "is neither .json nor .yaml", uri.scheme);
}

absl::Status ParseRest(std::string_view rest, SourceUri& uri) {
  switch (uri.scheme) {
    case Scheme::kFile:
      return ParseFile(rest, uri);
    case Scheme::kDns:
      return ParseDns(rest, uri);
    case Scheme::kDnsSrv:
      return ParseSrv(rest, uri);
    case Scheme::kCloudMap:
      return ParseCloudMap(rest, uri);
    case Scheme::kConsul:
      return ParseConsul(rest, uri);
    case Scheme::kXds:
      return ParseXds(rest, uri);
  }
  return absl::InvalidArgumentError("no such scheme");
}

}  // namespace

std::string_view WordOf(Scheme scheme) {
  return kWords[static_cast<size_t>(scheme)];
}

absl::StatusOr<SourceUri> SourceUri::Parse(std::string_view text) {
  const size_t colon = text.find("://");
  const std::string_view word = text.substr(0, colon);
  const std::optional<Scheme> scheme = SchemeOf(word);
  if (colon == text.npos || !scheme.has_value()) {
    return absl::InvalidArgumentError(
        Cat("\"", text, "\" is of no known kind: there are file, dns, dns+srv, cloudmap, consul and xds"));
  }
  SourceUri uri;
  uri.scheme = *scheme;
  uri.text = std::string(text);
  const absl::Status parsed = ParseRest(text.substr(colon + 3), uri);
  if (!parsed.ok()) return parsed;
  return uri;
}

std::string_view SourceUri::Option(std::string_view key) const {
  for (const auto& [name, value] : options) {
    if (name == key) return value;
  }
  return "";
}

bool LooksLikeUri(std::string_view text) {
  return text.find("://") != text.npos;
}

absl::StatusOr<SourceTemplate> SourceTemplate::Parse(std::string_view text) {
  if (text.find(kPlaceholder) == text.npos) {
    return absl::InvalidArgumentError(
        Cat("\"", text, "\" does not say where the name of the service goes: write {service} there, as in ",
            "cloudmap://NAMESPACE/{service}"));
  }
  SourceTemplate source;
  source.text_ = std::string(text);
  const absl::StatusOr<SourceUri> sample = source.For("service");
  if (!sample.ok()) return sample.status();
  return source;
}

absl::StatusOr<SourceUri> SourceTemplate::For(std::string_view service) const {
  std::string text = text_;
  for (size_t at = 0; (at = text.find(kPlaceholder, at)) != text.npos; at += service.size()) {
    text.replace(at, kPlaceholder.size(), service);
  }
  return SourceUri::Parse(text);
}

}  // namespace naru::discovery
