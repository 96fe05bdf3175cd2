#include "sidecar/call/error_answer.h"

#include <cmath>
#include <cstdio>

#include "sidecar/config/policy_fields.h"
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

// "catalog/learning.yaml:14 retry.attempts = 2".
std::string DescribePolicy(const Call& call) {
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
  const std::string policy = DescribePolicy(call);
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

std::string ProxyStatus(const Call& call, const FailureTraits& traits) {
  std::string field = "naru; error=" + std::string(traits.proxy_status);
  if (!call.attempts.empty()) {
    field.append("; next-hop=");
    AppendQuoted(field, call.attempts.back().endpoint->text);
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
  const size_t attempts = call.attempts.size();
  return std::to_string(attempts) + (attempts == 1 ? " attempt" : " attempts") + " failed within " + after;
}

void AppendErrorAnswer(std::string& out, const Call& call, const Failure& failure, bool close,
                       TimePoint now) {
  const FailureTraits& traits = resilience::TraitsOf(failure.kind);
  const std::string body = ErrorBody(call, failure, now);
  http::AppendStatusLine(out, traits.http_status, {});
  AppendField(out, "content-type", "application/json");
  AppendField(out, "content-length", body.size());
  AppendField(out, "proxy-status", ProxyStatus(call, traits));
  AppendField(out, "x-naru-outcome", resilience::WordOf(traits.outcome));
  if (call.retry_after > Duration::zero()) {
    AppendField(out, "retry-after",
                static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(call.retry_after).count()));
  }
  if (failure.kind == FailureKind::kHttpsOverConnect)
    AppendField(out, "allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (close) {
    AppendField(out, "connection", "close");
  } else if (call.head.minor_version == 0) {
    AppendField(out, "connection", "keep-alive");
  }
  http::AppendEndOfHead(out);
  if (call.head.method != "HEAD") out.append(body);
}

}  // namespace naru::call
