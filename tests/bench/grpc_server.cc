// The gRPC service behind the proxies of compare.sh: gRPC's own C++ server, with any message and without a
// .proto.
//
//   grpc_server PORT    /bench.Echo/Hold answers its head and then stays silent; every other method answers
//   with the first message it was sent
//
// Not for anything but measuring.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <memory>
#include <string>

namespace {

class Call final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(const grpc::GenericCallbackServerContext& context)
      : holds_(context.method() == "/bench.Echo/Hold") {
    if (holds_) {
      StartSendInitialMetadata();
    } else {
      StartRead(&message_);
    }
  }

  void OnReadDone(bool came) override {
    if (came) {
      StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no message"));
    }
  }

  void OnCancel() override {
    if (holds_) Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override { delete this; }

 private:
  const bool holds_;
  grpc::ByteBuffer message_;
};

class Service final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(*context);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grpc_server PORT\n");
    return 2;
  }
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) {
    std::fprintf(stderr, "grpc_server: cannot listen\n");
    return 1;
  }
  server->Wait();
}
