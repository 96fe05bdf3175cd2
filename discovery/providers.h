// Which provider serves which scheme: the one place that knows them all.
#pragma once

#include <memory>

#include "discovery/settings.h"
#include "discovery/source.h"

namespace naru::discovery {

// The provider of sources of this scheme; null where this build has none.
std::unique_ptr<SourceProvider> MakeProvider(Scheme scheme, const Settings& settings,
                                             const SourceContext& context);

}  // namespace naru::discovery
