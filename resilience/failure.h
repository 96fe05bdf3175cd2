// The closed list of ways in which a call or an attempt can fail, and what each means to everybody: the HTTP
// status, the gRPC code, the RFC 9209 word, the outcome word of logs and metrics, and whether it may be tried
// again.
//
// A new way to fail is a new FailureKind and a row in failure.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace naru::resilience {

enum class FailureKind : uint8_t {
  kUnknownService,    // no service has that name
  kBadRequest,        // the application sent a malformed message
  kHeadTooLarge,      // the application's request head is larger than naru reads
  kHeadTimeout,       // the application's request head was not complete in time
  kHttpsOverConnect,  // the application asked for a CONNECT tunnel
  kRefusedPublic,     // every endpoint known lies outside the private ranges
  kNoEndpoint,        // the source knows no endpoint
  kLimit,             // the callee's limit is reached and its queue is full or too slow
  kBreakerOpen,       // the callee's breaker is open
  kConnectRefused,    // the endpoint refused the connection, or could not be reached
  kConnectTimeout,    // no connection within connect_timeout
  kUnsentReset,       // a reused connection turned out to be closed before a byte of the request left
  kRefusedStream,     // the endpoint says that it did not process the request (RFC 9113 8.7)
  kReusedReset,       // a reused connection died after the request was sent, before any byte of an answer
  kReset,             // the endpoint closed before the head of its answer was complete
  kBadResponse,       // the endpoint sent something that is not HTTP
  kWrongProtocol,     // the endpoint does not speak the version of HTTP that it was spoken to in
  kTryTimeout,        // one attempt got no response head in time
  kTimeout,           // `timeout` or the caller's deadline passed before the answer began
  kTruncated,         // the endpoint died, or fell silent, inside the body of its answer
  kCancelled,         // the application went away
  kShuttingDown,      // naru itself ends
};
inline constexpr int kFailureKinds = static_cast<int>(FailureKind::kShuttingDown) + 1;

// Outcome words of calls and attempts, in the order of the metric label's values.
enum class Outcome : uint8_t {
  kOk,
  kClientError,
  kServerError,
  kCancelled,
  kTruncated,
  kUnknownService,
  kBadRequest,
  kRefusedPublic,
  kNoEndpoint,
  kLimit,
  kBreakerOpen,
  kConnectError,
  kReset,
  kBadResponse,
  kTimeout,
};
inline constexpr int kOutcomes = static_cast<int>(Outcome::kTimeout) + 1;

// What is known about the request when an attempt has failed (gRPC proposal A6, RFC 9110 9.2.2).
enum class RetryClass : uint8_t {
  kNever,     // trying again cannot help, or nobody is left to read the answer
  kUnsent,    // no byte of it left, or the peer says it was not processed: any method may be tried again
  kUnknown,   // it was sent and may have been processed: only what is safe to repeat
  kAnswered,  // an answer with a status that asks for another try: as kUnknown
};

struct FailureTraits {
  std::string_view name;  // for logs, such as "connect_refused"
  Outcome outcome;
  int http_status;
  int grpc_status;                // google.rpc.Code
  std::string_view proxy_status;  // the `error` parameter of RFC 9209 2.3
  RetryClass retry_class;
};

const FailureTraits& TraitsOf(FailureKind kind);

std::string_view WordOf(Outcome outcome);

// The outcome of a call that was answered with this HTTP status.
Outcome OutcomeOfStatus(int http_status);

// What happened and, where known, why: one sentence for the person who reads it at night.
struct Failure {
  // Not inline, and cold: the compiler then keeps all that leads here apart from the code of calls that go
  // well, which is too long for the processor's first cache as it is.
  [[gnu::cold]] Failure(FailureKind kind, std::string detail);

  FailureKind kind;
  std::string detail;

  bool operator==(const Failure&) const = default;
};

}  // namespace naru::resilience
