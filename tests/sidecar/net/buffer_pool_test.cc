#include "sidecar/net/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "sidecar/net/poison.h"
#include "tests/support/allocations.h"

namespace naru::net {
namespace {

TEST(BufferPool, LendsBuffersOfItsTwoSizesAndAnyOther) {
  BufferPool pool;
  EXPECT_EQ(pool.Small().capacity(), BufferPool::kSmallBytes);
  EXPECT_EQ(pool.Large().capacity(), BufferPool::kLargeBytes);
  Buffer odd = pool.OfSize(100);
  EXPECT_EQ(odd.capacity(), 100u);
  std::memset(odd.data(), 'x', odd.capacity());
}

TEST(BufferPool, LendsWhatWasGivenBackAgain) {
  BufferPool pool;
  { Buffer warm = pool.Small(); }
  { Buffer warm = pool.Large(); }
  const size_t before = Allocations();
  Buffer small = pool.Small();
  Buffer large = pool.Large();
  std::memset(small.data(), 'x', small.capacity());
  std::memset(large.data(), 'x', large.capacity());
  EXPECT_EQ(Allocations() - before, 0u);
}

TEST(BufferPool, KeepsNoMoreThanItsLimit) {
  BufferPool pool;
  std::vector<Buffer> lent;
  for (size_t i = 0; i < BufferPool::kMaxFreeLarge + 3; ++i) lent.push_back(pool.Large());
  const size_t before = Frees();
  for (Buffer& buffer : lent) buffer.Release();
  EXPECT_EQ(Frees() - before, 3u);
}

TEST(Buffer, IsEmptyOnceMovedFrom) {
  BufferPool pool;
  Buffer buffer = pool.Small();
  char* const data = buffer.data();
  Buffer other = std::move(buffer);
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_EQ(other.data(), data);
}

TEST(Buffer, GivesBackWhatItHeldWhenItIsAssigned) {
  BufferPool pool;
  Buffer holder = pool.Small();
  Buffer next = pool.Small();
  char* const first = holder.data();
  holder = std::move(next);
  EXPECT_FALSE(next);
  EXPECT_EQ(pool.Small().data(), first);
  holder = std::move(holder);
  EXPECT_TRUE(holder);
  holder = Buffer();
  EXPECT_FALSE(holder);
}

TEST(Buffer, IsGivenBackOnceOnly) {
  BufferPool pool;
  Buffer buffer = pool.Small();
  buffer.Release();
  buffer.Release();
  EXPECT_FALSE(buffer);
  Buffer one = pool.Small();
  Buffer two = pool.Small();
  EXPECT_NE(one.data(), two.data());
}

#ifdef NARU_ADDRESS_SANITIZER
TEST(BufferDeathTest, IsNotHandedToTheKernelOnceGivenBack) {
  BufferPool pool;
  Buffer buffer = pool.Small();
  char* const data = buffer.data();
  CheckLent(data, BufferPool::kSmallBytes);
  buffer.Release();
  EXPECT_DEATH(CheckLent(data, BufferPool::kSmallBytes), "use-after-poison");
}
#endif

}  // namespace
}  // namespace naru::net
