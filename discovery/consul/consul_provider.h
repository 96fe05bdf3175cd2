// Sources that are services registered with Consul: consul://courses?tag=v2&dc=seoul.
//
// Each is one blocking query on its health endpoint, and so one connection to the agent, which by default
// takes 200 of one client (limits.http_max_conns_per_client). An empty list counts once the catalog has
// confirmed it; an answer from servers without a leader, or from an agent that is cut off, changes endpoints
// but never empties them, and is told as Trouble.
#pragma once

#include <memory>

#include "discovery/settings.h"
#include "discovery/source.h"

namespace naru::discovery {

// What the settings leave open is read from the environment, as Consul's own tools do.
std::unique_ptr<SourceProvider> MakeConsulProvider(const SourceContext& context,
                                                   const ConsulSettings& settings);

}  // namespace naru::discovery
