#include "sidecar/caller_identity.h"

#include <utility>

#include "sidecar/config/names.h"

namespace naru {
namespace {

using discovery::aws::EcsIdentity;

void Fill(std::string& value, const config::Caller& nobody, const std::string config::Caller::*member,
          const std::string& found) {
  const bool open = value == nobody.*member;
  if (open && !found.empty() && config::WhyNoLabel(found).empty()) value = found;
}

}  // namespace

CallerIdentity CallerIdentity::Read() {
  const discovery::aws::Environment environment = discovery::aws::Environment::OfProcess();
  absl::StatusOr<EcsIdentity> identity = discovery::aws::ReadEcsIdentity(environment);
  if (identity.ok()) return CallerIdentity(std::move(identity));
  CallerIdentity outside(EcsIdentity{environment.squad, environment.service, "", "", ""});
  if (!absl::IsNotFound(identity.status())) outside.trouble_ = std::string(identity.status().message());
  return outside;
}

CallerIdentity::CallerIdentity(absl::StatusOr<EcsIdentity> identity) {
  if (identity.ok()) identity_ = *std::move(identity);
}

std::shared_ptr<const config::Config> CallerIdentity::Complete(
    std::shared_ptr<const config::Config> config) const {
  const config::Caller nobody;
  config::Caller caller = config->caller;
  Fill(caller.squad, nobody, &config::Caller::squad, identity_.squad);
  Fill(caller.service, nobody, &config::Caller::service, identity_.service);
  Fill(caller.zone, nobody, &config::Caller::zone, identity_.zone);
  caller.cluster = identity_.cluster;
  caller.task = identity_.task;
  if (caller == config->caller) return config;
  auto completed = std::make_shared<config::Config>(*config);
  completed->caller = std::move(caller);
  return completed;
}

}  // namespace naru
