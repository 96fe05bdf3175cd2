// Watches services in AWS Cloud Map: `cloudmap://NAMESPACE/SERVICE`.
//
// Asks for the revision of a service every interval and for its instances when that changed, and every half
// minute. Requests are signed with the credentials of the task, the instance or the environment.
#pragma once

#include <memory>
#include <string>

#include "discovery/aws/credential_chain.h"
#include "discovery/aws/environment.h"
#include "discovery/settings.h"
#include "discovery/source.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeCloudMapProvider(const SourceContext& context,
                                                     const CloudMapSettings& settings);

// With an environment that is not that of the process, and another place of a container's credentials.
std::unique_ptr<SourceProvider> MakeCloudMapProvider(
    const SourceContext& context, const CloudMapSettings& settings, const aws::Environment& environment,
    const std::string& container_origin = std::string(aws::kContainerOrigin));

}  // namespace naru::discovery
