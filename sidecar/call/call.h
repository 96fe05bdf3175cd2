// One call of the application and everything that the layers know about it.
//
// A Call is one block: each layer keeps its part here, so that a call costs no allocation once blocks are
// pooled. It is owned by its downstream connection, used on one worker, and ends exactly once, in
// OutboundStack::Finish.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resilience/circuit_breaker.h"
#include "resilience/failure.h"
#include "resilience/grpc_status.h"
#include "resilience/time.h"
#include "sidecar/call/body.h"
#include "sidecar/call/callee.h"
#include "sidecar/call/cancellation.h"
#include "sidecar/call/replay_body.h"
#include "sidecar/call/snapshot.h"
#include "sidecar/http/message.h"
#include "sidecar/net/task.h"
#include "sidecar/net/timer_wheel.h"

namespace naru::call {

using resilience::Duration;
using resilience::Outcome;
using resilience::TimePoint;

class Attempt;

// One try at one endpoint, for error bodies, /calls/recent and the choice of the next endpoint.
struct AttemptRecord {
  const EndpointState* endpoint = nullptr;
  size_t endpoint_index = 0;  // in Callee::endpoints
  TimePoint started{};
  Duration took{};
  Outcome outcome = Outcome::kOk;
  int status = 0;  // of its answer; 0: none
  std::string detail;
  bool free = false;  // retry.attempts does not count it: the service hardly saw it
};

// Where answers go while they come: implemented by the downstream connection, faked in tests.
class Downstream {
 public:
  virtual ~Downstream() = default;
  // Forwards a 1xx answer that is not 101. Its head is good until the Task ends.
  virtual net::Task<void> ForwardInformational(const http::ResponseHead& head) = 0;
  // The head of the request is not looked at any more: its memory may go.
  virtual void ForgetHead() {}
  // Whose connection this is, for the log: see net::DescribePeer. Costs system calls.
  virtual std::string Peer() const { return {}; }
};

// The answer to a call: a head, and a body to pull. Both belong to the attempt that brought them and stay
// good until the call is finished or the attempt is abandoned. Head views end with the first
// BodySource::Read.
struct Response {
  const http::ResponseHead* head = nullptr;
  BodySource* body = nullptr;  // nothing: no body
};

// Why a retry that the policy asks for did not happen: the values of naru_retries_suppressed_total's
// `reason`.
enum class SuppressedRetry : uint8_t { kNotIdempotent, kBudget, kDeadline, kBody, kUpstreamRetrying };

struct Call {
  // --- what the application asked, set by the downstream connection ---
  http::RequestHead head;
  BodySource* body = nullptr;  // nothing: no body
  Downstream* downstream = nullptr;
  uint16_t service_port = 0;  // the service port it came in on, 0 if it was the shared port
  bool grpc = false;          // it is to be answered by the rules of gRPC
  TimePoint started{};        // when its head was complete
  std::shared_ptr<const Snapshot> snapshot;

  // --- resolve_service ---
  Target target;
  const Callee* callee = nullptr;   // nothing: no service was found
  const RoutePlan* plan = nullptr;  // set together with callee
  std::string named;                // what was taken for the service's name where none was found

  // --- enforce_deadline ---
  Cancellation cancellation;
  TimePoint answer_by{};                     // until the answer begins
  bool answer_awaited = false;               // answer_by is in force
  std::optional<TimePoint> caller_deadline;  // what the caller sent; covers the whole call
  net::Timer deadline_timer{&Call::OnDeadline, this};

  // --- limit_concurrency, break_circuit ---
  bool has_permit = false;
  // What the breaker said; nothing when it is off, was not asked, or has been told the outcome.
  std::optional<resilience::CircuitBreaker::Verdict> admitted_as;
  TimePoint admitted_at{};  // exactly the time that the breaker was given
  Duration retry_after{};   // when a call that naru refused may be worth trying again; 0: not said

  // --- retry_attempts, choose_endpoint ---
  ReplayBody replay;
  std::vector<AttemptRecord> attempts;
  uint32_t counted_attempts = 0;  // free retries excluded
  bool had_free_retry = false;
  bool last_attempt = false;     // no other may follow: try_timeout is off
  uint32_t inbound_attempt = 1;  // the caller's own x-naru-attempt
  uint32_t unseen_attempts = 0;  // that never reached a service: nothing left, or it was refused unprocessed
  uint32_t previous_rpc_attempts = 0;  // the caller's own grpc-previous-rpc-attempts
  bool safe_to_repeat = false;
  bool attempt_undecided = false;         // how the last attempt went, its gRPC trailers will tell
  bool lasts = false;                     // the answer turned out to be a stream
  EndpointState* in_flight_at = nullptr;  // counted as in flight there
  std::string request_id;                 // generated; empty when the application sent one
  std::string request_line;               // method and path of a call whose heads were forgotten
  std::string_view policy_note;  // the dotted key of the policy that decided, such as "retry.attempts"

  // --- send_upstream; the answer's head and what is being written are here to keep their memory over calls
  // ---
  http::ResponseHead answer;
  std::string upstream_out;
  std::unique_ptr<Attempt> attempt;  // the connection and the answer in use
  // Of a gRPC call, once the status has come: in the head, or in the trailers.
  std::optional<resilience::GrpcCode> grpc_status;
  // The endpoint said when to try again (grpc-retry-pushback-ms), or, without a value, that nobody should.
  std::optional<std::optional<Duration>> grpc_pushback;
  Duration upstream_wait{};                  // spent waiting for upstream or the application, not inside naru
  std::unique_ptr<const Failure> broke_off;  // why the answer ended before its end; most do not
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;

  Call();
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const config::Policy& policy() const { return *plan->policy; }
  // The application's own x-request-id, or the one naru made.
  std::string_view RequestId() const;
  // True when it is what the caller sent that ends the call, and not `timeout`.
  bool CallerDeadlineDecides() const;
  // The request of a gRPC call that is still coming is a stream, which may be silent for long (INTERFACE:
  // idle_timeout).
  bool IsStreamingUp() const;
  // What the timer says when it ends the call: "the call's timeout of 800 ms".
  std::string TimeLimit() const;
  // Nothing of the heads is needed any more but method, path and the request's id, which are copied: for
  // streams, which may be idle for hours.
  void ForgetHeads();
  // Looks for grpc-status and its like in a head or in trailers.
  void NoteGrpcStatus(const http::FieldList& fields);
  // The code that a gRPC call which was answered has in the end.
  resilience::GrpcCode FinalGrpcCode() const;
  // Ends the attempt in use if that needs no wait. False: EndAttempt is needed.
  bool TryEndAttempt();
  // Ends the attempt in use, if there is one. Must have run before the call is finished or cleared.
  net::Task<void> EndAttempt();
  // Makes the block ready for another call; keeps some of its memory.
  void Clear();

 private:
  void KeepRequestLine();
  static void OnDeadline(void* self);
};

// How a call ended. Exactly one per call.
struct Ending {
  Outcome outcome = Outcome::kOk;
  int status = 0;                    // what the application was told; 0: nothing
  const Failure* failure = nullptr;  // when naru answered itself, or the answer broke off
};

}  // namespace naru::call
