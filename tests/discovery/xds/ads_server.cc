#include "tests/discovery/xds/ads_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <utility>

#include "discovery/xds/ads.pb.h"
#include "tests/discovery/xds/messages.h"

namespace naru::discovery::test {
namespace {

AdsRequest Decode(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  xds::DiscoveryRequest message;
  if (!buffer.DumpToSingleSlice(&slice).ok() ||
      !message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return {.error = "NOT A DiscoveryRequest"};
  }
  AdsRequest request{.type = *TypeOfUrl(message.type_url()),
                     .version = message.version_info(),
                     .nonce = message.response_nonce(),
                     .names = {message.resource_names().begin(), message.resource_names().end()},
                     .node = std::nullopt,
                     .error = message.error_detail().message()};
  if (message.has_node()) request.node = AdsNode{message.node().id(), message.node().cluster()};
  return request;
}

}  // namespace

// What all streams share.
class AdsServer::Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  std::mutex mutex;
  std::vector<AdsRequest> requests;
  Stream* latest = nullptr;  // while it is open
  int begun = 0;
  int open = 0;
  bool serves_ads = true;
  std::unique_ptr<grpc::Server> server;
};

class AdsServer::Stream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Stream(Service& service) : service_(service) { StartRead(&incoming_); }

  // With the service's mutex.
  void Send(std::string bytes) {
    to_send_.push_back(std::move(bytes));
    if (to_send_.size() == 1) WriteFirst();
  }
  void End() {
    if (!std::exchange(ended_, true)) Finish(grpc::Status::OK);
  }

 private:
  void OnReadDone(bool ok) override {
    const std::lock_guard lock(service_.mutex);
    if (!ok) return End();
    service_.requests.push_back(Decode(incoming_));
    StartRead(&incoming_);
  }
  void OnWriteDone(bool) override {
    const std::lock_guard lock(service_.mutex);
    to_send_.pop_front();
    if (!to_send_.empty() && !ended_) WriteFirst();
  }
  void OnCancel() override {
    const std::lock_guard lock(service_.mutex);
    End();
  }
  void OnDone() override {
    {
      const std::lock_guard lock(service_.mutex);
      --service_.open;
      if (service_.latest == this) service_.latest = nullptr;
    }
    delete this;
  }
  void WriteFirst() {
    const grpc::Slice slice(to_send_.front());
    outgoing_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&outgoing_);
  }

  Service& service_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::deque<std::string> to_send_;  // the first one is being sent
  bool ended_ = false;
};

grpc::ServerGenericBidiReactor* AdsServer::Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  constexpr char kMethod[] =
      "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
  if (!serves_ads || context->method() != kMethod) {
    return grpc::CallbackGenericService::CreateReactor(context);  // UNIMPLEMENTED
  }
  const std::lock_guard lock(mutex);
  ++begun;
  ++open;
  latest = new Stream(*this);
  return latest;
}

AdsServer::AdsServer(uint16_t port, bool serves_ads) : service_(std::make_unique<Service>()) {
  service_->serves_ads = serves_ads;
  int chosen = 0;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &chosen);
  builder.RegisterCallbackGenericService(service_.get());
  service_->server = builder.BuildAndStart();
  port_ = static_cast<uint16_t>(chosen);
}

AdsServer::~AdsServer() {
  service_->server->Shutdown(std::chrono::system_clock::now());
}

std::string AdsServer::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

std::vector<AdsRequest> AdsServer::requests() const {
  const std::lock_guard lock(service_->mutex);
  return service_->requests;
}

int AdsServer::streams_begun() const {
  const std::lock_guard lock(service_->mutex);
  return service_->begun;
}

int AdsServer::streams_open() const {
  const std::lock_guard lock(service_->mutex);
  return service_->open;
}

void AdsServer::Send(const AdsResponse& response) {
  SendBytes(Encoded(response));
}

void AdsServer::SendBytes(const std::string& bytes) {
  const std::lock_guard lock(service_->mutex);
  if (service_->latest != nullptr) service_->latest->Send(bytes);
}

void AdsServer::EndStream() {
  const std::lock_guard lock(service_->mutex);
  if (service_->latest != nullptr) service_->latest->End();
}

}  // namespace naru::discovery::test
