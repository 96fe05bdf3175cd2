#include "discovery/providers.h"

#include "discovery/dns/dns_provider.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeProvider(Scheme scheme, const Settings& settings,
                                             const SourceContext& context) {
  switch (scheme) {
    case Scheme::kDns:
    case Scheme::kDnsSrv:
      return MakeDnsProvider(context, settings.dns);
    case Scheme::kFile:
    case Scheme::kCloudMap:
    case Scheme::kConsul:
    case Scheme::kXds:
      break;
  }
  return nullptr;
}

}  // namespace naru::discovery
