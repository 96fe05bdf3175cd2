// Where a service's endpoints are asked for, as the configuration writes it: `endpoints: dns://NAME:PORT`.
//
//   dns://NAME:PORT                 A and AAAA records
//   dns+srv://NAME                  SRV records, which carry the ports
//   cloudmap://NAMESPACE/SERVICE    AWS Cloud Map's API
//   consul://SERVICE?tag=&dc=       Consul's health endpoint
//   xds://CLUSTER                   EDS over an ADS stream
//   file:///path.json               Prometheus file_sd, JSON or YAML
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace naru::discovery {

enum class Scheme : uint8_t { kFile, kDns, kDnsSrv, kCloudMap, kConsul, kXds };
inline constexpr int kSchemes = static_cast<int>(Scheme::kXds) + 1;

// "dns+srv": as it is written, and the `source` label of metrics.
std::string_view WordOf(Scheme scheme);

struct SourceUri {
  Scheme scheme = Scheme::kFile;
  std::string name;  // host, SRV name, service, cluster or path
  std::string cloud_map_namespace;
  uint16_t port = 0;                                         // of dns
  std::vector<std::pair<std::string, std::string>> options;  // of consul, as written, unescaped
  std::string text;                                          // the whole, as written

  // Fails with a sentence that says what is wrong and, where it helps, how it is written.
  static absl::StatusOr<SourceUri> Parse(std::string_view text);

  // The value of the first option of this name; empty when there is none.
  std::string_view Option(std::string_view key) const;

  bool operator==(const SourceUri&) const = default;
};

// True for "scheme://...", known or not: what cannot be an address.
bool LooksLikeUri(std::string_view text);

// `discovery.default`: a URI in which {service} stands for the name that a call gave.
class SourceTemplate {
 public:
  // Fails as SourceUri::Parse does, and where {service} is missing.
  static absl::StatusOr<SourceTemplate> Parse(std::string_view text);

  // Fails where the name does not fit, which a valid service name does.
  absl::StatusOr<SourceUri> For(std::string_view service) const;
  const std::string& text() const { return text_; }

  bool operator==(const SourceTemplate&) const = default;

 private:
  std::string text_;
};

}  // namespace naru::discovery
