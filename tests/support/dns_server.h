// A DNS server on a port of 127.0.0.1 that the system chose, or had chosen before, UDP and TCP, which says
// what a test tells it to. Runs on the io_context of the test.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "tests/support/dns_messages.h"

namespace naru::discovery {

class DnsServer {
 public:
  struct Query {
    uint16_t id = 0;
    DnsQuestion question;
    bool tcp = false;
    uint16_t from_port = 0;
  };
  // The whole message to answer with, or nothing to say nothing.
  using Script = std::function<std::optional<std::string>(const Query&)>;

  DnsServer(boost::asio::io_context& io, Script script, uint16_t port = 0);
  ~DnsServer();

  Address address() const;
  const std::vector<Query>& queries() const;
  int Count(const DnsQuestion& question) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Runs the io_context until something is so; false when that is not within ten seconds.
[[nodiscard]] bool RunUntil(boost::asio::io_context& io, const std::function<bool()>& happened);

// Runs it for a while, for what is not to happen.
void RunFor(boost::asio::io_context& io, std::chrono::milliseconds time);

}  // namespace naru::discovery
