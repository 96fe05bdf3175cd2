// What a call costs the heap once everything is warm. A number that grows is a cost on every call: find it
// before you raise the constant.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "tests/support/allocations.h"
#include "tests/support/wire.h"

namespace naru::call {
namespace {

constexpr size_t kAllocationsOfAGet = 0;

const std::string kGet =
    "GET /v1/courses/7 HTTP/1.1\r\nhost: courses\r\naccept: */*\r\nuser-agent: a\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

class CallAllocations : public testing::Test {
 protected:
  // Runs the loop until `fd` is readable and empties it, without touching the heap.
  void Drain(const Descriptor& peer, size_t bytes) {
    char into[4096];
    size_t received = 0;
    auto all = [&] {
      const ssize_t got = received < bytes ? recv(peer.get(), into, sizeof(into), MSG_DONTWAIT) : 0;
      if (got > 0) received += static_cast<size_t>(got);
      return received >= bytes;
    };
    ASSERT_TRUE(wire_.Until(all));
  }
  // What the test's own waiting for the loop takes, once.
  size_t OfAWait() {
    const size_t before = Allocations();
    EXPECT_TRUE(wire_.Until([] { return true; }));
    return Allocations() - before;
  }
  // One call; returns what it took from the heap, the test's two waits excluded.
  size_t Call(const Descriptor& upstream) {
    const size_t waits = 2 * OfAWait();
    const size_t before = Allocations();
    Send(application_, kGet);
    Drain(upstream, request_bytes_);
    Send(upstream, kOk);
    Drain(application_, kOk.size());
    return Allocations() - before - waits;
  }

  Wire wire_;
  Descriptor application_ = wire_.Connect();
  size_t request_bytes_ = 0;
};

TEST_F(CallAllocations, OfAGetOverWarmConnections) {
  const size_t before = Allocations();
  Send(application_, kGet);
  const Descriptor upstream = wire_.Accept();
  EXPECT_GT(Allocations() - before, 10u);  // the first call is not for free: the counter counts
  request_bytes_ = wire_.ReadHead(upstream).size();
  Send(upstream, kOk);
  Drain(application_, kOk.size());
  for (int warm = 0; warm < 20; ++warm) Call(upstream);
  size_t allocations = 0;
  constexpr int kCalls = 50;
  for (int call = 0; call < kCalls;) {
    const net::TimePoint began = wire_.loop().ReadClock();
    const size_t of_this_one = Call(upstream);
    // A call that takes a second is told as slow, which is not for free.
    if (wire_.loop().ReadClock() - began > std::chrono::milliseconds(500)) continue;
    allocations += of_this_one;
    ++call;
  }
  std::printf("%zu allocations in %d calls\n", allocations, kCalls);
  EXPECT_EQ(allocations, kAllocationsOfAGet * kCalls);
}

}  // namespace
}  // namespace naru::call
