// The coroutine type of the data path: lazy, awaited by exactly one other coroutine, no exceptions.
//
// A Task starts when it is awaited (or spawned) and resumes its awaiter when it ends, on the same thread. A
// suspended Task is never destroyed: what cancels it resumes it with an error value, and it unwinds. Frames
// come from a free list of their thread, so a call costs no allocation once the list is warm.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace naru::net {

// Free lists of coroutine frames, one per size class and thread.
class FramePool {
 public:
  static void* Allocate(size_t bytes);
  static void Free(void* frame, size_t bytes) noexcept;
};

namespace internal {

struct PromiseBase {
  static void* operator new(size_t bytes) { return FramePool::Allocate(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { FramePool::Free(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  std::coroutine_handle<> continuation = std::noop_coroutine();
};

struct ResumeContinuation {
  bool await_ready() noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
    return ended.promise().continuation;
  }
  void await_resume() noexcept {}
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : internal::PromiseBase {
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    internal::ResumeContinuation final_suspend() noexcept { return {}; }
    void return_value(T result) { value.emplace(std::move(result)); }

    std::optional<T> value;
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type : internal::PromiseBase {
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    internal::ResumeContinuation final_suspend() noexcept { return {}; }
    void return_void() {}
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  void await_resume() {}

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

namespace internal {

// Runs at once and frees itself at its end: the root under every chain of Tasks.
struct Detached {
  struct promise_type : PromiseBase {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
  };
};

}  // namespace internal

namespace internal {
inline Detached RunDetached(Task<void> task) {
  co_await task;
}
}  // namespace internal

// Starts `task` now. Nobody awaits it; it owns itself until it ends.
inline void Spawn(Task<void> task) {
  internal::RunDetached(std::move(task));
}

// A child that runs beside its parent. The parent must Join before the things that the child refers to go
// away.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Starts `task` now. At most one at a time.
  void Start(Task<void> task) {
    running_ = true;
    Spawn(RunIn(*this, std::move(task)));
  }

  bool running() const { return running_; }

  struct JoinAwaiter {
    Child& child;
    bool await_ready() const { return !child.running_; }
    void await_suspend(std::coroutine_handle<> parent) { child.parent_ = parent; }
    void await_resume() {}
  };
  // Returns when the child has ended; at once if none runs. One parent at a time.
  JoinAwaiter Join() { return {*this}; }

 private:
  static Task<void> RunIn(Child& self, Task<void> task) {
    {
      Task<void> child =
          std::move(task);  // its arguments go before the parent resumes, who may end what they refer to
      co_await child;
    }
    self.running_ = false;
    std::coroutine_handle<> parent = std::exchange(self.parent_, nullptr);
    if (parent) parent.resume();
  }

  bool running_ = false;
  std::coroutine_handle<> parent_;
};

}  // namespace naru::net
