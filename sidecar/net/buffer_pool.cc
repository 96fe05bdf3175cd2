#include "sidecar/net/buffer_pool.h"

#include "sidecar/net/poison.h"

namespace naru::net {

// Room for all that is ever kept: giving back allocates nothing.
BufferPool::BufferPool() {
  free_small_.reserve(kMaxFreeSmall);
  free_large_.reserve(kMaxFreeLarge);
}

BufferPool::~BufferPool() {
  for (char* data : free_small_) delete[] data;
  for (char* data : free_large_) delete[] data;
}

Buffer BufferPool::Take(std::vector<char*>& free, size_t bytes) {
  if (free.empty()) return Buffer(this, new char[bytes], bytes);
  char* data = free.back();
  free.pop_back();
  Unpoison(data, bytes);
  return Buffer(this, data, bytes);
}

void BufferPool::GiveBack(char* data, size_t capacity) {
  if (capacity == kSmallBytes && free_small_.size() < kMaxFreeSmall) {
    Poison(data, capacity);
    free_small_.push_back(data);
  } else if (capacity == kLargeBytes && free_large_.size() < kMaxFreeLarge) {
    Poison(data, capacity);
    free_large_.push_back(data);
  } else {
    delete[] data;
  }
}

}  // namespace naru::net
