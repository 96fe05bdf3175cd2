#include "metrics/collector.h"

#include <cassert>
#include <limits>
#include <map>
#include <utility>

#include "metrics/catalogue.h"
#include "metrics/process.h"

namespace naru::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

prometheus::MetricType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

double Seconds(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

// "200" or "UNAVAILABLE"; what is neither has a word.
std::string CodeLabel(const std::vector<std::string>& grpc_codes, int code) {
  if (code == 0) return "none";
  const size_t grpc = static_cast<size_t>(code - CodeCounts::kFirstGrpc);
  if (code >= CodeCounts::kFirstGrpc && grpc < grpc_codes.size()) return grpc_codes[grpc];
  return code == CodeCounts::kOther ? "other" : std::to_string(code);
}

// The families under construction. Label values are given in the order of the catalogue's labels.
class Families {
 public:
  using Values = std::vector<std::string>;

  Families() {
    for (int i = 0; i < kMetrics; ++i) {
      const MetricInfo& info = InfoOf(static_cast<Metric>(i));
      families_.push_back({std::string(info.name), std::string(info.help), TypeOf(info.type), {}});
    }
  }

  void Put(Metric metric, const Values& values, double number) {
    ClientMetric& sample = Add(metric, values);
    if (InfoOf(metric).type == MetricType::kCounter)
      sample.counter.value = number;
    else
      sample.gauge.value = number;
  }

  void Put(Metric metric, const Values& values, const HistogramReading& reading) {
    ClientMetric::Histogram& histogram = Add(metric, values).histogram;
    for (size_t i = 0; i <= reading.bounds.size(); ++i) {
      histogram.sample_count += reading.counts[i];
      const bool last = i == reading.bounds.size();
      histogram.bucket.push_back({histogram.sample_count, last ? std::numeric_limits<double>::infinity()
                                                               : Seconds(reading.bounds[i])});
    }
    histogram.sample_sum = static_cast<double>(reading.sum_ns) / 1e9;
  }

  std::vector<MetricFamily> TakeUsed() {
    std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  ClientMetric& Add(Metric metric, const Values& values) {
    const MetricInfo& info = InfoOf(metric);
    assert(values.size() == info.labels.size());
    ClientMetric& sample = families_[static_cast<size_t>(metric)].metric.emplace_back();
    for (size_t i = 0; i < values.size(); ++i)
      sample.label.push_back({std::string(info.labels[i]), values[i]});
    return sample;
  }

  std::vector<MetricFamily> families_;
};

Families::Values With(Families::Values values, std::string more) {
  values.push_back(std::move(more));
  return values;
}

void PutCalls(Families& families, const Registry& registry, const CallLabels& labels,
              const CallReading& reading) {
  const std::vector<std::string>& outcomes = registry.vocabulary().outcomes;
  const Families::Values values = {registry.caller().squad, registry.caller().service, labels.callee_squad,
                                   labels.callee_service, labels.route};
  for (const auto& [outcome, durations] : reading.durations) {
    families.Put(Metric::kCallDuration, With(values, outcomes[outcome]), durations);
  }
  for (const auto& [key, count] : reading.calls) {
    const auto& [outcome, code] = key;
    families.Put(Metric::kCalls,
                 With(With(values, outcomes[outcome]), CodeLabel(registry.vocabulary().grpc_codes, code)),
                 static_cast<double>(count));
  }
  if (!reading.bytes_up_down) return;
  families.Put(Metric::kBytes, With(values, "up"), static_cast<double>(reading.bytes_up_down->first));
  families.Put(Metric::kBytes, With(values, "down"), static_cast<double>(reading.bytes_up_down->second));
}

// A service that was called has every reason at 0 from the start: rate() does not see the first step of a
// series that is born at 1.
void PutCallee(Families& families, const Vocabulary& words, const Families::Values& callee,
               const CalleeReading& reading) {
  families.Put(Metric::kRefusedPublic, callee, static_cast<double>(reading.refused_public));
  if (!reading.used) return;
  for (size_t i = 0; i < words.outcomes.size(); ++i) {
    if (reading.attempts[i] == 0) continue;
    families.Put(Metric::kAttempts, With(callee, words.outcomes[i]),
                 static_cast<double>(reading.attempts[i]));
  }
  for (size_t i = 0; i < words.retry_reasons.size(); ++i) {
    families.Put(Metric::kRetries, With(callee, words.retry_reasons[i]),
                 static_cast<double>(reading.retries[i]));
  }
  for (size_t i = 0; i < words.suppressed_reasons.size(); ++i) {
    families.Put(Metric::kRetriesSuppressed, With(callee, words.suppressed_reasons[i]),
                 static_cast<double>(reading.suppressed_retries[i]));
  }
}

void PutService(Families& families, const ServiceReading& service) {
  const Families::Values callee = {service.squad, service.service};
  families.Put(Metric::kEndpoints, With(callee, "serving"), static_cast<double>(service.endpoints.serving));
  families.Put(Metric::kEndpoints, With(callee, "ejected"), static_cast<double>(service.endpoints.ejected));
  if (service.endpoints.refused > 0) {
    families.Put(Metric::kEndpoints, With(callee, "refused"), static_cast<double>(service.endpoints.refused));
  }
  families.Put(Metric::kEndpoints, With(callee, "unhealthy"),
               static_cast<double>(service.endpoints.unhealthy));
  if (service.breaker) families.Put(Metric::kBreakerState, callee, *service.breaker);
  families.Put(Metric::kInFlight, callee, static_cast<double>(service.in_flight));
  families.Put(Metric::kQueued, callee, static_cast<double>(service.queued));
  if (!service.discovery) return;
  const DiscoveryReading& discovery = *service.discovery;
  const Families::Values source = {service.service, discovery.source};
  families.Put(Metric::kDiscoveryUpdates, With(source, "ok"), static_cast<double>(discovery.updates_ok));
  families.Put(Metric::kDiscoveryUpdates, With(source, "failed"),
               static_cast<double>(discovery.updates_failed));
  families.Put(Metric::kDiscoveryAge, source, Seconds(discovery.age));
}

void PutProcess(Families& families, const Registry& registry) {
  families.Put(Metric::kConfigReloads, {"ok"},
               static_cast<double>(registry.ConfigReloads(ReloadOutcome::kOk).Read()));
  families.Put(Metric::kConfigReloads, {"refused"},
               static_cast<double>(registry.ConfigReloads(ReloadOutcome::kRefused).Read()));
  families.Put(Metric::kSeriesDropped, {}, static_cast<double>(registry.series_dropped()));
  families.Put(Metric::kBuildInfo, {registry.build().version, registry.build().commit}, 1);
  const std::optional<ProcessReading> process = ReadProcess();
  if (!process) return;
  families.Put(Metric::kProcessCpu, {}, process->cpu_seconds);
  families.Put(Metric::kProcessResident, {}, process->resident_bytes);
  families.Put(Metric::kProcessVirtual, {}, process->virtual_bytes);
  families.Put(Metric::kProcessOpenFds, {}, process->open_fds);
  families.Put(Metric::kProcessMaxFds, {}, process->max_fds);
  families.Put(Metric::kProcessStart, {}, process->start_time_seconds);
}

}  // namespace

std::vector<MetricFamily> Collector::Collect() const {
  Families families;
  const bool everything = squad_.empty() || squad_ == registry_.caller().squad;
  const auto wanted = [&](const std::string& squad) { return everything || squad == squad_; };

  registry_.ForEachCall([&](const CallLabels& labels, const CallReading& reading) {
    if (wanted(labels.callee_squad)) PutCalls(families, registry_, labels, reading);
  });
  // Without a squad label, a service that moved to another squad still has one series.
  std::map<std::string, HistogramReading> overhead_by_service;
  registry_.ForEachCallee(
      [&](const std::string& squad, const std::string& service, const CalleeReading& reading) {
        if (!wanted(squad)) return;
        PutCallee(families, registry_.vocabulary(), {squad, service}, reading);
        if (reading.overhead.Total() > 0) overhead_by_service[service].Add(reading.overhead);
      });
  for (const auto& [service, overhead] : overhead_by_service) {
    families.Put(Metric::kOverhead, {service}, overhead);
  }
  const GaugeReadings gauges = registry_.ReadGauges();
  for (const ServiceReading& service : gauges.services) {
    if (wanted(service.squad)) PutService(families, service);
  }
  if (!everything) return families.TakeUsed();
  for (const ConnectionReading& connection : gauges.connections) {
    families.Put(Metric::kConnections, {connection.side, connection.protocol},
                 static_cast<double>(connection.open));
  }
  for (const AbuseReading& abuse : gauges.abuse) {
    families.Put(Metric::kHttp2Abuse, {abuse.kind}, static_cast<double>(abuse.connections));
  }
  PutProcess(families, registry_);
  return families.TakeUsed();
}

}  // namespace naru::metrics
