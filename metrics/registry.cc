#include "metrics/registry.h"

#include <cassert>

namespace naru::metrics {

Registry::Registry(Vocabulary vocabulary, CallerLabels caller, int workers, size_t max_series,
                   BuildInfo build)
    : vocabulary_(std::move(vocabulary)),
      caller_(std::move(caller)),
      workers_(workers),
      max_series_(max_series),
      build_(std::move(build)) {
  assert(workers_ > 0);
  assert(vocabulary_.outcomes.size() <= kMaxOutcomes);
  assert(vocabulary_.retry_reasons.size() <= kMaxReasons);
  assert(vocabulary_.suppressed_reasons.size() <= kMaxReasons);
}

CallSeries* Registry::Call(int worker, const CallLabels& labels) {
  assert(worker >= 0 && worker < workers_);
  const std::lock_guard lock(mutex_);
  // The "other" of a service first, so that its routes have somewhere to fall.
  if (labels.route != kOtherRoute) {
    CellsOf({labels.callee_squad, labels.callee_service, std::string(kOtherRoute)});
  }
  return CellsOf(labels) + worker;
}

CallSeries* Registry::CellsOf(const CallLabels& labels) {
  const auto found = calls_.find(labels);
  if (found != calls_.end()) return found->second.get();
  if (calls_.size() < max_series_) {
    return calls_.emplace(labels, std::make_unique<CallSeries[]>(workers_)).first->second.get();
  }
  // Remembered, so that a label set is said to be dropped once and not at every reload.
  const auto [dropped, is_new] = dropped_calls_.emplace(labels, nullptr);
  if (is_new) dropped->second = FallbackOf(labels);
  return dropped->second;
}

CallSeries* Registry::FallbackOf(const CallLabels& labels) {
  const auto other = calls_.find({labels.callee_squad, labels.callee_service, std::string(kOtherRoute)});
  if (other != calls_.end()) return other->second.get();
  const std::string overflow(kOverflow);
  std::unique_ptr<CallSeries[]>& cells = calls_[{overflow, overflow, overflow}];
  if (cells == nullptr) cells = std::make_unique<CallSeries[]>(workers_);
  return cells.get();
}

CalleeSeries* Registry::Callee(int worker, std::string_view squad, std::string_view service) {
  assert(worker >= 0 && worker < workers_);
  const std::lock_guard lock(mutex_);
  ServiceKey key(squad, service);
  if (callees_.size() >= max_series_ && !callees_.contains(key)) key = ServiceKey(kOverflow, kOverflow);
  std::unique_ptr<CalleeSeries[]>& cells = callees_[key];
  if (cells == nullptr) cells = std::make_unique<CalleeSeries[]>(workers_);
  return cells.get() + worker;
}

uint64_t Registry::series_dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_calls_.size();
}

void Registry::ForEachCall(absl::FunctionRef<void(const CallLabels&, const CallReading&)> visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [labels, cells] : calls_) {
    CallReading reading;
    for (int worker = 0; worker < workers_; ++worker) cells[worker].AddTo(reading);
    visit(labels, reading);
  }
}

void Registry::ForEachCallee(
    absl::FunctionRef<void(const std::string&, const std::string&, const CalleeReading&)> visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, cells] : callees_) {
    CalleeReading reading;
    for (int worker = 0; worker < workers_; ++worker) cells[worker].AddTo(reading);
    visit(key.first, key.second, reading);
  }
}

std::vector<ServiceTraffic> Registry::Traffic() const {
  std::vector<ServiceTraffic> services;
  ForEachCall([&](const CallLabels& labels, const CallReading& reading) {
    if (reading.durations.empty()) return;
    if (services.empty() || services.back().squad != labels.callee_squad ||
        services.back().service != labels.callee_service) {
      services.push_back({labels.callee_squad, labels.callee_service,
                          std::vector<uint64_t>(vocabulary_.outcomes.size()), HistogramReading{kCallBounds}});
    }
    if (reading.bytes_up_down) {
      services.back().bytes += reading.bytes_up_down->first + reading.bytes_up_down->second;
    }
    for (const auto& [outcome, durations] : reading.durations) {
      services.back().calls_by_outcome[outcome] += durations.Total();
      services.back().durations.Add(durations);
    }
  });
  return services;
}

}  // namespace naru::metrics
