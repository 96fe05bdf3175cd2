#include "sidecar/net/socket.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "sidecar/net/poison.h"

namespace naru::net {
namespace {

IoError ErrorOf(int error_number) {
  switch (error_number) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EACCES:
    case EPERM:
    case EADDRNOTAVAIL:
    case ENOENT:
      return IoError::kRefused;
    case ETIMEDOUT:
      return IoError::kTimeout;
    default:
      return IoError::kReset;
  }
}

// As recv and send, but no points of thread cancellation: nobody cancels a thread here, and the C library
// marks each with two locked instructions wherever there is more than one thread.
ssize_t Receive(int fd, std::span<char> into, int flags) {
  CheckLent(into.data(), into.size());
  return syscall(SYS_recvfrom, fd, into.data(), into.size(), flags, nullptr, nullptr);
}
ssize_t Send(int fd, const iovec& part) {
  CheckLent(part.iov_base, part.iov_len);
  return syscall(SYS_sendto, fd, part.iov_base, part.iov_len, MSG_NOSIGNAL, nullptr, 0);
}

bool WouldBlock(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

// Takes `written` bytes off the front of `parts`.
void Consume(std::span<iovec>& parts, size_t written) {
  while (!parts.empty() && written >= parts.front().iov_len) {
    written -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (written == 0) return;
  parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + written;
  parts.front().iov_len -= written;
}

size_t SizeOf(std::span<const iovec> parts) {
  size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

}  // namespace

Socket::Socket(EventLoop& loop, int fd, State state)
    : loop_(loop), fd_(fd), writable_(state == State::kConnected) {
  if (!loop_.Watch(fd_, *this)) cancelled_ = IoError::kReset;  // nothing would ever wake who waits for it
}

Socket::~Socket() {
  if (fd_ < 0) return;
  loop_.Unwatch(fd_, *this);
  close(fd_);
}

int Socket::Release() {
  loop_.Unwatch(fd_, *this);
  return std::exchange(fd_, -1);
}

bool Socket::TryRead(std::span<char> into, IoResult& result) {
  if (cancelled_ != IoError::kNone) {
    result.error = cancelled_;
    return true;
  }
  if (!readable_) return false;
  ssize_t got;
  do {
    got = Receive(fd_, into, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && WouldBlock(errno)) {
    readable_ = false;
    return false;
  }
  // A short read has emptied the socket (epoll(7), edge-triggered streams) unless the end may stand behind
  // it.
  if (static_cast<size_t>(got) < into.size() && !peer_finished_) readable_ = false;
  if (got > 0) result.bytes = got;
  // A writer may have been told of a reset; what reads like an orderly end behind it is none.
  if (got == 0) result.error = lost_ == IoError::kNone ? IoError::kEof : lost_;
  if (got < 0) result.error = Lost(errno);
  return true;
}

bool Socket::TryWrite(std::span<iovec>& parts, IoResult& result) {
  if (cancelled_ != IoError::kNone) {
    result.error = cancelled_;
    return true;
  }
  if (!writable_) return false;
  if (parts.empty() && broken_) result.error = ConnectError();
  while (!parts.empty()) {
    const std::span<iovec> batch = parts.first(std::min<size_t>(parts.size(), IOV_MAX));
    const size_t wanted = SizeOf(batch);
    msghdr message{};
    message.msg_iov = batch.data();
    message.msg_iovlen = batch.size();
    // send is a little cheaper than sendmsg where there is one part.
    const ssize_t wrote = parts.size() == 1 ? Send(fd_, parts[0]) : sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && !WouldBlock(errno)) {
      result.error = Lost(errno);
      return true;
    }
    if (wrote > 0) result.bytes += wrote;
    if (wrote >= 0) Consume(parts, wrote);  // nothing wrote an empty part
    if (wrote < 0 || static_cast<size_t>(wrote) < wanted) {
      writable_ = false;
      return false;
    }
  }
  return true;
}

void Socket::OnEvents(uint32_t events) {
  burst_ = 0;
  const bool finished = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  if (events & (EPOLLHUP | EPOLLERR)) broken_ = true;
  if (finished) peer_finished_ = true;
  if (finished || (events & EPOLLIN)) readable_ = true;
  if (finished || (events & EPOLLOUT)) writable_ = true;
  if (finished && peer_finished_hook_ != nullptr) peer_finished_hook_(hook_context_);
  // Both waits are settled before either coroutine runs: the first may destroy this socket.
  std::coroutine_handle<> reader;
  std::coroutine_handle<> writer;
  if (reader_ != nullptr && reader_->Retry()) reader = std::exchange(reader_, nullptr)->handle_;
  if (writer_ != nullptr && writer_->Retry()) writer = std::exchange(writer_, nullptr)->handle_;
  if (writer) loop_.ResumeLater(writer);
  if (reader) reader.resume();
}

void Socket::Cancel(IoError error) {
  if (cancelled_ != IoError::kNone) return;
  cancelled_ = error;
  CancelRead(error);
  if (writer_ == nullptr) return;
  writer_->result_.error = error;
  loop_.ResumeLater(std::exchange(writer_, nullptr)->handle_);
}

void Socket::CancelRead(IoError error) {
  if (reader_ == nullptr) return;
  reader_->result_.error = error;
  loop_.ResumeLater(std::exchange(reader_, nullptr)->handle_);
}

IoError Socket::ConnectError() {
  int error_number = 0;
  socklen_t size = sizeof(error_number);
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &size);
  return error_number == 0 ? lost_ : Lost(error_number);
}

// EPIPE says no more than that the connection has been lost, or that the peer had finished before it went
// away: what it had sent is complete then.
IoError Socket::Lost(int error_number) {
  if (error_number != EPIPE) lost_ = ErrorOf(error_number);
  return ErrorOf(error_number);
}

void Socket::FinishSending() {
  shutdown(fd_, SHUT_WR);
}

void Socket::ResetOnClose() {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

bool Socket::QuietNow() {
  char byte;
  const ssize_t got = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && WouldBlock(errno);
}

// A coroutine that could go on but has had its turn is resumed by the loop instead.
void Socket::ReadAwaiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  if (!done_) {
    socket_.reader_ = this;
    return;
  }
  socket_.burst_ = 0;
  socket_.loop_.ResumeLater(handle);
}

void Socket::ReadableAwaiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  socket_.reader_ = this;
}

bool Socket::ReadableAwaiter::Retry() {
  result_.error = socket_.cancelled_;
  return socket_.readable_ || socket_.cancelled_ != IoError::kNone;
}

void Socket::WriteAwaiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  if (!done_) {
    socket_.writer_ = this;
    return;
  }
  socket_.burst_ = 0;
  socket_.loop_.ResumeLater(handle);
}

}  // namespace naru::net
