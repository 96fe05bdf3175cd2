// Where calls may go: the guard that no address outside the private ranges passes.
//
// Private are RFC 1918 (10/8, 172.16/12, 192.168/16), RFC 6598 (100.64/10), RFC 4193 (fc00::/7) and what the
// configuration adds. Loopback counts only for endpoints written in the configuration file. Link-local
// (169.254/16, fe80::/10: instance metadata and credentials live there), AWS's metadata addresses in
// fd00:ec2::/32, 0/8, multicast and broadcast never do, whatever the configuration says. IPv4 addresses
// inside IPv6 (mapped ::ffff:0:0/96) are judged as IPv4; those inside NAT64 (64:ff9b::/96) and 6to4
// (2002::/16) travel through the public network and are public.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/address.h"

namespace naru::discovery {

// Who named the address: what is written in the file is trusted a little more than what a source answers.
enum class WrittenBy { kConfigurationFile, kSource };

// A network such as 198.51.100.0/24.
struct Cidr {
  IpBytes ip{};
  int prefix_bits = 0;  // of 128

  // Fails on malformed text and on bits set beyond the prefix, saying which network was probably meant.
  static absl::StatusOr<Cidr> Parse(std::string_view text);
  bool Contains(const Address& address) const;

  bool operator==(const Cidr&) const = default;
};

// Why allowing this network would allow nothing, as a clause; empty when it may be allowed.
std::string_view WhyNeverAllowed(const Cidr& cidr);

class PrivateRanges {
 public:
  PrivateRanges() = default;
  explicit PrivateRanges(std::vector<Cidr> also_allowed) : also_allowed_(std::move(also_allowed)) {}

  bool Allows(const Address& address, WrittenBy written_by) const;

  // Why an address is not allowed, as a clause such as "it is a public address"; empty when it is.
  std::string_view WhyNot(const Address& address, WrittenBy written_by) const;

  bool operator==(const PrivateRanges&) const = default;

 private:
  std::vector<Cidr> also_allowed_;
};

}  // namespace naru::discovery
