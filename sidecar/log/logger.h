// The log: JSON lines on standard error, written by a thread of its own.
//
// Any thread may write. Writing never waits for the reader of standard error: lines go through a bounded
// queue, and what finds it full is dropped and counted, and said as soon as there is room. Destroying it
// writes what is queued, waiting at most `longest_goodbye` for a reader that has stopped reading.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sidecar/log/line.h"
#include "sidecar/log/line_limit.h"

namespace naru::log {

struct LoggerOptions {
  int fd = 2;  // not closed
  Level level = Level::kInfo;
  size_t max_queued_lines = 1024;
  uint32_t lines_per_second = 10;  // of each key of WriteLimited
  std::chrono::milliseconds longest_goodbye = std::chrono::seconds(1);
  std::function<LineLimit::TimePoint()> now = std::chrono::steady_clock::now;
};

class Logger {
 public:
  explicit Logger(LoggerOptions options = {});
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool IsOn(Level level) const { return level >= options_.level; }

  void Write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

  // As Write, but at most `lines_per_second` lines of one key; then one line with the number of the others.
  // The key comes from a closed list or the configuration, such as "courses timeout".
  void WriteLimited(std::string_view key, Level level, std::string_view message,
                    std::initializer_list<Field> fields = {});

 private:
  void Enqueue(std::string line);
  void Run();
  std::vector<std::string> TakeLines();
  void AppendSuppressed(std::vector<std::string>& lines, LineLimit::TimePoint now);
  void WriteOut(std::string_view bytes);
  bool WaitUntilWritable();

  const LoggerOptions options_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<std::string> queue_;  // guarded by mutex_, as all up to the thread
  uint64_t dropped_ = 0;
  LineLimit limit_;
  bool stopping_ = false;
  std::atomic<std::chrono::steady_clock::time_point> give_up_at_ =
      std::chrono::steady_clock::time_point::max();
  std::thread writer_;  // last, so that everything is there when it starts
};

}  // namespace naru::log
