// grpc.health.v1.Health for naru itself, on the admin port: what an orchestrator that speaks gRPC asks
// instead of /readyz (grpc/doc/health-checking.md).
//
// Sans-I/O: one object a connection, bytes in and bytes out. It knows the services "" and "naru", which are
// the same: serving when /readyz says ready.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "sidecar/http/http2_session.h"

namespace naru::admin {

class GrpcHealth final : private http::Http2Session::Events {
 public:
  static constexpr size_t kMaxMessageBytes = 1024;  // of a request: a name
  static constexpr size_t kMaxStreams = 64;

  // `serving` is asked at every check.
  explicit GrpcHealth(std::function<bool()> serving);
  ~GrpcHealth();

  // Takes what the client sent, the preface first. False when the connection is over but for TakeOutput.
  [[nodiscard]] bool Receive(std::string_view bytes);
  // What is to be sent.
  std::string TakeOutput();
  // Tells those who watch when the state has changed. To be called now and then while `watched`.
  void Poll();
  bool watched() const { return watchers_ > 0; }

 private:
  class Stream;

  http::Http2StreamHandler* OnRequest(int32_t stream) override;
  void OnSettings() override {}
  void OnGoAway(http::Http2Error) override {}
  void OnPingAnswered() override {}
  void OnUnsendable(int32_t) override {}

  const std::function<bool()> serving_;
  http::Http2Session session_;
  std::list<std::unique_ptr<Stream>> streams_;
  size_t watchers_ = 0;
};

}  // namespace naru::admin
