// What is asked of Consul for one service, and where: settings, environment and URI put together. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/consul/consul_health.h"
#include "discovery/http_client.h"
#include "discovery/settings.h"
#include "discovery/source_uri.h"

namespace naru::discovery {

// The value of an environment variable; nothing where it is not set.
using ReadVariable = std::function<std::optional<std::string>(const char* name)>;

// Where the settings say nothing, the variables that Consul's own tools read: CONSUL_HTTP_ADDR (with
// CONSUL_HTTP_SSL) for the address, CONSUL_HTTP_TOKEN for the token.
ConsulSettings WithEnvironment(ConsulSettings settings, const ReadVariable& variable);

class ConsulQuery {
 public:
  // Fails with a sentence where the address is none that can be asked.
  static absl::StatusOr<ConsulQuery> For(const SourceUri& uri, const ConsulSettings& settings);

  // The instances: at once with index 0, else when there is something later than the index, or after
  // `settings.wait`.
  HttpRequest Health(uint64_t index) const;

  // The names of all services that the token may see, at once.
  HttpRequest Services() const;

  const InstanceFilter& filter() const { return filter_; }
  const std::string& service() const { return service_; }

 private:
  HttpRequest Get(std::string_view path, const std::string& options) const;

  HttpUrl base_;  // its target is what comes before /v1
  std::string service_;
  InstanceFilter filter_;
  std::string options_;  // of every request, each after an ampersand
  std::string token_;
  Duration wait_{};
};

}  // namespace naru::discovery
