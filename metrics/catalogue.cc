#include "metrics/catalogue.h"

#include <array>

namespace naru::metrics {
namespace {

using enum MetricType;

#define NARU_CALL_LABELS "caller_squad", "caller_service", "callee_squad", "callee_service", "route"
constexpr std::string_view kCallOutcome[] = {NARU_CALL_LABELS, "outcome"};
constexpr std::string_view kCallOutcomeCode[] = {NARU_CALL_LABELS, "outcome", "code"};
constexpr std::string_view kCallDirection[] = {NARU_CALL_LABELS, "direction"};
#undef NARU_CALL_LABELS
constexpr std::string_view kCallee[] = {"callee_squad", "callee_service"};
constexpr std::string_view kCalleeOutcome[] = {"callee_squad", "callee_service", "outcome"};
constexpr std::string_view kCalleeReason[] = {"callee_squad", "callee_service", "reason"};
constexpr std::string_view kCalleeState[] = {"callee_squad", "callee_service", "state"};
constexpr std::string_view kService[] = {"callee_service"};
constexpr std::string_view kServiceSource[] = {"callee_service", "source"};
constexpr std::string_view kServiceSourceResult[] = {"callee_service", "source", "result"};
constexpr std::string_view kSideProtocol[] = {"side", "protocol"};
constexpr std::string_view kResult[] = {"result"};
constexpr std::string_view kKind[] = {"kind"};
constexpr std::string_view kBuild[] = {"version", "commit"};

// In the order of the enum.
constexpr std::array<MetricInfo, kMetrics> kCatalogue = {{
    {"naru_call_duration_seconds", kHistogram, kCallOutcome,
     "Time from the head of a call's request to the last byte of its answer, every attempt and wait "
     "included."},
    {"naru_calls_total", kCounter, kCallOutcomeCode,
     "Calls by how they ended and the HTTP status the application got (none: it got no answer)."},
    {"naru_bytes_total", kCounter, kCallDirection,
     "Body bytes carried, up to the callee and down to the application."},
    {"naru_attempts_total", kCounter, kCalleeOutcome, "Tries at one endpoint, by how they ended."},
    {"naru_retries_total", kCounter, kCalleeReason,
     "Further attempts that were made, by what made them necessary."},
    {"naru_retries_suppressed_total", kCounter, kCalleeReason,
     "Further attempts that were not made, by what forbade them."},
    {"naru_refused_public_total", kCounter, kCallee,
     "Calls refused because every endpoint known lies outside the private ranges."},
    {"naru_overhead_seconds", kHistogram, kService,
     "Time of a call spent inside naru, waiting for the upstream excluded."},
    {"naru_endpoints", kGauge, kCalleeState, "Endpoints known, by whether calls go to them; refused: outside the private ranges."},
    {"naru_breaker_state", kGauge, kCallee, "State of the callee's breaker: 0 closed, 1 probing, 2 open."},
    {"naru_in_flight", kGauge, kCallee, "Calls that hold a place in the callee's limit."},
    {"naru_queued", kGauge, kCallee, "Calls that wait for a place in the callee's limit."},
    {"naru_connections", kGauge, kSideProtocol, "Open connections."},
    {"naru_http2_abuse_total", kCounter, kKind,
     "Floods on HTTP/2 connections of applications, which ended them (ENHANCE_YOUR_CALM), and heads too "
     "large."},
    {"naru_discovery_updates_total", kCounter, kServiceSourceResult,
     "Answers of the source of a service's endpoints, by whether they could be used."},
    {"naru_discovery_age_seconds", kGauge, kServiceSource,
     "Time since the source last confirmed the endpoints in use."},
    {"naru_config_reloads_total", kCounter, kResult,
     "Reloads of the configuration; a refused one leaves the old configuration running."},
    {"naru_metric_series_dropped_total",
     kCounter,
     {},
     "Sets of call labels without series of their own, because the ceiling on series was reached."},
    {"naru_build_info", kGauge, kBuild, "Always 1; its labels say what is running."},
    {"process_cpu_seconds_total", kCounter, {}, "Processor time used, user and system."},
    {"process_resident_memory_bytes", kGauge, {}, "Memory resident."},
    {"process_virtual_memory_bytes", kGauge, {}, "Address space in use."},
    {"process_open_fds", kGauge, {}, "Open file descriptors."},
    {"process_max_fds", kGauge, {}, "File descriptors that may be open at once."},
    {"process_start_time_seconds", kGauge, {}, "When the process started, in seconds since 1970."},
}};

}  // namespace

const MetricInfo& InfoOf(Metric metric) {
  return kCatalogue[static_cast<size_t>(metric)];
}

std::string_view WordOf(MetricType type) {
  switch (type) {
    case kCounter:
      return "counter";
    case kGauge:
      return "gauge";
    case kHistogram:
      return "histogram";
  }
  return "unknown";
}

}  // namespace naru::metrics
