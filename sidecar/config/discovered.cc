#include "sidecar/config/discovered.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace naru::config {

Service DiscoveredService(const Config& config, std::string_view name, std::string squad) {
  Service service;
  service.name = std::string(name);
  service.squad = squad.empty() ? "unknown" : std::move(squad);
  service.source = *config.discovery.fallback->For(name);
  service.policy = config.defaults;
  service.origin = service.endpoints_origin = config.discovery_default_origin;
  service.origins["squad"] = config.discovery_default_origin;
  service.discovered = true;
  return service;
}

std::shared_ptr<const Config> WithServices(const Config& config, std::vector<Service> services) {
  auto with = std::make_shared<Config>(config);
  std::move(services.begin(), services.end(), std::back_inserter(with->services));
  std::sort(with->services.begin(), with->services.end(),
            [](const Service& a, const Service& b) { return a.name < b.name; });
  return with;
}

}  // namespace naru::config
