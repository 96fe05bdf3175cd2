#include "sidecar/health/grpc_check.h"

#include <grpc/support/log.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "sidecar/health/health_message.h"

namespace naru::health {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr char kMethod[] = "/grpc.health.v1.Health/Check";
constexpr int kMaxAnswerBytes = 1024;
constexpr milliseconds kShortestBackoff(100);  // gRPC takes nothing below

// "ipv4:10.0.1.11:8080" or "ipv6:%5Bfd00::1%5D:8080": an address, so that nothing is looked up.
std::string TargetOf(const discovery::Address& address) {
  if (address.is_v4()) return "ipv4:" + address.ToString();
  const std::string port = std::to_string(address.port);
  return "ipv6:%5B" + discovery::IpToString(address.ip) + "%5D:" + port;
}

int BackoffMs(resilience::Duration duration) {
  const auto backoff = std::chrono::duration_cast<milliseconds>(duration);
  return static_cast<int>(std::max(backoff, kShortestBackoff).count());
}

grpc::ChannelArguments ArgumentsFor(const CheckedEndpoint& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, endpoint.service);  // as the calls to it say
  arguments.SetUserAgentPrefix("naru-health-check");
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // naru itself may be $http_proxy
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);     // the next check is the retry
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A check that falls into the backoff fails unasked, so an endpoint that came back has to be noticed by the
  // check after the next at the latest.
  const int backoff = BackoffMs(endpoint.policy.interval / 2);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, backoff);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, backoff);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   BackoffMs(endpoint.policy.timeout));  // one connect's time
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  return arguments;
}

std::string NameOfCode(grpc::StatusCode code) {
  constexpr std::string_view kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? std::string(kNames[index]) : "code " + std::to_string(index);
}

std::string WhatIsWrong(const grpc::Status& status, const std::string& name) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED: the server does not implement grpc.health.v1.Health; let it, or check a path";
    case grpc::StatusCode::NOT_FOUND:
      return "NOT_FOUND: the server's health service does not know \"" + name + "\"";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED: no answer within health_check.timeout";
    default:
      return NameOfCode(status.error_code()) + ": " + status.error_message();
  }
}

CheckResult ResultOf(const grpc::ByteBuffer& answer) {
  grpc::Slice slice;
  std::optional<uint64_t> status;
  if (answer.DumpToSingleSlice(&slice).ok()) {
    status = DecodeHealthCheckResponse({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  }
  if (!status) return CheckResult::Bad("the answer is no HealthCheckResponse");
  return *status == kServing ? CheckResult::Good() : CheckResult::Bad(NameOfServingStatus(*status));
}

// One question. gRPC writes into it from a thread of its own until the answer is posted to the executor.
struct Exchange {
  explicit Exchange(const asio::any_io_executor& executor)
      : answered(executor, asio::steady_timer::time_point::max()) {}

  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::Status status;
  asio::steady_timer answered;  // cancelled when it is
};

class GrpcCheck final : public Check {
 public:
  GrpcCheck(asio::any_io_executor executor, const CheckedEndpoint& endpoint)
      : executor_(std::move(executor)),
        name_(*endpoint.policy.grpc),
        timeout_(endpoint.policy.timeout),
        stub_(grpc::CreateCustomChannel(TargetOf(endpoint.address), grpc::InsecureChannelCredentials(),
                                        ArgumentsFor(endpoint))) {}

  asio::awaitable<CheckResult> Ask() override;
  void Abandon() override;

 private:
  void Start(std::shared_ptr<Exchange> exchange);

  const asio::any_io_executor executor_;
  const std::string name_;
  const resilience::Duration timeout_;
  grpc::GenericStub stub_;
  std::weak_ptr<Exchange> going_on_;
};

asio::awaitable<CheckResult> GrpcCheck::Ask() {
  auto exchange = std::make_shared<Exchange>(executor_);
  going_on_ = exchange;
  Start(exchange);
  co_await exchange->answered.async_wait(asio::as_tuple(asio::use_awaitable));
  const bool answered = exchange->status.ok();
  co_return answered ? ResultOf(exchange->response) : CheckResult::Bad(WhatIsWrong(exchange->status, name_));
}

void GrpcCheck::Start(std::shared_ptr<Exchange> exchange) {
  const grpc::Slice slice(EncodeHealthCheckRequest(name_));
  exchange->request = grpc::ByteBuffer(&slice, 1);
  exchange->context.set_deadline(std::chrono::system_clock::now() + timeout_);
  Exchange& asked = *exchange;
  // The exchange has to end on the executor's thread: gRPC's thread hands over the reference that it holds.
  auto done = [exchange = std::move(exchange)](grpc::Status status) mutable {
    exchange->status = std::move(status);
    const auto executor = exchange->answered.get_executor();
    asio::post(executor, [exchange = std::move(exchange)] { exchange->answered.cancel(); });
  };
  stub_.UnaryCall(&asked.context, kMethod, grpc::StubOptions(), &asked.request, &asked.response,
                  std::move(done));
}

void GrpcCheck::Abandon() {
  if (const std::shared_ptr<Exchange> exchange = going_on_.lock()) exchange->context.TryCancel();
}

// What gRPC would print on standard error is in the results of the checks, and the log is JSON lines.
void SaysNothing(gpr_log_func_args*) {}

}  // namespace

std::unique_ptr<Check> MakeGrpcCheck(boost::asio::any_io_executor executor, const CheckedEndpoint& endpoint) {
  gpr_set_log_function(SaysNothing);
  return std::make_unique<GrpcCheck>(std::move(executor), endpoint);
}

}  // namespace naru::health
