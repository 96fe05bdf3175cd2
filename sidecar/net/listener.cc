#include "sidecar/net/listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace naru::net {

Listener::Listener(EventLoop& loop, int fd, Callbacks callbacks)
    : loop_(loop), fd_(fd), callbacks_(std::move(callbacks)), resume_timer_(&Listener::Resume, this) {
  loop_.WatchListener(fd_, *this);
}

Listener::~Listener() {
  while (AcceptOne()) continue;
  loop_.Unwatch(fd_, *this);
  close(fd_);
}

void Listener::OnEvents(uint32_t) {
  if (!MayAccept()) return Pause(EMFILE);
  for (int i = 0; i < kMaxAcceptsPerEvent && MayAccept(); ++i) {
    if (!AcceptOne()) return;
  }
}

bool Listener::AcceptOne() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    callbacks_.accepted(fd);
    return true;
  }
  const int error = errno;  // callbacks may change it
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) Pause(error);
  // The rest is either "none waiting" or the fault of one connection (accept(2)): the next one is tried.
  return error == ECONNABORTED || error == EINTR || error == EPROTO;
}

void Listener::Pause(int error) {
  if (resume_timer_.armed()) return;
  loop_.Unwatch(fd_, *this);
  loop_.timers().Arm(resume_timer_, loop_.now() + kPause);
  callbacks_.exhausted(error);
}

void Listener::Resume(void* self) {
  auto* listener = static_cast<Listener*>(self);
  listener->loop_.WatchListener(listener->fd_, *listener);
}

}  // namespace naru::net
