// The coroutine type of the data path: lazy, awaited by exactly one other coroutine, no exceptions.
//
// A Task starts when it is awaited and resumes its awaiter when it ends, on the same thread; one that is
// spawned is awaited by nobody and frees itself. A suspended Task is never destroyed: what cancels it resumes
// it with an error value, and it unwinds. Frames come from a free list of their thread, so a call costs no
// allocation once the list is warm.
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

class Child;

namespace internal {

struct PromiseBase {
  static void* operator new(size_t bytes) { return FramePool::Allocate(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { FramePool::Free(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  std::coroutine_handle<> continuation;  // the awaiter; nothing: the task was spawned
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
  struct promise_type;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task();

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept;
  void await_resume() {}

 private:
  friend class Child;
  friend void Spawn(Task<void> task);

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  // Starts it; from now on it owns itself. `child` hears of its end.
  void Release(Child* child);

  std::coroutine_handle<promise_type> handle_;
};

// Starts `task` now. Nobody awaits it; it owns itself until it ends.
inline void Spawn(Task<void> task) {
  task.Release(nullptr);
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
    task.Release(this);
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
  friend struct Task<void>::promise_type;

  // The task is gone. Returns who goes on.
  std::coroutine_handle<> Ended() {
    running_ = false;
    const std::coroutine_handle<> parent = std::exchange(parent_, nullptr);
    return parent ? parent : std::noop_coroutine();
  }

  bool running_ = false;
  std::coroutine_handle<> parent_;
};

struct Task<void>::promise_type : internal::PromiseBase {
  // A task that owns itself goes before its parent resumes, who may end what its arguments refer to.
  struct End {
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
      const std::coroutine_handle<> awaiter = ended.promise().continuation;
      if (awaiter) return awaiter;
      Child* const child = ended.promise().child;
      ended.destroy();
      return child == nullptr ? std::noop_coroutine() : child->Ended();
    }
    void await_resume() noexcept {}
  };

  Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
  End final_suspend() noexcept { return {}; }
  void return_void() {}

  Child* child = nullptr;  // of a task that was spawned: whose it is
};

inline Task<void>::~Task() {
  if (handle_) handle_.destroy();
}

inline std::coroutine_handle<> Task<void>::await_suspend(std::coroutine_handle<> awaiter) noexcept {
  handle_.promise().continuation = awaiter;
  return handle_;
}

inline void Task<void>::Release(Child* child) {
  handle_.promise().child = child;
  std::exchange(handle_, nullptr).resume();
}

}  // namespace naru::net
