// An application that calls the Echo service as its test says, all calls over one channel, and reports what
// it saw.
//
//   echo_client TARGET [AUTHORITY]    the authority that names the service, if it is not the target's
//
// Ends when its standard input does.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "echo.grpc.pb.h"
#include "remote_control.h"

namespace naru::test {
namespace {

using grpc::ClientContext;
using grpc::Status;

const char* CodeName(grpc::StatusCode code) {
  static constexpr std::array kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return kNames.at(static_cast<size_t>(code));
}

// The messages that a call sends, as the test hands them over.
class Outbox {
 public:
  void Put(Request request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
  }

  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // Waits for the next one; nothing when there will be none.
  std::optional<Request> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !requests_.empty(); });
    if (requests_.empty()) return std::nullopt;
    Request request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  bool closed_ = false;
};

// One call, on a thread of its own.
class ClientCall {
 public:
  ClientCall(std::string name, const Start& start, Echo::Stub& stub, EventWriter& events)
      : name_(std::move(name)), stub_(stub), events_(events) {
    for (const auto& [key, value] : start.metadata()) context_.AddMetadata(key, value);
    if (start.deadline_ms() > 0) {
      context_.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::milliseconds(start.deadline_ms()));
    }
    thread_ = std::thread(&ClientCall::Run, this, start.method());
  }

  ~ClientCall() {
    context_.TryCancel();
    outbox_.Close();
    thread_.join();
  }

  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;

  void Obey(ClientCommand& command) {
    if (command.has_send()) outbox_.Put(std::move(*command.mutable_send()));
    if (command.half_close()) outbox_.Close();
    if (command.cancel()) context_.TryCancel();
  }

 private:
  void Run(const std::string& method) {
    const Status status = Carry(method);
    ClientEvent event;
    End& end = *event.mutable_end();
    end.set_code(CodeName(status.error_code()));
    end.set_message(status.error_message());
    AddEntries(*end.mutable_initial(), context_.GetServerInitialMetadata());
    AddEntries(*end.mutable_trailing(), context_.GetServerTrailingMetadata());
    Report(std::move(event));
  }

  Status Carry(const std::string& method) {
    if (method == "Unary") return Unary();
    if (method == "ServerStream") return ServerStream();
    if (method == "ClientStream") return ClientStream();
    if (method == "BidiStream") return BidiStream();
    return Status(grpc::StatusCode::UNIMPLEMENTED, "echo_client knows no method " + method);
  }

  Status Unary() {
    Reply reply;
    Status status = stub_.Unary(&context_, outbox_.Take().value_or(Request()), &reply);
    if (status.ok()) ReportReply(std::move(reply));
    return status;
  }

  Status ServerStream() {
    const auto stream = stub_.ServerStream(&context_, outbox_.Take().value_or(Request()));
    ReadReplies(*stream);
    return stream->Finish();
  }

  Status ClientStream() {
    Reply reply;
    const auto stream = stub_.ClientStream(&context_, &reply);
    WriteRequests(*stream);
    Status status = stream->Finish();
    if (status.ok()) ReportReply(std::move(reply));
    return status;
  }

  Status BidiStream() {
    const auto stream = stub_.BidiStream(&context_);
    std::thread writing([&] { WriteRequests(*stream); });
    ReadReplies(*stream);
    outbox_.Close();
    writing.join();
    return stream->Finish();
  }

  template <typename Stream>
  void WriteRequests(Stream& stream) {
    while (const std::optional<Request> request = outbox_.Take()) {
      if (!stream.Write(*request)) return;
    }
    stream.WritesDone();
  }

  template <typename Stream>
  void ReadReplies(Stream& stream) {
    stream.WaitForInitialMetadata();
    ClientEvent head;
    AddEntries(*head.mutable_head()->mutable_metadata(), context_.GetServerInitialMetadata());
    Report(std::move(head));
    for (Reply reply; stream.Read(&reply);) ReportReply(std::move(reply));
  }

  void ReportReply(Reply reply) {
    ClientEvent event;
    *event.mutable_reply() = std::move(reply);
    Report(std::move(event));
  }

  void Report(ClientEvent event) {
    event.set_call(name_);
    events_.Write(std::move(event));
  }

  const std::string name_;
  Echo::Stub& stub_;
  EventWriter& events_;
  ClientContext context_;
  Outbox outbox_;
  std::thread thread_;
};

std::shared_ptr<grpc::Channel> Connect(const std::string& target, const char* authority) {
  grpc::ChannelArguments arguments;
  if (authority != nullptr) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, authority);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES,
                   0);  // whoever tries again in these tests, it is not the application
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

void Obey(Echo::Stub& stub) {
  EventWriter events(std::cout);
  std::map<std::string, ClientCall> calls;
  for (ClientCommand command; ReadCommand(std::cin, command); command.Clear()) {
    const auto [call, is_new] =
        calls.try_emplace(command.call(), command.call(), command.start(), stub, events);
    if (!is_new) call->second.Obey(command);
  }
}

}  // namespace
}  // namespace naru::test

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: echo_client TARGET [AUTHORITY]\n";
    return 2;
  }
  const auto channel = naru::test::Connect(argv[1], argc > 2 ? argv[2] : nullptr);
  naru::test::Obey(*naru::test::Echo::NewStub(channel));
}
