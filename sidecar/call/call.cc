#include "sidecar/call/call.h"

#include "sidecar/call/attempt.h"

namespace naru::call {
namespace {

constexpr size_t kKeptBytes = 4096;  // memory that a pooled block keeps in each of its strings

}  // namespace

Call::Call() = default;
Call::~Call() = default;

std::string_view Call::RequestId() const {
  if (!request_id.empty()) return request_id;
  const http::Field* sent = head.fields.Find(http::FieldId::kXRequestId);
  return sent == nullptr ? std::string_view() : sent->value;
}

void Call::KeepRequestLine() {
  const std::string_view path = target.path_and_query;
  request_line.reserve(head.method.size() + path.size());
  request_line.append(head.method).append(path);
  const std::string_view kept = request_line;
  head.method = kept.substr(0, head.method.size());
  head.target = target.path_and_query = kept.substr(head.method.size());
  head.protocol = target.kept_host = {};
}

bool Call::CallerDeadlineDecides() const {
  return caller_deadline && *caller_deadline <= answer_by;
}

bool Call::IsStreamingUp() const {
  return grpc && body != nullptr && !body->received_all();
}

std::string Call::TimeLimit() const {
  if (CallerDeadlineDecides()) return "the caller's deadline";
  return IsStreamingUp() ? "idle_timeout of " + Milliseconds(policy().idle_timeout)
                         : "the call's timeout of " + Milliseconds(policy().timeout);
}

void Call::ForgetHeads() {
  if (request_id.empty()) request_id = RequestId();
  KeepRequestLine();
  head.fields.Release();
  answer.fields.Release();
  replay.StopKeeping();
  if (downstream != nullptr) downstream->ForgetHead();
  if (attempt != nullptr) attempt->ForgetHead();
}

void Call::NoteGrpcStatus(const http::FieldList& fields) {
  if (const http::Field* status = fields.Find(http::FieldId::kGrpcStatus)) {
    grpc_status = resilience::ParseGrpcStatus(status->value).value_or(resilience::GrpcCode::kUnknown);
  }
  if (const http::Field* pushback = fields.Find(http::FieldId::kGrpcRetryPushbackMs)) {
    grpc_pushback = resilience::ParseRetryPushback(pushback->value);
  }
}

resilience::GrpcCode Call::FinalGrpcCode() const {
  return grpc_status.value_or(resilience::GrpcCodeOfHttpStatus(answer.status));
}

bool Call::TryEndAttempt() {
  if (attempt == nullptr) return true;
  if (!attempt->TryEnd()) return false;
  attempt.reset();
  return true;
}

net::Task<void> Call::EndAttempt() {
  if (attempt == nullptr) co_return;
  co_await attempt->End();
  attempt.reset();
}

void Call::OnDeadline(void* self) {
  auto* call = static_cast<Call*>(self);
  call->policy_note = call->IsStreamingUp() ? "idle_timeout" : "timeout";
  if (call->CallerDeadlineDecides()) call->policy_note = {};
  call->cancellation.Cancel({FailureKind::kTimeout, {}});
}

void Call::Clear() {
  head.Clear();
  body = nullptr;
  downstream = nullptr;
  service_port = 0;
  grpc = false;
  snapshot.reset();
  target = {};
  callee = nullptr;
  plan = nullptr;
  named.clear();
  cancellation.Reset();
  caller_deadline.reset();
  answer_awaited = false;
  deadline_timer.Disarm();
  has_permit = false;
  admitted_as.reset();
  retry_after = {};
  replay.Clear(kKeptBytes);
  attempts.clear();
  counted_attempts = 0;
  had_free_retry = last_attempt = safe_to_repeat = attempt_undecided = false;
  inbound_attempt = 1;
  previous_rpc_attempts = unseen_attempts = 0;
  in_flight_at = nullptr;
  request_id.clear();
  request_line.clear();
  answer.Clear();
  broke_off.reset();
  grpc_status.reset();
  grpc_pushback.reset();
  upstream_out.clear();
  if (upstream_out.capacity() > kKeptBytes) std::string().swap(upstream_out);
  policy_note = {};
  upstream_wait = {};
  bytes_up = bytes_down = 0;
  lasts = false;
}

}  // namespace naru::call
