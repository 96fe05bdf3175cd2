// Notices that the configuration may read differently: a file was written in place or replaced by rename, a
// new one matches an include pattern, a folder or a link on the way to one was replaced. Watches the folders
// on the way by inotify, and in each only the names that matter (path_trail.h).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/path_trail.h"

struct inotify_event;  // of <sys/inotify.h>

namespace naru {

class ConfigWatcher {
 public:
  // `changed` runs on the thread of `io`, once things have been quiet for a moment.
  ConfigWatcher(boost::asio::io_context& io, std::function<void()> changed);

  // Watches these files and patterns from now on, and no others. To be called whenever they were read: only
  // then does a watch follow a folder that was replaced. What was not watched before may have changed before
  // it was, so that `changed` runs once more. Fails with a sentence where changes will not be noticed.
  absl::Status Watch(std::vector<std::string> paths);
  // The same for these besides those of the last Watch: a configuration that is refused may not say what it
  // consists of.
  absl::Status WatchToo(const std::vector<std::string>& paths);

 private:
  // Editors and deployments write several files: wait until they are done, but not for ever.
  static constexpr auto kQuiet = std::chrono::milliseconds(100);
  static constexpr auto kLongestUnrest = std::chrono::seconds(2);

  absl::Status Follow(const std::vector<std::string>& paths);
  absl::Status AddWatches(const PathTrail& trail);
  void RemoveOldWatches(const std::map<int, FolderNames>& old);
  void ReadEvents();
  void OnEvents(size_t bytes);
  bool Matters(const inotify_event& event, std::string_view name) const;
  void TellWhenQuiet();

  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer quiet_;
  const std::function<void()> changed_;
  std::vector<std::string> paths_;
  std::map<int, FolderNames> watches_;  // by watch descriptor; a file's says `any`
  std::chrono::steady_clock::time_point tell_by_{};
  bool due_ = false;
  alignas(8) char events_[16 * 1024];
};

}  // namespace naru
