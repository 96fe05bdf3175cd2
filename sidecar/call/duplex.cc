#include "sidecar/call/duplex.h"

namespace naru::call {

net::Task<std::optional<std::string_view>> SocketDuplex::Read() {
  if (!already_read_.empty()) co_return std::exchange(already_read_, {});
  buffer_.Release();
  const net::IoResult ready = co_await socket_.WaitReadable();
  if (!ready.ok()) co_return std::nullopt;
  buffer_ = buffers_.Small();
  const net::IoResult got = co_await socket_.Read({buffer_.data(), buffer_.capacity()});
  if (got.error == net::IoError::kEof) co_return std::string_view();
  if (!got.ok()) co_return std::nullopt;
  co_return std::string_view(buffer_.data(), got.bytes);
}

net::Task<bool> SocketDuplex::Write(std::string_view bytes) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const net::IoResult written = co_await socket_.Write({&part, 1});
  co_return written.ok();
}

net::Task<void> SocketDuplex::FinishWriting() {
  socket_.FinishSending();
  co_return;
}

}  // namespace naru::call
