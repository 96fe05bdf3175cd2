// What calls need around them: a configuration from YAML text, the states it refers to, and the cells in
// which calls are counted.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "metrics/registry.h"
#include "sidecar/call/snapshot.h"

namespace naru {

// Aborts the test binary with the problems if there are any.
std::shared_ptr<const config::Config> ConfigOf(const std::string& yaml);

class CallWorld {
 public:
  explicit CallWorld(const std::string& yaml, int workers = 1);
  explicit CallWorld(std::shared_ptr<const config::Config> config, int workers = 1);

  // A new snapshot over the same states, as a reload makes it.
  void Reload(const std::string& yaml);

  const std::shared_ptr<const call::Snapshot>& snapshot() const { return snapshot_; }
  const call::Callee& callee(std::string_view service = "courses") const;
  const call::RoutePlan& plan() const { return callee().other; }
  metrics::Registry& registry() { return registry_; }
  metrics::CallSeries& nameless(int worker = 0);

  // Every count that is not zero, a line each: "calls courses/other ok 200 = 1", "attempts courses ok = 1",
  // "retries courses 503 = 1", "suppressed courses budget = 1".
  std::string Counts() const;

 private:
  const int workers_;
  metrics::Registry registry_;
  call::CalleeStates states_;
  std::shared_ptr<const call::Snapshot> snapshot_;
};

}  // namespace naru
