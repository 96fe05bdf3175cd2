#include "sidecar/call/record_call.h"

#include <algorithm>
#include <array>

namespace naru::call {
namespace {

// 128 random bits as 32 hexadecimal digits.
void AppendRandomId(std::string& out, std::mt19937_64& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<char, 32> digits;
  for (auto at = digits.begin(); at != digits.end();) {
    uint64_t bits = random();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) *at++ = kHex[bits & 15];
  }
  out.append(digits.data(), digits.size());
}

// Until the answer began: a long download or a stream is not slow for being long.
Duration TimeToAnswer(const Call& call, Duration took) {
  if (call.attempts.empty()) return took;
  return call.attempts.back().started + call.attempts.back().took - call.started;
}

// The `code` label: the HTTP status, or of a gRPC call its code, whoever it comes from.
int CodeOf(const Call& call, const Ending& ending) {
  if (!call.grpc) return ending.status;
  const bool answered = ending.failure == nullptr && ending.outcome != Outcome::kCancelled;
  if (answered) return metrics::CodeCounts::OfGrpc(static_cast<int>(call.FinalGrpcCode()));
  if (ending.failure != nullptr)
    return metrics::CodeCounts::OfGrpc(resilience::TraitsOf(ending.failure->kind).grpc_status);
  return metrics::CodeCounts::OfGrpc(static_cast<int>(resilience::GrpcCode::kCancelled));
}

bool WentWell(Outcome outcome) {
  return outcome == Outcome::kOk || outcome == Outcome::kClientError;
}

}  // namespace

RecordCall::RecordCall(net::Scheduler& scheduler, int worker, metrics::CallSeries& nameless,
                       CallObserver& observer, std::mt19937_64& random)
    : scheduler_(scheduler), worker_(worker), nameless_(nameless), observer_(observer), random_(random) {}

net::Task<Result<Response>> RecordCall::Handle(Call& call, Next next) {
  if (call.head.fields.Find(http::FieldId::kXRequestId) == nullptr) AppendRandomId(call.request_id, random_);
  return next(call);
}

void RecordCall::Finish(Call& call, const Ending& ending) {
  const Duration took = scheduler_.ReadClock() - call.started;
  metrics::CallSeries& series = call.plan == nullptr ? nameless_ : *call.plan->series[worker_];
  series.Record(
      {static_cast<uint8_t>(ending.outcome), CodeOf(call, ending), took, call.bytes_up, call.bytes_down});
  if (!WentWell(ending.outcome) || TimeToAnswer(call, took) > kSlow) observer_.OnCall(call, ending, took);
}

}  // namespace naru::call
