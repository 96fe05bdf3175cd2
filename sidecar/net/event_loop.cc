#include "sidecar/net/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace naru::net {
namespace {

TimePoint Clock() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

// Without these two descriptors there is no loop and nothing to fall back to.
int OrDie(int fd, const char* what) {
  if (fd >= 0) return fd;
  std::perror(what);
  std::abort();
}

}  // namespace

EventLoop::EventLoop()
    : Scheduler(Clock()),
      epoll_fd_(OrDie(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_fd_(OrDie(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
}

EventLoop::~EventLoop() {
  close(wake_fd_);
  close(epoll_fd_);
}

TimePoint EventLoop::ReadClock() {
  return Clock();
}

void EventLoop::Run() {
  stopped_ = false;
  while (!stopped_) {
    event_count_ = epoll_wait(epoll_fd_, events_, kMaxEvents, SleepMilliseconds());
    set_now(Clock());
    DispatchEvents();
    timers().Advance(now());
    // What one coroutine makes ready mostly belongs to the same calls: no need to ask the kernel in between.
    for (int round = 0; round < kMaxRounds && (round == 0 || has_ready()); ++round) ResumeReady();
  }
}

int EventLoop::SleepMilliseconds() {
  if (has_ready()) return 0;
  const std::optional<Duration> until = timers().UntilNext(now());
  if (!until) return -1;
  const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(*until);
  return static_cast<int>(std::min<int64_t>(rounded_up.count(), 60'000));
}

void EventLoop::DispatchEvents() {
  for (event_next_ = 0; event_next_ < event_count_;) {
    const epoll_event& event = events_[event_next_++];
    if (event.data.ptr != nullptr) {
      static_cast<EventHandler*>(event.data.ptr)->OnEvents(event.events);
    } else if (event.events != 0) {
      RunPosted();
    }
  }
  event_count_ = 0;
}

void EventLoop::Post(std::function<void()> job) {
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(job));
  }
  if (has_posted_.exchange(true)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

void EventLoop::RunPosted() {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof(count));
  has_posted_.store(false);
  std::vector<std::function<void()>> jobs;
  {
    std::lock_guard lock(posted_mutex_);
    jobs.swap(posted_);
  }
  for (std::function<void()>& job : jobs) job();
}

void EventLoop::Stop() {
  Post([this] { stopped_ = true; });
}

bool EventLoop::Watch(int fd, EventHandler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::WatchListener(int fd, EventHandler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;  // one worker wakes per connection where several share the socket
  event.data.ptr = &handler;
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
}

void EventLoop::Unwatch(int fd, EventHandler& handler) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = event_next_; i < event_count_; ++i) {
    if (events_[i].data.ptr != &handler) continue;
    events_[i].data.ptr = nullptr;
    events_[i].events = 0;
  }
}

}  // namespace naru::net
