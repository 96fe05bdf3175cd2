#include "sidecar/listeners.h"

#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/net/dial.h"

namespace naru {
namespace {

void CloseAll(const std::vector<int>& fds) {
  for (const int fd : fds) close(fd);
}

std::string Hint(int error, const std::string& key) {
  if (error == EADDRINUSE)
    return absl::StrCat("; another process listens there: `ss -ltnp | grep ", key, "` says which");
  if (error == EACCES) return "; ports below 1024 need CAP_NET_BIND_SERVICE";
  if (error == EADDRNOTAVAIL) return "; this host has no such address";
  return "";
}

}  // namespace

std::map<std::string, Listeners::Wanted> Listeners::WantedBy(const config::Config& config) {
  std::map<std::string, Wanted> wanted;
  for (const config::ListenAddress& listen : config.listen) {
    const bool is_unix = !listen.unix_path.empty();
    wanted[listen.text] = {listen.unix_path, listen.tcp, {0, is_unix}, config.Where(listen.origin)};
  }
  for (const config::Service& service : config.services) {
    if (!service.port) continue;
    const discovery::Address at = config.OwnPortOf(service);
    wanted[at.ToString()] = {"", at, {*service.port, false}, config.Where(service.origin)};
  }
  return wanted;
}

absl::Status Listeners::Open(const std::string& key, const Wanted& wanted, Opened& opened) const {
  for (size_t worker = 0; worker < workers_.size(); ++worker) {
    net::OpenedSocket socket;
    if (wanted.unix_path.empty()) {
      socket = net::ListenTcp({wanted.tcp.ip, wanted.tcp.port}, workers_.size() > 1);
    } else if (worker == 0) {
      socket = net::ListenUnix(wanted.unix_path);
    } else {
      socket.fd = dup(opened.fds[0]);
    }
    if (socket.error != 0) {
      CloseAll(opened.fds);
      return absl::UnavailableError(absl::StrCat("cannot listen on ", key, " (", wanted.where, "): ",
                                                 std::strerror(socket.error), Hint(socket.error, key)));
    }
    opened.fds.push_back(socket.fd);
  }
  return absl::OkStatus();
}

absl::Status Listeners::Change(const config::Config& config, const std::function<void()>& before_accepting) {
  std::map<std::string, Wanted> wanted = WantedBy(config);
  std::map<std::string, Opened> opened;
  for (const auto& [key, address] : wanted) {
    const auto now = current_.find(key);
    if (now != current_.end() && now->second.at.service_port == address.at.service_port) continue;
    const absl::Status status = Open(key, address, opened[key]);
    if (status.ok()) continue;
    opened.erase(key);
    for (const auto& [other, sockets] : opened) CloseAll(sockets.fds);
    return status;
  }
  before_accepting();
  for (const auto& [key, address] : current_) {
    if (wanted.contains(key)) continue;
    for (const std::unique_ptr<Worker>& worker : workers_) worker->RemoveListener(key);
    if (!address.unix_path.empty()) unlink(address.unix_path.c_str());
  }
  for (const auto& [key, sockets] : opened) {
    for (size_t i = 0; i < workers_.size(); ++i)
      workers_[i]->AddListener(key, sockets.fds[i], wanted[key].at);
  }
  current_ = std::move(wanted);
  return absl::OkStatus();
}

void Listeners::CleanUp() {
  for (const auto& [key, address] : current_) {
    if (!address.unix_path.empty()) unlink(address.unix_path.c_str());
  }
}

}  // namespace naru
