// Which of the services' former public names still lead to a public address: whoever does not come through
// naru still goes out there and back.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/address.h"
#include "sidecar/config/config.h"

namespace naru::cli {

// The addresses of a name; fails with a clause that can follow "NAME ".
using ResolveName = std::function<absl::StatusOr<std::vector<discovery::IpBytes>>(const std::string& name)>;

// What the system's resolver says. Blocks.
absl::StatusOr<std::vector<discovery::IpBytes>> AskSystem(const std::string& name);

// A sentence for every name under `hosts` that has a public address or cannot be looked up.
struct PublicName {
  std::string service;
  config::Origin origin;  // of the host
  std::string message;
  std::string hint;
};
std::vector<PublicName> FindPublicNames(const config::Config& config, const ResolveName& resolve);

}  // namespace naru::cli
