#include "sidecar/call/resolve_service.h"

#include <utility>

namespace naru::call {

net::Task<Result<Response>> ResolveService::Handle(Call& call, Next next) {
  const http::Field* host = call.head.fields.Find(http::FieldId::kHost);
  std::variant<Target, NamingFailure> resolved =
      call.snapshot->directory().Resolve({call.service_port, call.head.method, call.head.target,
                                          host == nullptr ? std::string_view() : host->value});
  if (NamingFailure* failure = std::get_if<NamingFailure>(&resolved)) {
    call.named = std::move(failure->name);
    co_return Failure{failure->kind, std::move(failure->detail)};
  }
  call.target = std::move(std::get<Target>(resolved));
  call.callee = &call.snapshot->CalleeOf(*call.target.service);
  call.plan = &call.callee->PlanOf(call.target.route);
  http::MarkHopByHop(call.head.fields);
  co_return co_await next(call);
}

}  // namespace naru::call
