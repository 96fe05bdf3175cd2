// Which names the configuration accepts. Each function returns what is wrong as a clause that can follow
// "NAME ", or nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace naru::config {

inline constexpr size_t kLongestName = 100;

// What WhyNoServiceName takes, but for names that mean this machine, as a regular expression.
inline constexpr std::string_view kServiceNamePattern = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$";

// A service: lower-case letters, digits, '-', '_' and '.', as it is compared with Host and with path
// segments.
std::string WhyNoServiceName(std::string_view name);

// A further Host of a service, lower case: as a service's name, or an IP address (IPv6 in brackets), but no
// loopback.
std::string WhyNoHost(std::string_view host);

// True for 127.0.0.0/8, [::1], localhost and every name below it (RFC 6761 6.3), in any case: a Host that
// says nothing about which service is meant. Allocates nothing.
bool MeansThisMachine(std::string_view host);

// A squad, a caller, a zone: it becomes a metric label and part of a header.
std::string WhyNoLabel(std::string_view name);

// The `route` label: printable ASCII without quotes and backslashes, and not "other".
std::string WhyNoRouteName(std::string_view name);

// The full name of one gRPC method, such as courses.v1.Courses/Get: the path of its calls without the "/" in
// front. The parts are identifiers as protobuf has them.
std::string WhyNoGrpcMethod(std::string_view name);

// As above, or every method of a service, courses.v1.Courses/*.
std::string WhyNoGrpcMethods(std::string_view name);

}  // namespace naru::config
