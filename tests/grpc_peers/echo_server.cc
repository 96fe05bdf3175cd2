// A gRPC service that does what a request's script says, and tells its test about every call.
//
//   echo_server [SCRIPT]    the script, as JSON, of requests that carry none
//
// Listens on a port of the system's choice, says which, and ends when its standard input does.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "echo.grpc.pb.h"
#include "remote_control.h"

namespace naru::test {
namespace {

using grpc::ServerContext;
using grpc::Status;

// Once opened, a gate stays open.
class Gates {
 public:
  void Open(const std::string& name) {
    const std::lock_guard lock(mutex_);
    open_.insert(name);
    opened_.notify_all();
  }

  // False if the call was cancelled meanwhile. gRPC has nothing to wait for both, so it looks at the call now
  // and then.
  bool Pass(const std::string& name, const ServerContext& context) {
    std::unique_lock lock(mutex_);
    while (!opened_.wait_for(lock, kLookAtCall, [&] { return open_.contains(name); })) {
      if (context.IsCancelled()) return false;
    }
    return true;
  }

 private:
  static constexpr std::chrono::milliseconds kLookAtCall{5};

  std::mutex mutex_;
  std::condition_variable opened_;
  std::set<std::string> open_;
};

// What all calls of this process share.
struct Shared {
  EventWriter events{std::cout};
  Gates gates;
  Script script;        // of requests that carry none
  std::string address;  // what Reply.server says
  std::atomic<int> calls{0};

  // Counts the calls with this text: true for the first `times` of them, or for all if that is 0.
  bool FailsNow(const std::string& text, int times) {
    const std::lock_guard lock(mutex);
    return ++failures[text] <= times || times == 0;
  }

  std::mutex mutex;
  std::map<std::string, int> failures;
};

double RemainingMs(const ServerContext& context) {
  if (context.deadline() == std::chrono::system_clock::time_point::max()) return -1;
  return std::chrono::duration<double, std::milli>(context.deadline() - std::chrono::system_clock::now())
      .count();
}

// One call from its begin, which it reports, to its end. Lives on the stack of the call's thread.
class Visit {
 public:
  Visit(Shared& shared, ServerContext& context, const char* method)
      : shared_(shared), context_(context), number_(shared.calls++) {
    ServerEvent event;
    event.set_call(number_);
    event.mutable_began()->set_method(method);
    event.mutable_began()->set_authority(
        std::string(context.ExperimentalGetAuthority().data(), context.ExperimentalGetAuthority().size()));
    AddEntries(*event.mutable_began()->mutable_metadata(), context.client_metadata());
    event.mutable_began()->set_remaining_ms(RemainingMs(context));
    shared_.events.Write(event);
  }

  ~Visit() {
    ServerEvent event;
    event.set_call(number_);
    event.mutable_ended()->set_cancelled(context_.IsCancelled());
    shared_.events.Write(event);
  }

  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  // Takes the script of the first message; initial metadata leaves at once through `stream` if it says so.
  template <typename Stream>
  void Follow(const Request& request, Stream& stream) {
    script_ = request.has_script() ? request.script() : shared_.script;
    for (const auto& [key, value] : script_.initial()) context_.AddInitialMetadata(key, value);
    for (const auto& [key, value] : script_.trailing()) context_.AddTrailingMetadata(key, value);
    fails_ = script_.fail_code() != 0 && shared_.FailsNow(request.text(), script_.fail_times());
    if (script_.head_first()) stream.SendInitialMetadata();
  }

  // Waits if the script has a gate before what comes next. False when the call was cancelled.
  bool Pass() {
    if (script_.gate().empty() || script_.gate_before() != replies_) return !context_.IsCancelled();
    return shared_.gates.Pass(script_.gate(), context_);
  }

  Reply NextReply(const std::string& text) {
    Reply reply;
    reply.set_text(text);
    reply.set_number(replies_++);
    reply.set_server(shared_.address);
    reply.set_padding(std::string(script_.reply_bytes(), 'x'));
    return reply;
  }

  bool fails() const { return fails_; }
  bool all_replied() const { return replies_ >= script_.replies(); }

  Status Verdict() const {
    if (!fails_) return Status::OK;
    return Status(static_cast<grpc::StatusCode>(script_.fail_code()), script_.fail_message());
  }

 private:
  Shared& shared_;
  ServerContext& context_;
  const int number_;
  Script script_;
  int replies_ = 0;
  bool fails_ = false;
};

// Unary as a stream of one message: only so can the initial metadata leave before the answer.
class EchoService final : public Echo::WithStreamedUnaryMethod_Unary<Echo::Service> {
 public:
  explicit EchoService(Shared& shared) : shared_(shared) {}

  Status StreamedUnary(ServerContext* context, grpc::ServerUnaryStreamer<Request, Reply>* stream) override {
    Visit visit(shared_, *context, "Unary");
    Request request;
    if (!stream->Read(&request)) return Status::CANCELLED;
    visit.Follow(request, *stream);
    if (!visit.Pass()) return Status::CANCELLED;
    if (!visit.fails()) stream->Write(visit.NextReply(request.text()));
    return visit.Verdict();
  }

  Status ServerStream(ServerContext* context, const Request* request,
                      grpc::ServerWriter<Reply>* stream) override {
    Visit visit(shared_, *context, "ServerStream");
    visit.Follow(*request, *stream);
    while (!visit.all_replied()) {
      if (!visit.Pass() || !stream->Write(visit.NextReply(request->text()))) return Status::CANCELLED;
    }
    return visit.Pass() ? visit.Verdict() : Status::CANCELLED;
  }

  Status ClientStream(ServerContext* context, grpc::ServerReader<Request>* stream, Reply* reply) override {
    Visit visit(shared_, *context, "ClientStream");
    std::string texts;
    Request request;
    for (bool first = true; stream->Read(&request); first = false) {
      if (first) visit.Follow(request, *stream);
      texts += (first ? "" : " ") + request.text();
    }
    if (!visit.Pass()) return Status::CANCELLED;
    if (!visit.fails()) *reply = visit.NextReply(texts);
    return visit.Verdict();
  }

  Status BidiStream(ServerContext* context, grpc::ServerReaderWriter<Reply, Request>* stream) override {
    Visit visit(shared_, *context, "BidiStream");
    Request request;
    for (bool first = true; stream->Read(&request); first = false) {
      if (first) visit.Follow(request, *stream);
      if (!visit.Pass()) return Status::CANCELLED;
      if (visit.fails() && visit.all_replied()) return visit.Verdict();
      if (!stream->Write(visit.NextReply(request.text()))) return Status::CANCELLED;
    }
    return visit.Pass() ? visit.Verdict() : Status::CANCELLED;
  }

 private:
  Shared& shared_;
};

void Obey(const ServerCommand& command, Shared& shared) {
  if (command.has_open()) shared.gates.Open(command.open());
  if (command.has_catch_up()) {
    ServerEvent event;
    event.set_caught_up(true);
    shared.events.Write(event);
  }
}

void Serve(const std::string& script) {
  Shared shared;
  ParseOrDie(script, shared.script);
  EchoService service(shared);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  shared.address = "127.0.0.1:" + std::to_string(port);
  ServerEvent listening;
  listening.set_listening(port);
  shared.events.Write(listening);
  for (ServerCommand command; ReadCommand(std::cin, command); command.Clear()) Obey(command, shared);
  server->Shutdown(std::chrono::system_clock::now());  // cancels what is still there
}

}  // namespace
}  // namespace naru::test

int main(int argc, char** argv) {
  naru::test::Serve(argc > 1 ? argv[1] : "{}");
}
