#include "sidecar/config/config.h"

#include <algorithm>
#include <array>
#include "sidecar/config/text.h"

namespace naru::config {

Origin OriginIn(const Origins& origins, std::string_view key) {
  const auto at = origins.find(key);
  return at == origins.end() ? Origin{} : at->second;
}

Origin Policy::OriginOf(std::string_view key) const {
  const auto at =
      std::lower_bound(origins.begin(), origins.end(), key,
                       [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return at != origins.end() && at->first == key ? at->second : Origin{};
}

const Route* Service::MatchRoute(std::string_view method, std::string_view path) const {
  for (const Route& route : routes) {
    if (route.pattern.Matches(method, path)) return &route;
  }
  return nullptr;
}

std::string Config::Where(const Origin& origin) const {
  if (origin.file < 0 || static_cast<size_t>(origin.file) >= files.size()) return "default";
  return Cat(files[origin.file], ":", origin.line);
}

const Service* Config::FindService(std::string_view name) const {
  const auto at =
      std::lower_bound(services.begin(), services.end(), name,
                       [](const Service& service, std::string_view wanted) { return service.name < wanted; });
  return at != services.end() && at->name == name ? &*at : nullptr;
}

discovery::Address Config::OwnPortOf(const Service& service) const {
  const auto shared = std::find_if(listen.begin(), listen.end(),
                                   [](const ListenAddress& address) { return address.unix_path.empty(); });
  static constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0,    0,    0,   0, 0, 0,
                                                        0, 0, 0xff, 0xff, 127, 0, 0, 1};
  return {shared == listen.end() ? kLoopback : shared->tcp.ip, service.port.value_or(0)};
}

}  // namespace naru::config
