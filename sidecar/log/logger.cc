#include "sidecar/log/logger.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace naru::log {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr int kPollMilliseconds = 100;

// Signals are for the threads that handle them, and a closed standard error must be an error, not a SIGPIPE.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Logger::Logger(LoggerOptions options)
    : options_(std::move(options)), limit_(options_.lines_per_second), writer_(&Logger::Run, this) {}

Logger::~Logger() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_at_ = steady_clock::now() + options_.longest_goodbye;
  }
  work_.notify_one();
  writer_.join();
}

void Logger::Write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (IsOn(level)) Enqueue(FormatLine(system_clock::now(), level, message, fields));
}

void Logger::WriteLimited(std::string_view key, Level level, std::string_view message,
                          std::initializer_list<Field> fields) {
  if (!IsOn(level)) return;
  {
    const std::lock_guard lock(mutex_);
    const bool owed = limit_.owes_lines();
    if (!limit_.Admit(key, options_.now())) {
      if (!owed) work_.notify_one();  // the writer has a second to count now
      return;
    }
  }
  Enqueue(FormatLine(system_clock::now(), level, message, fields));
}

void Logger::Enqueue(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.max_queued_lines) {
      ++dropped_;
      return;
    }
    queue_.push_back(std::move(line));
  }
  work_.notify_one();
}

void Logger::Run() {
  BlockSignals();
  while (true) {
    const std::vector<std::string> lines = TakeLines();
    if (lines.empty()) return;
    for (const std::string& line : lines) WriteOut(line);
  }
}

// Waits for lines; empty only when stopping and nothing is left.
std::vector<std::string> Logger::TakeLines() {
  std::unique_lock lock(mutex_);
  std::vector<std::string> lines;
  while (lines.empty()) {
    const auto something = [this] { return stopping_ || !queue_.empty() || dropped_ > 0; };
    if (limit_.owes_lines())
      work_.wait_for(lock, std::chrono::seconds(1), something);
    else
      work_.wait(lock, [&] { return something() || limit_.owes_lines(); });

    lines = std::exchange(queue_, {});
    AppendSuppressed(lines, stopping_ ? LineLimit::TimePoint::max() : options_.now());
    if (const uint64_t dropped = std::exchange(dropped_, 0); dropped > 0) {
      lines.push_back(FormatLine(system_clock::now(), Level::kWarn,
                                 "log lines were dropped: standard error is read too slowly",
                                 {{"lines", dropped}}));
    }
    if (stopping_) break;
  }
  return lines;
}

void Logger::AppendSuppressed(std::vector<std::string>& lines, LineLimit::TimePoint now) {
  for (const LineLimit::Suppressed& suppressed : limit_.TakeEnded(now)) {
    lines.push_back(FormatLine(system_clock::now(), Level::kWarn, "more lines of this kind were not written",
                               {{"kind", suppressed.key}, {"lines", suppressed.lines}}));
  }
}

void Logger::WriteOut(std::string_view bytes) {
  while (!bytes.empty() && WaitUntilWritable()) {
    // A pipe that is writable takes PIPE_BUF bytes without blocking, which keeps the goodbye short.
    const ssize_t written = write(options_.fd, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    if (written > 0)
      bytes.remove_prefix(static_cast<size_t>(written));
    else if (written < 0 && errno != EINTR && errno != EAGAIN)
      return;  // nobody reads: nobody can be told
  }
}

// False when the logger ends and its reader has not read for too long.
bool Logger::WaitUntilWritable() {
  while (true) {
    pollfd file{options_.fd, POLLOUT, 0};
    if (poll(&file, 1, kPollMilliseconds) > 0) return true;
    if (steady_clock::now() >= give_up_at_.load()) return false;
  }
}

}  // namespace naru::log
