// The HTTP server of the admin port, on the control thread's event loop.
//
// Everything is bounded: connections, heads, bodies, and how long a client may take over any of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sidecar/admin/admin_limits.h"
#include "sidecar/admin/backend.h"

namespace boost::asio {
class io_context;
}

namespace naru::admin {

class AdminServer {
 public:
  // Both outlive it. Every method is called on the thread that runs `io`, or while none does.
  AdminServer(boost::asio::io_context& io, Backend& backend, const AdminLimits& limits = {});
  ~AdminServer();

  // Serves at "ADDRESS:PORT", such as "127.0.0.1:4001" or "[::1]:0"; port 0 lets the system choose. Once.
  absl::Status Listen(const std::string& address);

  // The port that it listens on; 0 before Listen.
  uint16_t port() const;

  // Stops listening and cuts every connection. The destructor does the same.
  void Close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the coroutines of its connections, which end soon after Close
};

}  // namespace naru::admin
