#include "sidecar/call/resolve_service.h"

#include <utility>

namespace naru::call {
namespace {

// Nothing when the call's service was found.
std::optional<NamingFailure> Resolve(Call& call) {
  const http::Field* host = call.head.fields.Find(http::FieldId::kHost);
  std::variant<Target, NamingFailure> resolved =
      call.snapshot->directory().Resolve({call.service_port, call.head.method, call.head.target,
                                          host == nullptr ? std::string_view() : host->value, call.grpc});
  if (NamingFailure* failure = std::get_if<NamingFailure>(&resolved)) return std::move(*failure);
  call.target = std::move(std::get<Target>(resolved));
  call.callee = &call.snapshot->CalleeOf(*call.target.service);
  call.plan = &call.callee->PlanOf(call.target.route);
  if (call.target.service->discovered) call.callee->used->store(true, std::memory_order_relaxed);
  http::MarkHopByHop(call.head.fields);
  return std::nullopt;
}

}  // namespace

// No coroutine of its own: a call that names a known service needs no frame here.
net::Task<Result<Response>> ResolveService::Handle(Call& call, Next next) {
  std::optional<NamingFailure> unknown = Resolve(call);
  return unknown ? Discover(call, next, *std::move(unknown)) : next(call);
}

net::Task<Result<Response>> ResolveService::Discover(Call& call, Next next, NamingFailure unknown) {
  if (!unknown.candidate.empty()) {
    Discovered found = co_await discovery_.Find(call, unknown.candidate);
    if (call.cancellation.cancelled()) co_return call.cancellation.failure();
    if (found.snapshot != nullptr) {
      call.snapshot = std::move(found.snapshot);
      std::optional<NamingFailure> still = Resolve(call);
      if (!still) co_return co_await next(call);
      unknown = *std::move(still);
    }
    if (!found.why_not.empty()) unknown.detail += "; " + found.why_not;
    if (found.exists) unknown.kind = FailureKind::kNoEndpoint;
  }
  call.named = std::move(unknown.name);
  co_return Failure{unknown.kind, std::move(unknown.detail)};
}

}  // namespace naru::call
