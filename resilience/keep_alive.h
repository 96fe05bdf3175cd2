// When an HTTP/2 connection to an endpoint is to be asked whether it is still alive, and when it is given up.
//
// A peer that vanished without FIN is noticed by nobody but who asks: a PING while calls wait on a silent
// connection, and one before a connection that lay idle for long is used again (RFC 9113 6.7). Pure: the
// caller sends the PING and closes the connection.
#pragma once

#include <optional>

#include "resilience/time.h"

namespace naru::resilience {

struct KeepAlivePolicy {
  Duration ask_after = std::chrono::seconds(30);      // silence while streams are open
  Duration answer_within = std::chrono::seconds(10);  // of a PING
  Duration trusted_for = std::chrono::seconds(10);    // idle for less, a connection is used without asking
  Duration idle_limit = std::chrono::seconds(60);     // without a stream
};

class KeepAlive {
 public:
  explicit KeepAlive(TimePoint now, const KeepAlivePolicy& policy = {}) : policy_(policy), heard_at_(now) {}

  enum class Verdict : uint8_t {
    kFine,
    kAsk,     // send a PING and tell Asked
    kSilent,  // it did not answer: give it up
    kIdle,    // nobody has needed it for long: close it in order
  };

  // Anything was received.
  void Heard(TimePoint now) {
    heard_at_ = now;
    asked_at_.reset();
  }
  void Asked(TimePoint now) {
    if (!asked_at_) asked_at_ = now;
  }
  // Streams are open, or none has been since now.
  void Used(TimePoint now) { used_at_ = now; }

  Verdict Check(bool has_streams, TimePoint now) const;
  // True if a call may be sent without asking first.
  bool Trusted(bool has_streams, TimePoint now) const;
  // When Check has something new to say.
  TimePoint NextCheck(bool has_streams) const;

 private:
  const KeepAlivePolicy policy_;
  TimePoint heard_at_;
  TimePoint used_at_{};
  std::optional<TimePoint> asked_at_;  // of a PING that nothing has followed
};

}  // namespace naru::resilience
