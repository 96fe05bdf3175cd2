// Pairs of connected sockets for tests: the plain descriptor is the peer's end, which the test drives by
// hand.
#pragma once

#include <string>
#include <string_view>

namespace naru {

// Closes a descriptor, unless it was released.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  int Release();
  void Close();

 private:
  int fd_;
};

struct Connection {
  Descriptor ours;   // non-blocking
  Descriptor peers;  // blocking, with a limit of ten seconds on every wait
};

Connection UnixConnection();
Connection TcpConnection();  // over loopback

// Blocking; failures abort the test binary with a sentence.
void Send(const Descriptor& peer, std::string_view bytes);
std::string Receive(const Descriptor& peer, size_t bytes);  // fewer at the end
void ResetAndClose(Descriptor& peer);

}  // namespace naru
