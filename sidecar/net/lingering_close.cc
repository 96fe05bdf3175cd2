#include "sidecar/net/lingering_close.h"

namespace naru::net {

Task<void> LingeringClose(Socket& socket, BufferPool& buffers, Duration limit) {
  if (socket.broken()) co_return;
  socket.FinishSending();
  Timer timer([](void* self) { static_cast<Socket*>(self)->Cancel(IoError::kTimeout); }, &socket);
  socket.loop().timers().Arm(timer, socket.loop().now() + limit);
  while ((co_await socket.WaitReadable()).ok()) {
    Buffer discarded = buffers.Small();
    const IoResult got = co_await socket.Read({discarded.data(), discarded.capacity()});
    if (!got.ok()) break;
  }
  timer.Disarm();
}

}  // namespace naru::net
