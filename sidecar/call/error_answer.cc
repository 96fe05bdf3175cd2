#include "sidecar/call/error_answer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "resilience/retry_policy.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/http/grpc.h"
#include "sidecar/http/http1_writer.h"
#include "sidecar/log/json_text.h"

namespace naru::call {
namespace {

using http::AppendField;
using log::AppendJsonString;
using resilience::FailureTraits;

std::string Tenths(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", std::chrono::duration<double, std::milli>(duration).count());
  return text;
}

std::string WholeMilliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

bool IsAttemptFailure(FailureKind kind) {
  switch (kind) {
    case FailureKind::kUnknownService:
    case FailureKind::kBadRequest:
    case FailureKind::kHeadTooLarge:
    case FailureKind::kHeadTimeout:
    case FailureKind::kHttpsOverConnect:
    case FailureKind::kRefusedPublic:
    case FailureKind::kNoEndpoint:
    case FailureKind::kLimit:
    case FailureKind::kBreakerOpen:
    case FailureKind::kCancelled:
    case FailureKind::kShuttingDown:
      return false;
    default:
      return true;
  }
}

// "2 attempts failed within 23 ms": those that retry.attempts counts, and apart from them those that it does
// not.
std::string DescribeAttempts(const Call& call, const std::string& after) {
  const auto free = static_cast<size_t>(std::count_if(
      call.attempts.begin(), call.attempts.end(), [](const AttemptRecord& attempt) { return attempt.free; }));
  const size_t counted = call.attempts.size() - free;
  std::string text =
      std::to_string(counted) + (counted == 1 ? " attempt" : " attempts") + " failed within " + after;
  return free == 0 ? text
                   : text + ", and " + std::to_string(free) + " more that retry.attempts does not count";
}

// Why no other attempt followed, where that is not that all were used up; a part of a sentence.
std::string WhyNotRetried(const Call& call, FailureKind kind) {
  const std::string_view note = call.policy_note;
  if (note == "retry.on") {
    const std::string_view word = resilience::WordOfRetryReason(resilience::RetryReasonOf(kind));
    const std::string_view outcome = resilience::WordOf(resilience::TraitsOf(kind).outcome);
    return std::string(word.empty() ? outcome : word) + " is not in retry.on";
  }
  if (note == "retry.idempotent")
    return "the service may have acted on it, and repeating a " + std::string(call.head.method) +
           " is not known to be safe";
  if (note == "retry.body") return "the request's body is not kept for another attempt beyond retry.body";
  if (note == "retry.budget.ratio") return "the retry budget is spent";
  if (note == "timeout") return "too little of its time was left";
  if (note.empty() && call.inbound_attempt > 1)
    return "the caller is retrying itself (x-naru-attempt: " + std::to_string(call.inbound_attempt) + ")";
  return {};
}

// "catalog/learning.yaml:14 retry.attempts = 2".
std::string DescribePolicy(const Call& call, FailureKind kind) {
  // Where there is nowhere to go, no policy decided anything.
  if (kind == FailureKind::kNoEndpoint || kind == FailureKind::kRefusedPublic) return {};
  if (call.plan == nullptr || call.policy_note.empty()) return {};
  for (const config::PolicyLine& line : config::Explain(call.policy())) {
    if (line.key != call.policy_note) continue;
    return call.snapshot->config().Where(line.origin) + " " + line.key + " = " + line.value;
  }
  return {};
}

void AppendMember(std::string& json, std::string_view name, std::string_view value) {
  json.append(json.size() > 1 ? ", " : "");
  AppendJsonString(json, name);
  json.append(": ");
  AppendJsonString(json, value);
}

void AppendAttempts(std::string& json, const Call& call) {
  json.append(", \"attempts\": [");
  for (const AttemptRecord& attempt : call.attempts) {
    if (&attempt != call.attempts.data()) json.append(", ");
    json.append("{\"endpoint\": ");
    AppendJsonString(json, attempt.endpoint->text);
    json.append(", \"outcome\": ");
    AppendJsonString(json, resilience::WordOf(attempt.outcome));
    json.append(", \"ms\": ").append(Tenths(attempt.took)).append(", \"detail\": ");
    AppendJsonString(json, attempt.detail);
    if (attempt.free) json.append(", \"free\": true");
    json.append("}");
  }
  json.append("]");
}

std::string ErrorBody(const Call& call, const Failure& failure, TimePoint now) {
  const FailureTraits& traits = resilience::TraitsOf(failure.kind);
  std::string json = "{";
  AppendMember(json, "outcome", resilience::WordOf(traits.outcome));
  json.append(", \"status\": ").append(std::to_string(traits.http_status));
  if (call.plan != nullptr) {
    AppendMember(json, "service", call.callee->service->name);
    AppendMember(json, "squad", call.callee->service->squad);
  } else if (!call.named.empty()) {
    AppendMember(json, "service", call.named);
  }
  AppendMember(json, "request_id", call.RequestId());
  AppendMember(json, "detail", DescribeFailure(call, failure, now));
  const std::string policy = DescribePolicy(call, failure.kind);
  if (!policy.empty()) AppendMember(json, "policy", policy);
  if (call.plan != nullptr) AppendAttempts(json, call);
  json.append("}\n");
  return json;
}

// A string parameter of a structured field (RFC 8941 3.3.3): printable ASCII, quotes and backslashes escaped.
void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  out.push_back('"');
}

std::string ProxyStatus(const Call& call, const Failure& failure) {
  const FailureTraits& traits = resilience::TraitsOf(failure.kind);
  std::string field = "naru; error=" + std::string(traits.proxy_status);
  if (!call.attempts.empty()) {
    field.append("; next-hop=");
    AppendQuoted(field, call.attempts.back().endpoint->text);
  }
  // Clients show of a refused tunnel its head at most (RFC 9209 2.1.5).
  if (failure.kind == FailureKind::kHttpsOverConnect) {
    field.append("; details=");
    AppendQuoted(field, failure.detail);
  }
  return field;
}

}  // namespace

