// Notices that a configuration file has changed: written in place, replaced by rename, or a new file that an
// include pattern matches. Watches folders, because a rename leaves the old file's inode behind.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace naru {

class ConfigWatcher {
 public:
  // `changed` runs on the thread of `io`, once things have been quiet for a moment.
  ConfigWatcher(boost::asio::io_context& io, std::function<void()> changed);

  // Watches the folders of these files from now on, besides those watched already.
  void Watch(const std::vector<std::string>& files);

  void Close();

 private:
  // Editors and deployments write several files: wait until they are done.
  static constexpr auto kQuiet = std::chrono::milliseconds(100);

  void ReadEvents();
  void OnEvents(size_t bytes);

  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer quiet_;
  const std::function<void()> changed_;
  std::set<std::string> folders_;
  alignas(8) char events_[4096];
};

}  // namespace naru
