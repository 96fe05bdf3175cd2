// A layer in place of SendUpstream: gives the results of a script, each after its time, and writes down what
// reached it. Without a script every attempt is answered 200 at once.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/call/attempt.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru {

class ScriptedUpstream final : public call::Layer {
 public:
  explicit ScriptedUpstream(net::Scheduler& scheduler) : scheduler_(scheduler), began_(scheduler.now()) {}

  // What comes of the next attempts, in this order. `fields` are the answer's, such as "retry-after: 1\r\n".
  void Answers(int status, std::string fields = {}, net::Duration after = {}) {
    script_.push_back({status, std::move(fields), std::nullopt, after, false});
  }
  // An answer whose body is still to come, as its trailers are.
  void BeginsToAnswer(int status, std::string fields = {}) {
    script_.push_back({status, std::move(fields), std::nullopt, {}, true});
  }
  void Fails(call::FailureKind kind, std::string detail = {}, net::Duration after = {}) {
    script_.push_back({0, {}, call::Failure{kind, std::move(detail)}, after, false});
  }
  // Never answers; ends when the call is cancelled.
  void StaysSilent() { Answers(200, {}, std::chrono::hours(1)); }
  // What comes of attempts beyond the script.
  void AlwaysAnswers(int status) { otherwise_.status = status; }
  void AlwaysFails(call::FailureKind kind) { otherwise_.failure = call::Failure{kind, {}}; }
  // Asked for a step whenever an attempt begins for which the script has none.
  void Improvise(std::function<void()> next_step) { improvise_ = std::move(next_step); }
  // Attempts read the whole request body before they end as scripted; what they read is written down.
  void ReadsBodies() { reads_bodies_ = true; }

  net::Task<call::Result<call::Response>> Handle(call::Call& call, call::Next next) override;

  // An entry for every attempt: "0 ms", "25 ms to 10.0.0.1:80", "0 ms with hello".
  std::vector<std::string> attempts;
  // Attempts whose answer nobody has ended yet.
  int open() const { return open_; }

 private:
  struct Step {
    int status = 200;
    std::string fields;
    std::optional<call::Failure> failure;
    net::Duration after{};
    bool has_body = false;
  };
  class Answer;

  Step Take();
  void WriteDown(const call::Call& call);
  net::Task<std::optional<call::Failure>> ReadBody(call::Call& call);

  net::Scheduler& scheduler_;
  const net::TimePoint began_;
  std::deque<Step> script_;
  Step otherwise_;
  std::function<void()> improvise_;
  bool reads_bodies_ = false;
  int open_ = 0;
};

}  // namespace naru
