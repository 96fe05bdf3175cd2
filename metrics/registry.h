// Everything that is counted: hands out the workers' cells when a configuration is loaded, and is read by
// scrapes.
//
// Cells are handed out under a mutex, never per call, and live as long as the registry: the same labels give
// the same cells, so counters survive a reload. Labels come from configuration or a closed list, and the
// number of label sets has a ceiling.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "metrics/cells.h"
#include "metrics/readings.h"
#include "metrics/series.h"

namespace naru::metrics {

// Closed lists of label values; the index is the value that the data path records. At most kMaxOutcomes
// outcomes and kMaxReasons reasons.
struct Vocabulary {
  std::vector<std::string> outcomes;
  std::vector<std::string> retry_reasons;
  std::vector<std::string> suppressed_reasons;
  std::vector<std::string> grpc_codes;  // by number
};

struct CallerLabels {
  std::string squad;
  std::string service;
};

struct CallLabels {
  std::string callee_squad;
  std::string callee_service;
  std::string route;

  auto operator<=>(const CallLabels&) const = default;
};

struct BuildInfo {
  std::string version;
  std::string commit;
};

enum class ReloadOutcome : uint8_t { kOk, kRefused };

// The calls to one service since the process started.
struct ServiceTraffic {
  std::string squad;
  std::string service;
  std::vector<uint64_t> calls_by_outcome;  // index as in Vocabulary::outcomes
  HistogramReading durations;
  uint64_t bytes = 0;  // of bodies, both ways
};

class Registry {
 public:
  // The route label of calls that match no route, and of routes beyond the ceiling.
  static constexpr std::string_view kOtherRoute = "other";
  // The value of all three labels once even a service's "other" found no room.
  static constexpr std::string_view kOverflow = "overflow";

  // At most `max_series` sets of call labels, and as many services, get cells of their own.
  Registry(Vocabulary vocabulary, CallerLabels caller, int workers, size_t max_series = 20000,
           BuildInfo build = {});

  // The cells of one worker (0 <= worker < workers), at a stable address for the registry's life. Never null:
  // beyond the ceiling a route shares its service's "other", and a service shares the overflow.
  CallSeries* Call(int worker, const CallLabels& labels);
  CalleeSeries* Callee(int worker, std::string_view squad, std::string_view service);

  // Written by the control thread only.
  Counter* ConfigReloads(ReloadOutcome outcome) { return &config_reloads_[static_cast<size_t>(outcome)]; }

  // Where gauges are read from; none are exported before it is set. Set it before the first scrape.
  void SetGaugeSource(GaugeSource source) { gauge_source_ = std::move(source); }

  // --- for those who read ---
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const CallerLabels& caller() const { return caller_; }
  const BuildInfo& build() const { return build_; }
  const Counter& ConfigReloads(ReloadOutcome outcome) const {
    return config_reloads_[static_cast<size_t>(outcome)];
  }
  uint64_t series_dropped() const;
  GaugeReadings ReadGauges() const { return gauge_source_ ? gauge_source_() : GaugeReadings{}; }

  // In the order of the labels.
  void ForEachCall(absl::FunctionRef<void(const CallLabels&, const CallReading&)> visit) const;
  void ForEachCallee(
      absl::FunctionRef<void(const std::string& squad, const std::string& service, const CalleeReading&)>
          visit) const;

  // Services that were called, by squad, then name.
  std::vector<ServiceTraffic> Traffic() const;

 private:
  using ServiceKey = std::pair<std::string, std::string>;  // squad, service

  template <class Key, class Series>
  using Table = std::map<Key, std::unique_ptr<Series[]>>;

  // Both want the mutex held.
  CallSeries* CellsOf(const CallLabels& labels);
  CallSeries* FallbackOf(const CallLabels& labels);

  const Vocabulary vocabulary_;
  const CallerLabels caller_;
  const int workers_;
  const size_t max_series_;
  const BuildInfo build_;
  std::array<Counter, 2> config_reloads_;
  GaugeSource gauge_source_;

  mutable std::mutex mutex_;  // guards what follows
  Table<CallLabels, CallSeries> calls_;
  std::map<CallLabels, CallSeries*> dropped_calls_;  // to the cells that they share
  Table<ServiceKey, CalleeSeries> callees_;
};

}  // namespace naru::metrics
