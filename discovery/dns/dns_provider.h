// The sources dns://NAME:PORT and dns+srv://NAME.
#pragma once

#include <memory>

#include "discovery/dns/resolver.h"
#include "discovery/settings.h"
#include "discovery/source.h"

namespace naru::discovery {

// Serves both schemes. Its sources share what is looked up, and one resolver.
std::unique_ptr<SourceProvider> MakeDnsProvider(const SourceContext& context, const DnsSettings& settings);

// For tests: with another resolv.conf and other timeouts.
std::unique_ptr<SourceProvider> MakeDnsProvider(const SourceContext& context, ResolverOptions options);

}  // namespace naru::discovery
