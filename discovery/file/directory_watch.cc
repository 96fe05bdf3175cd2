#include "discovery/file/directory_watch.h"

#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

constexpr uint32_t kFinished = IN_CLOSE_WRITE | IN_MOVED_TO;
// IN_CREATE for symbolic links, by which mounted configuration is swapped, and for hard links.
constexpr uint32_t kEvents = kFinished | IN_MODIFY | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |
                             IN_MOVE_SELF | IN_ONLYDIR;

DirectoryWatch::Event KindOf(uint32_t mask) {
  if ((mask & kFinished) != 0) return DirectoryWatch::Event::kFinished;
  return (mask & IN_MODIFY) != 0 ? DirectoryWatch::Event::kWriting : DirectoryWatch::Event::kOther;
}

}  // namespace

DirectoryWatch::DirectoryWatch(asio::io_context& io, OnEvent event) : inotify_(io), event_(std::move(event)) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) inotify_.assign(fd);  // else fs.inotify.max_user_instances is reached
}

bool DirectoryWatch::Watch(const std::set<std::string>& directories) {
  if (!inotify_.is_open()) return false;
  std::vector<std::string> gone;
  for (const auto& [directory, watch] : watches_) {
    if (!directories.contains(directory)) gone.push_back(directory);
  }
  for (const std::string& directory : gone) Forget(directory);
  bool all = true;
  for (const std::string& directory : directories) all = Add(directory) && all;
  return all;
}

// The kernel gives the same watch again for a directory that it watches already, by whatever name.
bool DirectoryWatch::Add(const std::string& directory) {
  const int watch = inotify_add_watch(inotify_.native_handle(), directory.c_str(), kEvents);
  const auto before = watches_.find(directory);
  if (before != watches_.end() && before->second != watch) Forget(directory);
  if (watch < 0) return false;
  watches_[directory] = watch;
  return true;
}

void DirectoryWatch::Forget(const std::string& directory) {
  const int watch = watches_.extract(directory).mapped();
  const auto same = [watch](const auto& other) { return other.second == watch; };
  if (std::any_of(watches_.begin(), watches_.end(), same)) return;
  inotify_rm_watch(inotify_.native_handle(),
                   watch);  // fails where the directory is gone, and the watch with it
}

asio::awaitable<void> DirectoryWatch::ReadEvents(std::shared_ptr<DirectoryWatch> watch) {
  while (watch->inotify_.is_open()) {
    const auto [error, bytes] = co_await watch->inotify_.async_read_some(asio::buffer(watch->buffer_),
                                                                         asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    watch->Tell(bytes);
  }
}

void DirectoryWatch::Tell(size_t bytes) {
  for (size_t at = 0; at + sizeof(inotify_event) <= bytes && inotify_.is_open();) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer_ + at);
    at += sizeof(inotify_event) + event->len;
    const std::string_view name = event->len > 0 ? event->name : "";
    for (const auto& [directory, watch] : watches_) {
      if (watch == event->wd) event_(directory, name, KindOf(event->mask));
    }
  }
}

void DirectoryWatch::Close() {
  boost::system::error_code ignored;
  inotify_.close(ignored);
}

}  // namespace naru::discovery
