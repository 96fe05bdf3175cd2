// Accepts the connections of one listening socket on one worker.
//
// When the process has no descriptor left, or none for this, it stops accepting for a moment instead of
// spinning: the backlog keeps the callers waiting, and they are served as soon as descriptors come free.
#pragma once

#include <cstdint>
#include <functional>

#include "sidecar/net/event_loop.h"

namespace naru::net {

class Listener final : public EventHandler {
 public:
  // `accepted` gets each new non-blocking descriptor and owns it. `exhausted` is told when accepting pauses.
  // `may_accept` says whether another one may be had; where it is empty, always.
  struct Callbacks {
    std::function<void(int fd)> accepted;
    std::function<void(int error)> exhausted;
    std::function<bool()> may_accept = nullptr;
  };

  // Takes ownership of the listening `fd`.
  Listener(EventLoop& loop, int fd, Callbacks callbacks);
  // Accepts what the kernel has already established, so that closing the socket resets nobody.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void OnEvents(uint32_t events) override;

 private:
  static constexpr int kMaxAcceptsPerEvent = 64;
  static constexpr Duration kPause = std::chrono::milliseconds(50);

  bool MayAccept() const { return !callbacks_.may_accept || callbacks_.may_accept(); }
  // Returns false when there is nothing more to accept for now.
  bool AcceptOne();
  void Pause(int error);
  static void Resume(void* self);

  EventLoop& loop_;
  const int fd_;
  const Callbacks callbacks_;
  Timer resume_timer_;
};

}  // namespace naru::net
