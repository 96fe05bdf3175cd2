// Asks the DNS one question at a time of many: which servers, which of them next, how fast, and under which
// names.
//
// On the thread of the io_context. Keeps nothing of what it hears. One channel for all, made anew where it
// failed, where the servers have changed, and where the first server answers that it cannot: then the next
// one is first.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "discovery/dns/dns_answer.h"
#include "discovery/dns/dns_channel.h"
#include "discovery/settings.h"

namespace naru::discovery {

struct ResolverOptions {
  DnsSettings settings;
  std::string resolv_conf = "/etc/resolv.conf";
  DnsChannelOptions channel;
};

class Resolver {
 public:
  // Fails with a sentence: what was asked, what happened, and what to do about it.
  using OnAnswer = std::function<void(absl::StatusOr<DnsAnswer>)>;

  Resolver(boost::asio::io_context& io, ResolverOptions options);
  // Nobody is answered any more.
  ~Resolver();

  // Answers once, and never before it has returned. There is no limit to how many wait here: those who ask
  // each have one question under way.
  void Ask(DnsQuestion question, OnAnswer on_answer);

 private:
  class Impl;
  // Shared with the handlers that Asio still holds when the resolver is gone.
  std::shared_ptr<Impl> impl_;
};

}  // namespace naru::discovery
