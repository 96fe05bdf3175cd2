// Buffers of one worker, lent when bytes arrive and given back before waiting for more: an idle connection
// holds none.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace naru::net {

class BufferPool;

// A lent buffer, given back when destroyed. Empty after a move.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  // Gives back what it held.
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    std::swap(pool_, taken.pool_);
    std::swap(data_, taken.data_);
    std::swap(capacity_, taken.capacity_);
    return *this;
  }
  ~Buffer() { Release(); }

  char* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  explicit operator bool() const { return data_ != nullptr; }
  void Release();

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, char* data, size_t capacity) : pool_(pool), data_(data), capacity_(capacity) {}

  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

class BufferPool {
 public:
  static constexpr size_t kSmallBytes = 16 * 1024;  // a head and the start of a body
  static constexpr size_t kLargeBytes =
      256 * 1024;                              // the rest of a large body: fewer system calls a megabyte
  static constexpr size_t kMaxFreeSmall = 64;  // beyond these, buffers go back to the heap
  static constexpr size_t kMaxFreeLarge = 4;

  BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  Buffer Small() { return Take(free_small_, kSmallBytes); }
  Buffer Large() { return Take(free_large_, kLargeBytes); }
  // Any other size comes from the heap.
  Buffer OfSize(size_t bytes) { return Buffer(this, new char[bytes], bytes); }

 private:
  friend class Buffer;
  Buffer Take(std::vector<char*>& free, size_t bytes);
  void GiveBack(char* data, size_t capacity);

  std::vector<char*> free_small_;
  std::vector<char*> free_large_;
};

inline void Buffer::Release() {
  if (data_ != nullptr) pool_->GiveBack(std::exchange(data_, nullptr), capacity_);
  capacity_ = 0;
}

}  // namespace naru::net
