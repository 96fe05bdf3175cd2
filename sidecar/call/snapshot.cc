#include "sidecar/call/snapshot.h"

#include <thread>
#include <utility>

namespace naru::call {
namespace {

std::optional<discovery::Finding> Ask(const FindingOf& finding_of, const config::Service& service) {
  return finding_of ? finding_of(service) : std::nullopt;
}

constexpr size_t kBuiltAtOnce = 8;  // services, some tens of microseconds each

// Without endpoints, the newest trouble is a part of what calls are told.
bool IsNews(const Callee& callee, const discovery::Finding& finding) {
  return callee.found != finding.set || (callee.endpoints.empty() && !finding.error.empty());
}

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const config::Config> config, CalleeStates& states,
                   metrics::Registry& registry, int workers, const FindingOf& finding_of)
    : config_(std::move(config)),
      caller_(config_->caller.squad + "/" + config_->caller.service),
      directory_(std::make_shared<ServiceDirectory>(*config_)) {
  callees_.reserve(config_->services.size());
  for (const config::Service& service : config_->services) {
    callees_.push_back(
        std::make_shared<Callee>(states.Build(service, Ask(finding_of, service), registry, workers)));
  }
}

std::shared_ptr<const Snapshot> Snapshot::After(const Snapshot& before, CalleeStates& states,
                                                metrics::Registry& registry, int workers,
                                                const FindingOf& finding_of) {
  std::shared_ptr<Snapshot> after;
  size_t built = 0;
  for (size_t i = 0; i < before.callees_.size(); ++i) {
    const config::Service& service = before.config_->services[i];
    if (!service.source.has_value()) continue;
    const std::optional<discovery::Finding> finding = finding_of(service);
    if (!finding.has_value() || !IsNews(*before.callees_[i], *finding)) continue;
    if (after == nullptr) after = std::make_shared<Snapshot>(before);
    after->callees_[i] = std::make_shared<Callee>(states.Build(service, finding, registry, workers));
    // Where there is one core for all, a thousand changed services must not hold up a worker for a slice of
    // the scheduler.
    if (++built % kBuiltAtOnce == 0) std::this_thread::yield();
  }
  return after;
}

}  // namespace naru::call
