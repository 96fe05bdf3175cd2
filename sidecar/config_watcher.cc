#include "sidecar/config_watcher.h"

#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace naru {
namespace {

// IN_CREATE for symbolic links, by which mounted configuration is swapped; IN_ATTRIB for a file that becomes
// readable.
constexpr uint32_t kOfFolders = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                                IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR;
constexpr uint32_t kOfFiles = IN_CLOSE_WRITE | IN_ATTRIB;

absl::Status CannotWatch(const std::string& what, int error) {
  return absl::UnavailableError(absl::StrCat("cannot watch ", what, ": ", std::strerror(error)));
}

}  // namespace

ConfigWatcher::ConfigWatcher(boost::asio::io_context& io, std::function<void()> changed)
    : inotify_(io), quiet_(io), changed_(std::move(changed)) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return;  // without inotify there is still SIGHUP and POST /reload
  inotify_.assign(fd);
  ReadEvents();
}

absl::Status ConfigWatcher::Watch(std::vector<std::string> paths) {
  paths_ = std::move(paths);
  return Follow(paths_);
}

absl::Status ConfigWatcher::WatchToo(const std::vector<std::string>& paths) {
  std::vector<std::string> all = paths_;
  all.insert(all.end(), paths.begin(), paths.end());
  return Follow(all);
}

absl::Status ConfigWatcher::Follow(const std::vector<std::string>& paths) {
  if (!inotify_.is_open()) return absl::UnavailableError("cannot watch files: the system offers no inotify");
  const std::map<int, FolderNames> old = std::exchange(watches_, {});
  absl::Status status = AddWatches(TrailOf(paths));
  RemoveOldWatches(old);
  if (watches_ != old) TellWhenQuiet();
  return status;
}

// Also where a watch is there already: it may be that of a folder which has been replaced since.
absl::Status ConfigWatcher::AddWatches(const PathTrail& trail) {
  absl::Status status;
  for (const auto& [folder, names] : trail.folders) {
    const int watch = inotify_add_watch(inotify_.native_handle(), folder.c_str(), kOfFolders | IN_MASK_ADD);
    if (watch < 0) {
      // A folder that may be passed through but not read is no trouble unless it holds a file.
      if (errno == ENOSPC) status.Update(CannotWatch(folder, errno));
      continue;
    }
    watches_[watch].names.insert(names.names.begin(), names.names.end());
    watches_[watch].any = watches_[watch].any || names.any;
  }
  for (const std::string& file : trail.files) {
    const int watch = inotify_add_watch(inotify_.native_handle(), file.c_str(), kOfFiles | IN_MASK_ADD);
    if (watch >= 0) watches_[watch].any = true;
    if (watch < 0) status.Update(CannotWatch(file, errno));
  }
  return status;
}

void ConfigWatcher::RemoveOldWatches(const std::map<int, FolderNames>& old) {
  for (const auto& [watch, names] : old) {
    if (!watches_.contains(watch)) inotify_rm_watch(inotify_.native_handle(), watch);
  }
}

void ConfigWatcher::ReadEvents() {
  inotify_.async_read_some(boost::asio::buffer(events_),
                           [this](boost::system::error_code error, size_t bytes) {
                             if (!error) OnEvents(bytes);
                           });
}

// Which file it was does not matter: the configuration is read and compared as a whole.
void ConfigWatcher::OnEvents(size_t bytes) {
  bool matters = false;
  for (size_t at = 0; at < bytes;) {
    inotify_event event;
    std::memcpy(&event, events_ + at, sizeof event);
    const char* name = event.len > 0 ? events_ + at + sizeof event : "";
    matters = matters || Matters(event, std::string_view(name, strnlen(name, event.len)));
    at += sizeof event + event.len;
  }
  if (matters) TellWhenQuiet();
  ReadEvents();
}

bool ConfigWatcher::Matters(const inotify_event& event, std::string_view name) const {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
  const auto at = watches_.find(event.wd);
  if (at == watches_.end()) return false;  // was watched before
  // What happened to the folder itself has no name.
  return name.empty() || at->second.any || at->second.names.contains(std::string(name));
}

void ConfigWatcher::TellWhenQuiet() {
  const auto now = std::chrono::steady_clock::now();
  if (!std::exchange(due_, true)) tell_by_ = now + kLongestUnrest;
  quiet_.expires_at(std::min(now + kQuiet, tell_by_));
  quiet_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    due_ = false;
    changed_();
  });
}

}  // namespace naru
