#include "discovery/http_url.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "discovery/address.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kTls = "https://";
constexpr uint16_t kPlainPort = 80;
constexpr uint16_t kTlsPort = 443;

absl::Status Wrong(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(Cat("\"", text, "\" ", what));
}

bool IsHostName(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
}

// Splits "[fd00::1]:80" or "host:80" into host and ":80".
bool ParseHost(std::string_view authority, HttpUrl& url, std::string_view& rest) {
  if (!authority.starts_with('[')) {
    url.host = std::string(authority.substr(0, authority.find(':')));
    rest = authority.substr(url.host.size());
    return IsHostName(url.host);
  }
  const size_t end = std::min(authority.find(']'), authority.size());
  url.host = std::string(authority.substr(1, end - 1));
  rest = authority.substr(std::min(end + 1, authority.size()));
  return end < authority.size() && url.host.find(':') != std::string::npos && ParseIp(url.host).has_value();
}

bool ParsePort(std::string_view rest, HttpUrl& url) {
  url.port = url.tls ? kTlsPort : kPlainPort;
  if (rest.empty()) return true;
  if (!rest.starts_with(':')) return false;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), url.port);
  return error == std::errc() && end == rest.data() + rest.size() && url.port != 0;
}

}  // namespace

absl::StatusOr<HttpUrl> HttpUrl::Parse(std::string_view text) {
  HttpUrl url;
  url.tls = text.starts_with(kTls);
  if (!url.tls && !text.starts_with(kPlain)) {
    return Wrong(text, "begins neither with http:// nor with https://");
  }
  if (!std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return Wrong(text, "has a character that no URL has");
  }
  std::string_view rest = text.substr(url.tls ? kTls.size() : kPlain.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != authority.npos) return Wrong(text, "has a user name, which is not supported");
  if (rest.find('#') != rest.npos) return Wrong(text, "has a fragment, which no server is told");
  std::string_view port;
  if (!ParseHost(authority, url, port)) return Wrong(text, "has no well-formed host");
  if (!ParsePort(port, url)) return Wrong(text, "has no port between 1 and 65535");
  url.target = Cat(rest.starts_with('/') ? "" : "/", rest);
  return url;
}

std::string HttpUrl::Authority() const {
  const bool v6 = host.find(':') != host.npos;
  std::string authority = v6 ? Cat("[", host, "]") : host;
  if (port != (tls ? kTlsPort : kPlainPort)) authority += Cat(":", port);
  return authority;
}

std::string HttpUrl::ToString() const {
  return Cat(tls ? kTls : kPlain, Authority(), target);
}

}  // namespace naru::discovery
