#include "sidecar/http/http2_memory.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace naru::http {
namespace {

// The C library's pieces lie this far apart, eight bytes of each are its own: ours fill them.
constexpr size_t kClassBytes = 16;
constexpr size_t kHeapBytes = 8;
constexpr size_t kClasses = 128;          // up to 2 KiB; larger pieces are the C library's
constexpr size_t kMaxFreePerClass = 512;  // beyond that a piece goes back to it

struct FreePiece {
  FreePiece* next;
};

struct FreeList {
  FreePiece* first = nullptr;
  size_t count = 0;
};

struct FreeLists {
  std::array<FreeList, kClasses> lists;
  ~FreeLists() {
    for (FreeList& list : lists) {
      while (list.first != nullptr) {
        FreePiece* next = list.first->next;
        std::free(list.first);
        list.first = next;
      }
    }
  }
};

thread_local FreeLists free_lists;

// The class of pieces that have room for `bytes`.
size_t ClassFor(size_t bytes) {
  return std::max<size_t>(1, (bytes + kHeapBytes - 1) / kClassBytes);
}

size_t BytesOf(size_t size_class) {
  return size_class * kClassBytes + kClassBytes - kHeapBytes;
}

// How much of a piece may be used: nghttp2 frees without a size, but the C library knows it.
size_t RoomIn(void* piece) {
  return malloc_usable_size(piece);
}

void* Allocate(size_t bytes, void*) {
  const size_t size_class = ClassFor(bytes);
  if (size_class >= kClasses) return std::malloc(bytes);
  FreeList& list = free_lists.lists[size_class];
  if (list.first == nullptr) return std::malloc(BytesOf(size_class));
  --list.count;
  return std::exchange(list.first, list.first->next);
}

void Free(void* piece, void*) {
  if (piece == nullptr) return;
  const size_t size_class = (RoomIn(piece) - kHeapBytes) / kClassBytes;
  if (size_class >= kClasses || free_lists.lists[size_class].count >= kMaxFreePerClass) {
    std::free(piece);
    return;
  }
  FreeList& list = free_lists.lists[size_class];
  list.first = new (piece) FreePiece{list.first};
  ++list.count;
}

void* AllocateZeroed(size_t count, size_t bytes, void* user_data) {
  void* piece = Allocate(count * bytes, user_data);
  if (piece != nullptr) std::memset(piece, 0, count * bytes);
  return piece;
}

void* Reallocate(void* piece, size_t bytes, void* user_data) {
  if (piece == nullptr) return Allocate(bytes, user_data);
  const size_t had = RoomIn(piece);
  if (bytes <= had) return piece;
  void* larger = Allocate(bytes, user_data);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, piece, had);
  Free(piece, user_data);
  return larger;
}

}  // namespace

nghttp2_mem* Http2Memory() {
#if defined(__SANITIZE_ADDRESS__)
  return nullptr;
#else
  static nghttp2_mem memory{nullptr, &Allocate, &Free, &AllocateZeroed, &Reallocate};
  return &memory;
#endif
}

}  // namespace naru::http
