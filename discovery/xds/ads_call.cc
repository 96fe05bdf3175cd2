#include "discovery/xds/ads_call.h"

#include <grpc/support/log.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_callback.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

constexpr char kMethod[] = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
constexpr int kMostBytes = 64 * 1024 * 1024;  // of one response: 1,000 clusters of 50 endpoints are 3 MiB
constexpr int kConnectTimeoutMs = 5'000;
constexpr int kDnsTimeoutMs = 5'000;
// As gRPC's own xDS client: gRPC servers end connections of clients that ping more often by default.
constexpr int kKeepAliveMs = 5 * 60 * 1'000;
constexpr int kKeepAliveTimeoutMs = 20'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("naru-xds");
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // naru itself may be $http_proxy
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);     // whoever opens streams decides when to try again
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // no back-off is left over from an earlier stream
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);  // one connect's time
  arguments.SetInt(GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, kDnsTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepAliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepAliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetMaxReceiveMessageSize(kMostBytes);
  return arguments;
}

// An IPv6 address's brackets cannot stand in a URI's path.
std::string TargetOf(const std::string& server) {
  std::string target = "dns:///";
  for (const char c : server) {
    if (c == '[') {
      target += "%5B";
    } else if (c == ']') {
      target += "%5D";
    } else {
      target += c;
    }
  }
  return target;
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

std::string WhyOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return "the server ended the stream";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED: what listens there does not serve ADS of xDS v3";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE: " + status.error_message();
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED: " + status.error_message();
    default:
      return "gRPC status " + std::to_string(status.error_code()) + ": " + status.error_message();
  }
}

// What gRPC would print on standard error is in what is reported, and the log is JSON lines.
void SaysNothing(gpr_log_func_args*) {}

// Lets one thread wait until another is done. Held by both, so that it outlives whoever is quicker.
class Latch {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

}  // namespace

// gRPC's threads call On..., everything else is on the thread of the io_context. Whatever is posted to it
// holds the stream; gRPC does not, so the AdsCall keeps it until OnDone.
class AdsCall::Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                              public std::enable_shared_from_this<Stream> {
 public:
  Stream(asio::io_context& io, const std::string& server, Events events)
      : io_(io),
        events_(std::move(events)),
        stub_(grpc::CreateCustomChannel(TargetOf(server), grpc::InsecureChannelCredentials(), Arguments())) {}

  void Begin() {
    stub_.PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
    AddHold();  // until LetGo: reads and writes are started from outside of gRPC's threads
    StartRead(&incoming_);
    StartCall();
  }

  void Send(const std::string& bytes) {
    if (let_go_) return;  // `ended` is on its way
    const grpc::Slice slice(bytes);
    outgoing_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&outgoing_);
  }

  void Retire() {
    retired_ = true;
    context_.TryCancel();
    LetGo();
    done_->Wait();
  }

 private:
  void OnWriteDone(bool ok) override {
    if (ok) Post(&Stream::HandleSent);
  }
  void OnReadDone(bool ok) override { Post(ok ? &Stream::HandleReceived : &Stream::LetGo); }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    Post(&Stream::HandleEnded);
    const std::shared_ptr<Latch> done = done_;
    done->Open();
  }

  void Post(void (Stream::*handler)()) {
    asio::post(io_, [self = shared_from_this(), handler] { ((*self).*handler)(); });
  }

  void HandleSent() {
    if (!retired_) events_.sent();
  }
  void HandleReceived() {
    if (retired_) return;
    std::string bytes = BytesOf(incoming_);
    incoming_.Clear();
    events_.received(std::move(bytes));
    if (!retired_) StartRead(&incoming_);
  }
  void HandleEnded() {
    if (!retired_) events_.ended(WhyOf(status_));
  }
  // Nothing is read or written any more, so that gRPC can finish.
  void LetGo() {
    if (!std::exchange(let_go_, true)) RemoveHold();
  }

  asio::io_context& io_;
  const Events events_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  grpc::Status status_;
  const std::shared_ptr<Latch> done_ = std::make_shared<Latch>();
  bool let_go_ = false;
  bool retired_ = false;
};

AdsCall::AdsCall(asio::io_context& io, const std::string& server, Events events) {
  gpr_set_log_function(SaysNothing);
  stream_ = std::make_shared<Stream>(io, server, std::move(events));
  stream_->Begin();
}

AdsCall::~AdsCall() {
  stream_->Retire();
}

void AdsCall::Send(const std::string& bytes) {
  stream_->Send(bytes);
}

}  // namespace naru::discovery
