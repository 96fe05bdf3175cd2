#include "discovery/providers.h"

#include "discovery/file/file_provider.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeProvider(Scheme scheme, const Settings&, const SourceContext& context) {
  switch (scheme) {
    case Scheme::kFile:
      return MakeFileProvider(context);
    case Scheme::kDns:
    case Scheme::kDnsSrv:
    case Scheme::kCloudMap:
    case Scheme::kConsul:
    case Scheme::kXds:
      break;
  }
  return nullptr;
}

}  // namespace naru::discovery
