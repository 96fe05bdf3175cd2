// Where a control plane is asked: an http:// or https:// URL, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace naru::discovery {

struct HttpUrl {
  bool tls = false;
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 80;
  std::string target = "/";  // path and query

  // "http://127.0.0.1:8500/v1/x", "https://host/". Fails with a clause that can follow "URL ".
  static absl::StatusOr<HttpUrl> Parse(std::string_view text);
  std::string ToString() const;

  // As the Host field says it: the port only where it is not that of the scheme.
  std::string Authority() const;

  bool operator==(const HttpUrl&) const = default;
};

}  // namespace naru::discovery
