// What the admin port shows, as JSON.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/admin/backend.h"
#include "sidecar/admin/recent_calls.h"

namespace naru::admin {

// {"services": [...]}, without routes and policies.
std::string ServicesJson(const std::vector<ServiceView>& services);

// One service, with its routes and the policy in force.
std::string ServiceJson(const ServiceView& service);

// `config` is the JSON of an object; a refused one becomes its first member, "refused".
std::string ConfigJson(std::string config, const std::optional<Refusal>& refused);

// {"calls": [...]}
std::string RecentCallsJson(const std::vector<std::shared_ptr<const RecentCall>>& calls);

// {"reloaded": ..., "problems": [...]}
std::string ReloadJson(const ReloadResult& result);

// {"status": ..., "detail": ...}
std::string ErrorJson(int status, const std::string& detail);

}  // namespace naru::admin
