// Tells when something happens in directories, by inotify. Watches directories and not files, because a file
// that is replaced leaves its inode, and with it the watch, behind.
//
// One thread. Without inotify it says that it is blind, and its owner looks for itself.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace naru::discovery {

class DirectoryWatch {
 public:
  enum class Event : uint8_t {
    kWriting,   // somebody writes to this file
    kFinished,  // it was closed by a writer or renamed into place
    kOther,     // it came or went, or something happened to the directory; then the name is empty
  };
  using OnEvent = std::function<void(const std::string& directory, std::string_view name, Event event)>;

  // `event` may do nothing to the watch.
  DirectoryWatch(boost::asio::io_context& io, OnEvent event);

  // Watches exactly these from now on. Call it again now and then: a directory may have come, or been
  // replaced. False while one of them cannot be watched.
  bool Watch(const std::set<std::string>& directories);

  // Reads events until it is closed. The coroutine holds the watch for as long as it runs.
  static boost::asio::awaitable<void> ReadEvents(std::shared_ptr<DirectoryWatch> watch);
  void Close();

 private:
  bool Add(const std::string& directory);
  void Forget(const std::string& directory);
  void Tell(size_t bytes);

  static constexpr size_t kBufferBytes = 16 * 1024;  // several events, each at most 16 + NAME_MAX + 1 bytes

  boost::asio::posix::stream_descriptor inotify_;
  const OnEvent event_;
  std::map<std::string, int> watches_;  // several names may lead to one directory, and so to one watch
  alignas(8) char buffer_[kBufferBytes];
};

}  // namespace naru::discovery
