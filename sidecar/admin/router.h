// Answers the requests of the admin port. Knows no sockets; the server in front of it does.
//
// Runs on the control thread, never on a worker's.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/admin/backend.h"
#include "sidecar/admin/traffic_window.h"

namespace naru::admin {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct AdminRequest {
  std::string method;
  std::string target;  // with the query, such as "/metrics?squad=pay"
  Headers headers;     // names in any case
  std::chrono::steady_clock::time_point now;
};

struct AdminResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

// An answer that says what was wrong.
AdminResponse ErrorResponse(int status, const std::string& detail);

class AdminRouter {
 public:
  // `on_loopback`: only local callers reach the port, and a Host from elsewhere means that a web page makes a
  // browser ask (DNS rebinding).
  AdminRouter(Backend& backend, bool on_loopback, std::chrono::steady_clock::time_point start);

  // HEAD is answered as GET; the server leaves the body out.
  AdminResponse Handle(const AdminRequest& request);

 private:
  struct Target {
    std::string path;
    Headers query;

    static std::optional<Target> Parse(std::string_view text);  // nothing when it is badly percent-encoded
    std::string Query(std::string_view name) const;             // empty where it is not given
    bool Has(std::string_view name) const;                      // whatever its value
  };
  struct Entry;

  AdminResponse Dispatch(const AdminRequest& request, const Target& target);
  AdminResponse ShowPage(const AdminRequest& request, const Target& target);
  AdminResponse ShowHealth(const AdminRequest& request, const Target& target);
  AdminResponse ShowReady(const AdminRequest& request, const Target& target);
  AdminResponse ShowMetrics(const AdminRequest& request, const Target& target);
  AdminResponse ShowServices(const AdminRequest& request, const Target& target);
  AdminResponse ShowService(const AdminRequest& request, const Target& target);
  AdminResponse ShowConfig(const AdminRequest& request, const Target& target);
  AdminResponse ShowRecentCalls(const AdminRequest& request, const Target& target);
  AdminResponse Reload(const AdminRequest& request, const Target& target);
  AdminResponse Drain(const AdminRequest& request, const Target& target);

  Backend& backend_;
  const bool on_loopback_;
  TrafficWindow traffic_;
};

}  // namespace naru::admin
