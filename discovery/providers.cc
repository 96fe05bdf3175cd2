#include "discovery/providers.h"

#include "discovery/aws/cloud_map_provider.h"
#include "discovery/consul/consul_provider.h"
#include "discovery/dns/dns_provider.h"
#include "discovery/file/file_provider.h"
#include "discovery/xds/xds_provider.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeProvider(Scheme scheme, const Settings& settings,
                                             const SourceContext& context) {
  switch (scheme) {
    case Scheme::kFile:
      return MakeFileProvider(context);
    case Scheme::kDns:
    case Scheme::kDnsSrv:
      return MakeDnsProvider(context, settings.dns);
    case Scheme::kCloudMap:
      return MakeCloudMapProvider(context, settings.cloud_map);
    case Scheme::kConsul:
      return MakeConsulProvider(context, settings.consul);
    case Scheme::kXds:
      return MakeXdsProvider(context, settings.xds);
  }
  return nullptr;
}

}  // namespace naru::discovery
