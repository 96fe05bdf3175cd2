#include "sidecar/call_log.h"

#include <utility>

#include "sidecar/call/error_answer.h"
#include "sidecar/config/values.h"

namespace naru {
namespace {

double Milliseconds(call::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string DetailOf(const call::Call& call, const call::Ending& ending, call::Duration took) {
  if (ending.outcome == call::Outcome::kTruncated) {
    return call.broke_off ? "the answer broke off: " + call.broke_off->detail : "the answer broke off";
  }
  if (ending.failure != nullptr) {
    const std::string happened = call::DescribeFailure(call, *ending.failure, call.started + took);
    const std::string last = call::DescribeLastAttempt(call);
    return last.empty() ? happened : happened + "; last at " + last;
  }
  if (ending.outcome == call::Outcome::kCancelled) return "the application went away";
  if (!call.attempts.empty()) return call.attempts.back().detail;
  return {};
}

// Of a call that cannot be helped before its client is found: a request that is malformed, or for nobody.
std::string PeerOf(const call::Call& call, const call::Ending& ending) {
  const bool asked = call.plan == nullptr || ending.outcome == call::Outcome::kBadRequest;
  return asked && call.downstream != nullptr ? call.downstream->Peer() : std::string();
}

std::vector<admin::RecentAttempt> AttemptsOf(const call::Call& call) {
  std::vector<admin::RecentAttempt> attempts;
  for (const call::AttemptRecord& attempt : call.attempts) {
    attempts.push_back({attempt.endpoint->text, std::string(resilience::WordOf(attempt.outcome)),
                        Milliseconds(attempt.started - call.started), Milliseconds(attempt.took),
                        attempt.detail, attempt.free});
  }
  return attempts;
}

// "9 of 12 calls failed in 10s".
std::string DescribeCounts(const resilience::SlidingCounts::Counts& counts, call::Duration window) {
  return std::to_string(counts.failures) + " of " + std::to_string(counts.total()) + " calls failed in " +
         config::FormatDuration(window);
}

// The route of the call where it has a guard of its own; empty where the guard is its service's.
template <class Guard>
std::string_view OwnRoute(const call::Call& call, Guard call::Guards::*guard) {
  const bool shared = call.plan->guards.*guard == call.callee->other.guards.*guard;
  return shared ? std::string_view() : std::string_view(call.plan->name);
}

std::string WhyEjected(const resilience::EjectionPolicy& policy, resilience::EjectionReason reason) {
  if (reason == resilience::EjectionReason::kConsecutive)
    return std::to_string(policy.consecutive) + " failures in a row";
  return "fewer than " + config::FormatRatio(policy.success_rate) + " of its calls succeeded in " +
         config::FormatDuration(policy.window);
}

}  // namespace

void CallLog::OnCall(const call::Call& call, const call::Ending& ending, call::Duration took) {
  const config::Caller& caller = call.snapshot->config().caller;
  admin::RecentCall entry;
  entry.time_of_day =
      std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::microseconds>(took);
  entry.request_id = std::string(call.RequestId());
  entry.caller = caller.squad + "/" + caller.service;
  entry.squad = call.plan == nullptr ? "unknown" : call.callee->service->squad;
  entry.service = call.plan == nullptr ? call.named : call.callee->service->name;
  entry.route = call.plan == nullptr ? "other" : call.plan->name;
  entry.method = std::string(call.head.method);
  entry.path = std::string(call.plan == nullptr ? call.head.target : call.target.path_and_query);
  entry.path.resize(std::min(entry.path.find('?'), entry.path.size()));
  entry.peer = PeerOf(call, ending);
  entry.outcome = std::string(resilience::WordOf(ending.outcome));
  entry.status = ending.status;
  entry.ms = Milliseconds(took);
  entry.detail = DetailOf(call, ending, took);
  entry.attempts = AttemptsOf(call);
  const bool slow = ending.outcome == call::Outcome::kOk || ending.outcome == call::Outcome::kClientError;
  const std::string limited_by =
      (call.plan == nullptr ? std::string("unknown") : entry.service) + " " + entry.outcome;
  logger_.WriteLimited(
      limited_by, slow ? log::Level::kInfo : log::Level::kWarn, slow ? "slow call" : "failed call",
      {{"outcome", entry.outcome},
       {"status", entry.status},
       {"squad", entry.squad},
       {"service", entry.service},
       {"route", entry.route},
       {"method", entry.method},
       {"path", entry.path},
       {"ms", entry.ms},
       {"attempts", entry.attempts.size()},
       {"endpoint", entry.attempts.empty() ? std::string_view() : entry.attempts.back().endpoint},
       {"peer", entry.peer},
       {"detail", entry.detail},
       {"request_id", entry.request_id}});
  recent_.Add(std::move(entry));
}

void CallLog::OnBreaker(const call::Call& call, resilience::CircuitBreaker::Transition transition,
                        const resilience::SlidingCounts::Counts& counts) {
  using Transition = resilience::CircuitBreaker::Transition;
  const resilience::BreakerPolicy& policy = call.plan->guards.breaker->policy();
  const bool closed = transition == Transition::kClosed;
  std::string why = "the call that tested it failed";
  if (transition == Transition::kOpened) why = DescribeCounts(counts, policy.window);
  if (closed)
    why = std::to_string(policy.probes) + (policy.probes == 1 ? " call" : " calls") +
          " that tested it went well";
  const std::string_view message = closed ? "breaker closed: calls go through again"
                                          : "breaker opened: calls are refused without being tried";
  const std::string open_for = closed ? std::string() : config::FormatDuration(policy.open_for);
  logger_.Write(closed ? log::Level::kInfo : log::Level::kWarn, message,
                {{"squad", call.callee->service->squad},
                 {"service", call.callee->service->name},
                 {"route", OwnRoute(call, &call::Guards::breaker)},
                 {"why", why},
                 {"open_for", open_for}});
}

void CallLog::OnEjected(const call::Call& call, const call::EndpointState& endpoint,
                        resilience::EjectionReason reason, call::Duration aside) {
  logger_.Write(log::Level::kWarn, "endpoint ejected: calls go to the others",
                {{"squad", call.callee->service->squad},
                 {"service", call.callee->service->name},
                 {"route", OwnRoute(call, &call::Guards::health)},
                 {"endpoint", endpoint.text},
                 {"why", WhyEjected(*call.policy().ejection, reason)},
                 {"ms", Milliseconds(aside)}});
}

void CallLog::OnReturned(const call::Call& call, const call::EndpointState& endpoint) {
  logger_.Write(log::Level::kInfo, "endpoint returned: it is called again",
                {{"squad", call.callee->service->squad},
                 {"service", call.callee->service->name},
                 {"route", OwnRoute(call, &call::Guards::health)},
                 {"endpoint", endpoint.text}});
}

}  // namespace naru
