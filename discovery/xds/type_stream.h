// One resource type within an ADS stream, state of the world: what to ask for, which answer to acknowledge,
// and what has not come though it was asked for. Knows no socket, no clock and no message's content.
//
//   (names change, new stream, response read) --> Take() --> Sent(now) --15 s without it--> TakeOverdue(now)
//
// The version outlives streams, the nonce does not (xDS protocol, "ACK/NACK and resource type
// instance version").
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/time.h"
#include "discovery/xds/ads_message.h"

namespace naru::discovery {

class TypeStream {
 public:
  // xDS protocol, "Knowing When a Requested Resource Does Not Exist".
  static constexpr Duration kMissingAfter = std::chrono::seconds(15);

  explicit TypeStream(ResourceType type) : type_(type) {}

  // What is wanted from now on. What is new is awaited.
  void Want(const std::string& name);
  void GiveUp(const std::string& name);
  void WantOnly(const std::set<std::string>& names);
  bool Wants(const std::string& name) const { return names_.contains(name); }

  // The stream ended: the next one begins anew.
  void Ended();

  // What is to be sent now, without the node. Requests that were not taken are superseded by later ones.
  std::optional<AdsRequest> Take();
  void Sent(TimePoint now);

  void Accept(const std::string& version, const std::string& nonce);
  void Reject(const std::string& nonce, std::string error);
  void Arrived(const std::string& name) { awaited_.erase(name); }

  // A response has been read from this stream.
  bool answered() const { return answered_; }

  // Something is wanted again that was given up on this stream. Servers are known that do not send it again
  // until there is a new stream (go-control-plane issue 431).
  bool stale() const { return stale_; }

  // Each once a stream.
  std::vector<std::string> TakeOverdue(TimePoint now);
  std::optional<TimePoint> NextDue() const;

 private:
  struct Awaited {
    bool asked = false;
    bool in_flight = false;
    std::optional<TimePoint> due;  // none once it was told
  };

  ResourceType type_;
  std::set<std::string> names_;
  std::map<std::string, Awaited> awaited_;  // of names_
  std::set<std::string> given_up_;          // on this stream
  std::string version_;
  std::string nonce_;
  std::string error_;
  bool asked_ = false;  // on this stream
  bool answered_ = false;
  bool stale_ = false;
  bool to_send_ = true;
};

}  // namespace naru::discovery
