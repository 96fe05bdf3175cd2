#include "discovery/providers.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeProvider(Scheme scheme, const Settings&, const SourceContext&) {
  switch (scheme) {
    case Scheme::kFile:
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