std::string DescribeFailure(const Call& call, const Failure& failure, TimePoint now) {
  if (!IsAttemptFailure(failure.kind)) return failure.detail;
  const std::string after = WholeMilliseconds(now - call.started) + " ms";
  if (failure.kind == FailureKind::kTimeout && call.CallerDeadlineDecides()) {
    return failure.detail.empty() ? "the caller's deadline passed after " + after : failure.detail;
  }
  if (failure.kind == FailureKind::kTimeout) return "no answer had begun after " + after;
  std::string text = DescribeAttempts(call, after);
  const std::string why = WhyNotRetried(call, failure.kind);
  return why.empty() ? text : text + "; not retried: " + why;
}

std::string DescribeLastAttempt(const Call& call) {
  if (call.attempts.empty() || call.attempts.back().detail.empty()) return {};
  return call.attempts.back().endpoint->text + ": " + call.attempts.back().detail;
}

ErrorAnswer MakeErrorAnswer(const Call& call, const Failure& failure, TimePoint now) {
  const FailureTraits& traits = resilience::TraitsOf(failure.kind);
  ErrorAnswer answer{traits.http_status, {}, ErrorBody(call, failure, now)};
  if (call.grpc) {
    // A trailers-only response (grpc/doc/PROTOCOL-HTTP2.md): everything stands in the head.
    answer.status = 200;
    answer.body.pop_back();  // its line end
    answer.fields = {{"content-type", "application/grpc"},
                     {"grpc-status", std::to_string(traits.grpc_status)},
                     {"grpc-message", http::EncodeGrpcMessage(answer.body)}};
    answer.body.clear();
  } else {
    answer.fields = {{"content-type", "application/json"},
                     {"content-length", std::to_string(answer.body.size())}};
  }
  answer.fields.emplace_back("proxy-status", ProxyStatus(call, failure));
  answer.fields.emplace_back("x-naru-outcome", std::string(resilience::WordOf(traits.outcome)));
  if (call.retry_after > Duration::zero() && call.grpc) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(call.retry_after);
    answer.fields.emplace_back("grpc-retry-pushback-ms", std::to_string(wait.count()));
  } else if (call.retry_after > Duration::zero()) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(call.retry_after);
    answer.fields.emplace_back("retry-after", std::to_string(wait.count()));
  }
  if (failure.kind == FailureKind::kHttpsOverConnect)
    answer.fields.emplace_back("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (call.head.method == "HEAD") answer.body.clear();
  return answer;
}

void AppendErrorAnswer(std::string& out, const Call& call, const Failure& failure, bool close,
                       TimePoint now) {
  const ErrorAnswer answer = MakeErrorAnswer(call, failure, now);
  http::AppendStatusLine(out, answer.status, {});
  for (const auto& [name, value] : answer.fields) AppendField(out, name, value);
  if (close) {
    AppendField(out, "connection", "close");
  } else if (call.head.minor_version == 0) {
    AppendField(out, "connection", "keep-alive");
  }
  http::AppendEndOfHead(out);
  out.append(answer.body);
}

}  // namespace naru::call
