// Sends DNS questions over UDP, over TCP where an answer is truncated, and again where none comes: c-ares on
// Asio.
//
// On the thread of the io_context, which outlives it. The only file that knows c-ares. Made anew rather than
// repaired: a channel of c-ares 1.18 that met a refused connection may stay broken.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/address.h"
#include "discovery/dns/dns_message.h"
#include "discovery/time.h"

namespace naru::discovery {

struct DnsChannelOptions {
  Duration timeout = std::chrono::milliseconds(500);  // of the first try; of every further one twice the last
  int tries = 2;                                      // at each server
};

class DnsChannel {
 public:
  // A message as it came, whatever its response code; or, where none came, a clause that can follow the names
  // of the servers: "did not answer".
  using OnReply = std::function<void(absl::StatusOr<std::string>)>;

  // Asks the servers in this order, each once and then each again. There is one at least.
  static absl::StatusOr<std::unique_ptr<DnsChannel>> Open(boost::asio::io_context& io,
                                                          const std::vector<Address>& servers,
                                                          const DnsChannelOptions& options);
  // Nothing is reported any more.
  ~DnsChannel();

  // Replies once, and never before it has returned.
  void Ask(const DnsQuestion& question, OnReply on_reply);

 private:
  class Impl;
  explicit DnsChannel(std::shared_ptr<Impl> impl);

  // Shared with the handlers that Asio still holds when the channel is gone.
  std::shared_ptr<Impl> impl_;
};

}  // namespace naru::discovery
