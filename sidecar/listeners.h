// The local sockets that a configuration asks for, and how one configuration's set becomes the next one's.
//
// New sockets are opened before anything changes, so that a reload which cannot have its ports is refused and
// leaves everything as it was. Sockets that both configurations have are not touched: their backlogs survive.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/call/http1_downstream.h"
#include "sidecar/config/config.h"
#include "sidecar/worker.h"

namespace naru {

class Listeners {
 public:
  // `workers` outlive it and all accept on every socket.
  explicit Listeners(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}

  // Opens what is new in `config`, hands it to the workers, and closes what it no longer names. Fails with a
  // sentence that names the address, and then nothing has changed.
  // `before_accepting` runs once everything is open, before anybody accepts there: it tells the workers what
  // calls that come in on the new sockets mean.
  absl::Status Change(const config::Config& config, const std::function<void()>& before_accepting);

  // Removes the files of Unix sockets.
  void CleanUp();

 private:
  // An address that the configuration names: a key such as "127.0.0.1:4000", and where it is written.
  struct Wanted {
    std::string unix_path;
    discovery::Address tcp;
    call::AcceptedAt at;
    std::string where;
  };
  struct Opened {
    std::vector<int> fds;  // one per worker
  };

  static std::map<std::string, Wanted> WantedBy(const config::Config& config);
  absl::Status Open(const std::string& key, const Wanted& wanted, Opened& opened) const;

  std::vector<std::unique_ptr<Worker>>& workers_;
  std::map<std::string, Wanted> current_;
};

}  // namespace naru
