// Looks hosts up as every program does: /etc/hosts, search domains and all that getaddrinfo(3) knows.
//
// getaddrinfo cannot be cut short, and with a dead DNS it takes ten seconds and more. So it runs on a thread
// that nobody waits for: neither a request that has no more time, nor the end of the process.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace naru::discovery {

// One host after the other; whoever wants one that is being looked up gets the same answer. Used on the
// thread of the executor, which outlives it.
class HostLookup {
 public:
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  using OnFound = std::function<void(boost::system::error_code, const Endpoints&)>;

  explicit HostLookup(boost::asio::any_io_executor executor);
  // Does not wait. Nobody is told any more, but of what was found before.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  // Tells once, on the executor, never before it has returned.
  void Find(const std::string& host, uint16_t port, OnFound on_found);

 private:
  struct Queue;
  static void Work(const std::shared_ptr<Queue>& queue);

  // Shared with the thread, which ends some time after this object.
  std::shared_ptr<Queue> queue_;
};

}  // namespace naru::discovery
