// A connected stream socket (TCP or Unix) whose waits are awaitable.
//
// Registered with its loop once, edge-triggered, so waiting costs no system call; a read that comes back
// short is known to have emptied the socket, so the next one waits instead of trying. At most one reader and
// one writer wait at a time. A resource type with one owner, used on its loop's thread; it must not be
// destroyed while somebody waits on it: Cancel first, and let the waiter unwind.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sidecar/net/event_loop.h"

namespace naru::net {

enum class IoError : uint8_t {
  kNone,
  kEof,        // the peer has finished sending
  kReset,      // the connection is gone
  kRefused,    // nobody listens there, or it cannot be reached
  kTimeout,    // whoever waited gave it a limit
  kCancelled,  // whoever waited is no longer interested
};

struct IoResult {
  size_t bytes = 0;
  IoError error = IoError::kNone;

  bool ok() const { return error == IoError::kNone; }
};

class Socket final : public EventHandler {
 public:
  // Takes ownership of `fd`, which is non-blocking. A socket that is still connecting is not writable yet.
  enum class State { kConnected, kConnecting };
  Socket(EventLoop& loop, int fd, State state);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  class Waiter;
  class ReadAwaiter;
  class ReadableAwaiter;
  class WriteAwaiter;

  // Reads at least one byte, or says why not. `into` is not empty and must stay until the result.
  ReadAwaiter Read(std::span<char> into);

  // Waits until a read would not wait, without holding a buffer meanwhile. Bytes stay 0.
  ReadableAwaiter WaitReadable();

  // Writes all of `parts`, which it consumes, or says why not. bytes is what was written all the same.
  WriteAwaiter Write(std::span<iovec> parts);

  // Waits for a connecting socket: kNone once connected, else why it is not.
  WriteAwaiter WaitConnected();

  // Ends every wait, now and later, with `error`. Waiters resume from the loop, not from inside this call.
  void Cancel(IoError error);
  // Ends only the read that waits now, if one does; the socket stays usable.
  void CancelRead(IoError error);

  // Sends FIN: the peer sees the end of what we send, and may go on sending.
  void FinishSending();
  // Makes the close that follows a reset, so that the peer cannot take it for an orderly end.
  void ResetOnClose();

  // True when a read would not wait, as far as the last events say.
  bool readable() const { return readable_; }
  // What became of a connecting socket, once WaitConnected has returned.
  IoError ConnectError();

  // True when the peer has sent FIN or the connection broke, as far as the last events say.
  bool peer_finished() const { return peer_finished_; }
  // True when nothing can be sent or received any more.
  bool broken() const { return broken_; }
  // Asks the kernel: is there nothing to read, not even the end? For a pooled connection before its reuse.
  bool QuietNow();

  // Calls `hook(context)` when the peer finishes sending or the connection breaks. It must not resume
  // coroutines directly nor destroy the socket. One at a time; nullptr removes it.
  using PeerFinishedHook = void (*)(void* context);
  void set_peer_finished_hook(PeerFinishedHook hook, void* context) {
    peer_finished_hook_ = hook;
    hook_context_ = context;
  }

  int fd() const { return fd_; }
  // Gives the descriptor to the caller: this socket is of no more use. Nobody may wait on it.
  int Release();
  EventLoop& loop() { return loop_; }

  void OnEvents(uint32_t events) override;

 private:
  // After so many operations in a row that did not have to wait, a coroutine lets the others run.
  static constexpr int kMaxBurst = 32;

  bool TryRead(std::span<char> into, IoResult& result);
  bool TryWrite(std::span<iovec>& parts, IoResult& result);
  IoError Lost(int error_number);
  // Lets the loop breathe: true if the coroutine may go on at once.
  bool MayContinue() { return ++burst_ < kMaxBurst; }

  EventLoop& loop_;
  int fd_;
  bool readable_ = false;
  bool writable_ = true;
  bool peer_finished_ = false;
  bool broken_ = false;
  IoError cancelled_ = IoError::kNone;
  IoError lost_ =
      IoError::kNone;  // how the connection broke: the kernel says it once only, whoever asks first
  int burst_ = 0;
  Waiter* reader_ = nullptr;
  Waiter* writer_ = nullptr;
  PeerFinishedHook peer_finished_hook_ = nullptr;
  void* hook_context_ = nullptr;
};

// What a suspended coroutine leaves behind while it waits: a piece of its own frame.
class Socket::Waiter {
 public:
  IoResult await_resume() const { return result_; }

 protected:
  friend class Socket;
  explicit Waiter(Socket& socket) : socket_(socket) {}
  // Tries again after an event; true when `result_` is final.
  virtual bool Retry() = 0;

  Socket& socket_;
  IoResult result_;
  std::coroutine_handle<> handle_;
};

class Socket::ReadAwaiter final : public Socket::Waiter {
 public:
  ReadAwaiter(Socket& socket, std::span<char> into) : Waiter(socket), into_(into) {}
  bool await_ready() { return Retry() && socket_.MayContinue(); }
  void await_suspend(std::coroutine_handle<> handle);

 private:
  bool Retry() override { return done_ = done_ || socket_.TryRead(into_, result_); }
  std::span<char> into_;
  bool done_ = false;
};

class Socket::ReadableAwaiter final : public Socket::Waiter {
 public:
  explicit ReadableAwaiter(Socket& socket) : Waiter(socket) {}
  bool await_ready() { return Retry(); }
  void await_suspend(std::coroutine_handle<> handle);

 private:
  bool Retry() override;
};

class Socket::WriteAwaiter final : public Socket::Waiter {
 public:
  WriteAwaiter(Socket& socket, std::span<iovec> parts) : Waiter(socket), parts_(parts) {}
  // Writes what the kernel takes now. False: awaiting it will wait.
  bool TryNow() { return Retry(); }
  bool await_ready() { return Retry() && socket_.MayContinue(); }
  void await_suspend(std::coroutine_handle<> handle);

 private:
  bool Retry() override { return done_ = done_ || socket_.TryWrite(parts_, result_); }
  std::span<iovec> parts_;
  bool done_ = false;
};

inline Socket::ReadAwaiter Socket::Read(std::span<char> into) {
  return {*this, into};
}
inline Socket::ReadableAwaiter Socket::WaitReadable() {
  return ReadableAwaiter(*this);
}
inline Socket::WriteAwaiter Socket::Write(std::span<iovec> parts) {
  return {*this, parts};
}
inline Socket::WriteAwaiter Socket::WaitConnected() {
  return {*this, {}};
}

}  // namespace naru::net
