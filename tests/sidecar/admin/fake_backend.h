// A backend that answers what the test has put into it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/admin/backend.h"

namespace naru::admin {

class FakeBackend : public Backend {
 public:
  std::string Ready() override { return not_ready; }
  std::vector<ServiceView> Services() override { return services; }
  std::optional<ServiceView> Service(const std::string& name) override {
    const auto at = std::find_if(services.begin(), services.end(),
                                 [&name](const ServiceView& service) { return service.name == name; });
    return at == services.end() ? std::nullopt : std::optional(*at);
  }
  std::string ConfigJson() override { return config; }
  std::optional<Refusal> Refused() override { return refused; }
  std::vector<std::string> Listen() override { return {"127.0.0.1:4000"}; }
  ReloadResult Reload() override {
    ++reloads;
    return reload_result;
  }
  void Drain() override { ++drains; }
  metrics::Registry& registry() override { return registry_; }
  RecentCalls& recent_calls() override { return recent_calls_; }

  std::string not_ready;
  std::vector<ServiceView> services;
  std::string config = "{}\n";
  std::optional<Refusal> refused;
  ReloadResult reload_result;
  int reloads = 0;
  int drains = 0;

 private:
  metrics::Registry registry_{{{"ok", "client_error", "timeout"}, {"reset"}, {"budget"}},
                              {"video", "video-api"},
                              1,
                              100,
                              {"1.2.3", "abc"}};
  RecentCalls recent_calls_;
};

// A service with one endpoint in each of two states.
inline ServiceView Courses() {
  ServiceView service;
  service.name = "courses";
  service.squad = "learning";
  service.port = 4101;
  service.hosts = {"api.example.com"};
  service.in_flight = 3;
  service.queued = 1;
  service.breaker = "closed";
  service.endpoints = {{"10.0.1.11:8080", "serving", 1.25, 3, "", {}},
                       {"10.0.1.12:8080", "ejected", {}, 0, "5 consecutive failures", 850.0}};
  service.policy = {{"timeout", "5s", "default"}, {"retry.attempts", "3", "naru.yaml:14"}};
  return service;
}

inline ServiceView Billing() {
  ServiceView service;
  service.name = "billing";
  service.squad = "pay";
  service.breaker = "off";
  return service;
}

}  // namespace naru::admin
