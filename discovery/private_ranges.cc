#include "discovery/private_ranges.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"

namespace naru::discovery {
namespace {

constexpr int kAddressBits = 128;
constexpr int kMappedPrefixBits = 96;

constexpr Cidr V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, int prefix_bits) {
  return Cidr{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, kMappedPrefixBits + prefix_bits};
}

constexpr Cidr V6(std::array<uint8_t, 4> first, int prefix_bits) {
  return Cidr{{first[0], first[1], first[2], first[3]}, prefix_bits};
}

constexpr Cidr kPrivate[] = {
    V4(10, 0, 0, 0, 8),      // RFC 1918
    V4(172, 16, 0, 0, 12),   // RFC 1918
    V4(192, 168, 0, 0, 16),  // RFC 1918
    V4(100, 64, 0, 0, 10),   // RFC 6598
    V6({0xfc}, 7),           // RFC 4193
};

constexpr Cidr kLoopback[] = {
    V4(127, 0, 0, 0, 8),  // RFC 1122 3.2.1.3
    Cidr{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
};

// What no configuration allows, with the clause that says why. 0/8 comes first: Linux connects 0.0.0.0 to
// this host.
struct Never {
  Cidr cidr;
  std::string_view why;
};
constexpr std::string_view kThisHost = "it is the unspecified address, which names no host";
constexpr std::string_view kMetadata = "instance metadata and credentials live at link-local addresses";
constexpr std::string_view kMulticast = "it is a multicast address";
constexpr Never kNever[] = {
    {V4(0, 0, 0, 0, 8), kThisHost},
    {V6({}, 128), kThisHost},
    {V4(169, 254, 0, 0, 16), kMetadata},  // RFC 3927
    {V6({0xfe, 0x80}, 10), kMetadata},    // RFC 4291 2.5.6
    // Not link-local by number, but by use: AWS serves instance metadata at fd00:ec2::254.
    {V6({0xfd, 0x00, 0x0e, 0xc2}, 32), "AWS serves instance metadata and credentials in fd00:ec2::/32"},
    {V4(224, 0, 0, 0, 4), kMulticast},  // RFC 5771
    {V6({0xff}, 8), kMulticast},        // RFC 4291 2.7
    {V4(255, 255, 255, 255, 32), "it is the broadcast address"},
};

bool ContainsIp(const Cidr& cidr, const IpBytes& ip) {
  const int whole = cidr.prefix_bits / 8;
  if (!std::equal(ip.begin(), ip.begin() + whole, cidr.ip.begin())) return false;
  const int rest = cidr.prefix_bits % 8;
  return rest == 0 || ((ip[whole] ^ cidr.ip[whole]) >> (8 - rest)) == 0;
}

template <typename Cidrs>
bool AnyContains(const Cidrs& cidrs, const IpBytes& ip) {
  return std::any_of(std::begin(cidrs), std::end(cidrs), [&](const Cidr& c) { return ContainsIp(c, ip); });
}

std::string_view WhyNever(const IpBytes& ip) {
  for (const Never& never : kNever) {
    if (ContainsIp(never.cidr, ip)) return never.why;
  }
  return {};
}

IpBytes ClearedBeyond(IpBytes ip, int prefix_bits) {
  for (int bit = prefix_bits; bit < kAddressBits; ++bit) ip[bit / 8] &= ~(0x80 >> bit % 8);
  return ip;
}

std::optional<int> ParsePrefix(std::string_view text, int most) {
  int bits = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size() || bits < 0 || bits > most)
    return std::nullopt;
  return bits;
}

absl::Status Problem(std::string_view text, const std::string& what) {
  return absl::InvalidArgumentError('"' + std::string(text) + "\" " + what);
}

}  // namespace

absl::StatusOr<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Problem(text, "has no prefix length: write a network such as 198.51.100.0/24");
  }
  const std::optional<IpBytes> ip = ParseIp(text.substr(0, slash));
  if (!ip) return Problem(text, "does not begin with an IP address");
  // "::ffff:10.0.0.0/104" counts its bits in IPv6; only dotted notation alone counts them in IPv4.
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  const int most = dotted ? kAddressBits - kMappedPrefixBits : kAddressBits;
  const std::optional<int> bits = ParsePrefix(text.substr(slash + 1), most);
  if (!bits) return Problem(text, absl::StrCat("does not end with a prefix length from 0 to ", most));
  const Cidr cidr{*ip, *bits + kAddressBits - most};
  const IpBytes network = ClearedBeyond(cidr.ip, cidr.prefix_bits);
  if (network == cidr.ip) return cidr;
  const std::string meant = absl::StrCat(IpToString(network), "/", *bits);
  return Problem(text, absl::StrCat("has address bits set beyond its prefix: write ", meant));
}

bool Cidr::Contains(const Address& address) const {
  return ContainsIp(*this, address.ip);
}

std::string_view WhyNeverAllowed(const Cidr& cidr) {
  for (const Never& never : kNever) {
    if (never.cidr.prefix_bits <= cidr.prefix_bits && ContainsIp(never.cidr, cidr.ip)) return never.why;
  }
  return {};
}

bool PrivateRanges::Allows(const Address& address, WrittenBy written_by) const {
  return WhyNot(address, written_by).empty();
}

std::string_view PrivateRanges::WhyNot(const Address& address, WrittenBy written_by) const {
  if (const std::string_view why = WhyNever(address.ip); !why.empty()) return why;
  if (AnyContains(kPrivate, address.ip) || AnyContains(also_allowed_, address.ip)) return {};
  if (!AnyContains(kLoopback, address.ip)) return "it is a public address";
  if (written_by == WrittenBy::kConfigurationFile) return {};
  return "loopback is allowed only for endpoints written in the configuration file";
}

}  // namespace naru::discovery
