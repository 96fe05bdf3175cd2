#include "sidecar/cli/public_names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "sidecar/config/text.h"

namespace naru::cli {
namespace {

using config::Cat;
using discovery::IpBytes;

IpBytes BytesOf(const sockaddr* address) {
  IpBytes bytes{};
  if (address->sa_family == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, bytes.size());
    return bytes;
  }
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
  return bytes;
}

std::optional<IpBytes> FirstPublic(const std::vector<IpBytes>& addresses,
                                   const discovery::PrivateRanges& ranges) {
  const auto at = std::find_if(addresses.begin(), addresses.end(), [&](const IpBytes& ip) {
    // A name that leads to this machine leads nowhere public.
    return !ranges.Allows({ip, 80}, discovery::WrittenBy::kConfigurationFile);
  });
  return at == addresses.end() ? std::nullopt : std::optional(*at);
}

std::optional<PublicName> Look(const config::Config& config, const config::Service& service, size_t index,
                               const ResolveName& resolve) {
  const std::string& host = service.hosts[index];
  const config::Origin& origin = service.hosts_origins[index];
  const absl::StatusOr<std::vector<IpBytes>> addresses = resolve(host);
  if (!addresses.ok()) {
    return PublicName{service.name, origin,
                      Cat(service.name, ": its host ", host, " ", addresses.status().message()),
                      "nobody can call it there; if it was retired, nothing needs doing"};
  }
  const std::optional<IpBytes> found = FirstPublic(*addresses, config.private_ranges);
  if (!found.has_value()) return std::nullopt;
  return PublicName{
      service.name, origin,
      Cat(service.name, ": its host ", host, " still resolves to the public address ",
          discovery::IpToString(*found)),
      "calls that do not come through naru still leave through the public network: find who makes them"};
}

}  // namespace

absl::StatusOr<std::vector<IpBytes>> AskSystem(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (failed != 0)
    return absl::NotFoundError(Cat("does not resolve: ", std::string_view(gai_strerror(failed))));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &freeaddrinfo);
  std::vector<IpBytes> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) addresses.push_back(BytesOf(at->ai_addr));
  return addresses;
}

std::vector<PublicName> FindPublicNames(const config::Config& config, const ResolveName& resolve) {
  std::vector<PublicName> names;
  for (const config::Service& service : config.services) {
    for (size_t i = 0; i < service.hosts.size(); ++i) {
      std::optional<PublicName> name = Look(config, service, i, resolve);
      if (name.has_value()) names.push_back(*std::move(name));
    }
  }
  return names;
}

}  // namespace naru::cli
