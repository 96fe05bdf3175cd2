#include "sidecar/config_watcher.h"

#include <sys/inotify.h>

#include <utility>

#include <boost/asio/buffer.hpp>

namespace naru {
namespace {

std::string FolderOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace

ConfigWatcher::ConfigWatcher(boost::asio::io_context& io, std::function<void()> changed)
    : inotify_(io), quiet_(io), changed_(std::move(changed)) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return;  // without inotify there is still SIGHUP and POST /reload
  inotify_.assign(fd);
  ReadEvents();
}

void ConfigWatcher::Watch(const std::vector<std::string>& files) {
  if (!inotify_.is_open()) return;
  for (const std::string& file : files) {
    const std::string folder = FolderOf(file);
    if (!folders_.insert(folder).second) continue;
    // IN_CREATE for symbolic links, by which mounted configuration is swapped.
    inotify_add_watch(inotify_.native_handle(), folder.c_str(),
                      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE);
  }
}

void ConfigWatcher::Close() {
  boost::system::error_code ignored;
  if (inotify_.is_open()) inotify_.close(ignored);
  quiet_.cancel();
}

void ConfigWatcher::ReadEvents() {
  inotify_.async_read_some(boost::asio::buffer(events_),
                           [this](boost::system::error_code error, size_t bytes) {
                             if (!error) OnEvents(bytes);
                           });
}

// Which file it was does not matter: the configuration is read and compared as a whole.
void ConfigWatcher::OnEvents(size_t) {
  quiet_.expires_after(kQuiet);
  quiet_.async_wait([this](boost::system::error_code error) {
    if (!error) changed_();
  });
  ReadEvents();
}

}  // namespace naru
