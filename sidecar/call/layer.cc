#include "sidecar/call/layer.h"

namespace naru::call {

net::Task<Result<Response>> Refused(Failure failure) {
  co_return failure;
}

void TellAnswered(std::span<Layer* const> layers, Call& call, const Result<Response>& result) {
  const bool lasts = result.ok() && IsStream(*result->head);
  for (Layer* layer : layers) {
    layer->Answered(call, result);
    if (lasts) layer->AnswerLasts(call);
  }
}

resilience::Grade GradeOf(Outcome outcome) {
  using resilience::Grade;
  switch (outcome) {
    case Outcome::kOk:
    case Outcome::kClientError:
      return Grade::kSuccess;
    case Outcome::kServerError:
    case Outcome::kTruncated:
    case Outcome::kConnectError:
    case Outcome::kReset:
    case Outcome::kBadResponse:
    case Outcome::kTimeout:
      return Grade::kFailure;
    case Outcome::kCancelled:
    case Outcome::kUnknownService:
    case Outcome::kBadRequest:
    case Outcome::kRefusedPublic:
    case Outcome::kNoEndpoint:
    case Outcome::kLimit:
    case Outcome::kBreakerOpen:
      break;
  }
  return Grade::kNeutral;
}

bool IsStream(const http::ResponseHead& head) {
  constexpr std::string_view kEventStream = "text/event-stream";
  if (head.status == 101) return true;
  const http::Field* type = head.fields.Find(http::FieldId::kContentType);
  return type != nullptr &&
         http::EqualsIgnoringCase(type->value.substr(0, kEventStream.size()), kEventStream);
}

}  // namespace naru::call
