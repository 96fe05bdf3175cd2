// Whatever a request says, it names a service or fails with a sentence; what upstream would see is a path,
// and the first segment of a path never leads to another service than the one it spells.
#include <cstdint>
#include <string_view>
#include <variant>

#include "sidecar/call/service_directory.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using naru::call::NamedBy;
using naru::call::Naming;
using naru::call::NamingFailure;
using naru::call::ServiceDirectory;
using naru::call::Target;
using naru::config::Config;

Config TwoServices() {
  Config config;
  config.files = {"naru.yaml"};
  naru::config::Service courses;
  courses.name = "courses";
  courses.hosts = {"api.example.com", "[fd00::9]"};
  courses.port = 4101;
  naru::config::Route route;
  route.pattern = *naru::config::RoutePattern::Parse("GET /v1/{id}/**");
  route.name = "course";
  courses.routes.push_back(route);
  naru::config::Service orders;
  orders.name = "orders";
  config.services = {courses, orders};
  return config;
}

// Cuts the next line off the input.
std::string_view Line(std::string_view& input) {
  const size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(end == input.npos ? input.size() : end + 1);
  return line;
}

void CheckTarget(const Naming& naming, const Target& target) {
  Require(target.service != nullptr);
  Require(target.path_and_query.starts_with("/") ||
          (target.path_and_query == "*" && naming.method == "OPTIONS"));
  if (target.named_by != NamedBy::kPath || !naming.target.starts_with("/")) return;
  Require(naming.target.substr(1).starts_with(target.service->name));
}

}  // namespace

// The input: "port" on the first line for a service port, then method, target and Host, a line each.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Config config = TwoServices();
  static const ServiceDirectory directory(config);
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Naming naming;
  naming.service_port = Line(input) == "port" ? 4101 : 0;
  naming.method = Line(input);
  naming.target = Line(input);
  naming.host = Line(input);
  const auto answer = directory.Resolve(naming);
  if (const auto* failure = std::get_if<NamingFailure>(&answer)) {
    Require(!failure->detail.empty());
  } else {
    CheckTarget(naming, std::get<Target>(answer));
  }
  return 0;
}
