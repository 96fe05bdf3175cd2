#include "sidecar/net/buffer_pool.h"

namespace naru::net {

BufferPool::~BufferPool() {
  for (char* data : free_small_) delete[] data;
  for (char* data : free_large_) delete[] data;
}

Buffer BufferPool::Take(std::vector<char*>& free, size_t bytes) {
  if (free.empty()) return Buffer(this, new char[bytes], bytes);
  char* data = free.back();
  free.pop_back();
  return Buffer(this, data, bytes);
}

void BufferPool::GiveBack(char* data, size_t capacity) {
  if (capacity == kSmallBytes && free_small_.size() < kMaxFreeSmall) {
    free_small_.push_back(data);
  } else if (capacity == kLargeBytes && free_large_.size() < kMaxFreeLarge) {
    free_large_.push_back(data);
  } else {
    delete[] data;
  }
}

}  // namespace naru::net
