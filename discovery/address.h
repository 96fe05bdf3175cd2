// An IP address and a port: where an endpoint is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace naru::discovery {

using IpBytes = std::array<uint8_t, 16>;  // network order

// "10.0.0.1" (as ::ffff:10.0.0.1) or "fd00::1". Nothing when it is neither; a zone such as "%eth0" is not
// read.
std::optional<IpBytes> ParseIp(std::string_view text);
bool IsV4(const IpBytes& ip);
std::string IpToString(const IpBytes& ip);

// IPv4 is kept as its IPv4-mapped IPv6 form, so that "::ffff:10.0.0.1" and "10.0.0.1" are one address.
struct Address {
  IpBytes ip{};
  uint16_t port = 0;

  // "10.0.1.11:8080" or "[fd00::1]:8080". Fails with a sentence that says what is wrong.
  static absl::StatusOr<Address> Parse(std::string_view text);

  bool is_v4() const;
  std::string ToString() const;  // as Parse reads it

  auto operator<=>(const Address&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Address& a) {
    return H::combine(std::move(h), a.ip, a.port);
  }
};

}  // namespace naru::discovery
