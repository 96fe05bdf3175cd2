#include "discovery/providers.h"

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
    case Scheme::kCloudMap:
    case Scheme::kConsul:
      break;
    case Scheme::kXds:
      return MakeXdsProvider(context, settings.xds);
  }
  return nullptr;
}

}  // namespace naru::discovery
