#include "discovery/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"

namespace naru::discovery {
namespace {

constexpr size_t kMappedPrefixBytes = 12;
constexpr std::array<uint8_t, kMappedPrefixBytes> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

absl::Status Problem(std::string_view text, const std::string& what) {
  return absl::InvalidArgumentError('"' + std::string(text) + "\" " + what);
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::optional<IpBytes> ParseIp(std::string_view text) {
  const std::string terminated(
      text);  // inet_pton reads to the first zero byte, so there must be one and no more
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  IpBytes ip{};
  if (inet_pton(AF_INET6, terminated.c_str(), ip.data()) == 1) return ip;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin());
  if (inet_pton(AF_INET, terminated.c_str(), ip.data() + kMappedPrefixBytes) == 1) return ip;
  return std::nullopt;
}

bool IsV4(const IpBytes& ip) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin());
}

std::string IpToString(const IpBytes& ip) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = IsV4(ip);
  inet_ntop(v4 ? AF_INET : AF_INET6, ip.data() + (v4 ? kMappedPrefixBytes : 0), text, sizeof(text));
  return text;
}

absl::StatusOr<Address> Address::Parse(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const size_t colon = bracketed ? text.find("]:") + 1 : text.find(':');
  if (bracketed && colon == 0) {
    return Problem(text, "has no port after its bracket: write [ADDRESS]:PORT");
  }
  if (!bracketed && colon == std::string_view::npos) return Problem(text, "has no port: write ADDRESS:PORT");
  if (!bracketed && text.rfind(':') != colon) {
    return Problem(text, "has more than one colon: write an IPv6 address in brackets, as [ADDRESS]:PORT");
  }
  const std::string_view ip_text = bracketed ? text.substr(1, colon - 2) : text.substr(0, colon);
  const std::optional<IpBytes> ip = ParseIp(ip_text);
  if (!ip || bracketed != (ip_text.find(':') != std::string_view::npos)) {
    return Problem(text, "does not begin with an IP address: \"" + std::string(ip_text) + "\" is none");
  }
  const std::optional<uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port) return Problem(text, "does not end with a port from 1 to 65535");
  return Address{*ip, *port};
}

bool Address::is_v4() const {
  return IsV4(ip);
}

std::string Address::ToString() const {
  return is_v4() ? absl::StrCat(IpToString(ip), ":", port) : absl::StrCat("[", IpToString(ip), "]:", port);
}

}  // namespace naru::discovery
