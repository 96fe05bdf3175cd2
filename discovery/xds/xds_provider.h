// xds://CLUSTER: endpoints from an xDS control plane, pushed over one ADS stream that all sources share.
//
// Nothing is connected, and nothing of gRPC is started, before the first source is opened.
#pragma once

#include <memory>

#include "discovery/settings.h"
#include "discovery/source.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeXdsProvider(const SourceContext& context, const XdsSettings& settings);

}  // namespace naru::discovery
