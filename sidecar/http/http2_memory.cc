#include "sidecar/http/http2_memory.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace naru::http {
namespace {

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = 32;           // up to 2 KiB; larger pieces are the C library's
constexpr size_t kMaxFreePerClass = 512;  // beyond that a piece goes back to it

// Stands before every piece.
struct alignas(std::max_align_t) Head {
  size_t bytes;  // that may be used
};

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
        std::free(reinterpret_cast<char*>(list.first) - sizeof(Head));
        list.first = next;
      }
    }
  }
};

thread_local FreeLists free_lists;

size_t ClassOf(size_t bytes) {
  return (bytes + kClassBytes - 1) / kClassBytes - 1;
}

Head* HeadOf(void* piece) {
  return reinterpret_cast<Head*>(static_cast<char*>(piece) - sizeof(Head));
}

void* Allocate(size_t bytes, void*) {
  const size_t size_class = ClassOf(bytes == 0 ? 1 : bytes);
  const size_t usable = size_class < kClasses ? (size_class + 1) * kClassBytes : bytes;
  if (size_class < kClasses && free_lists.lists[size_class].first != nullptr) {
    FreeList& list = free_lists.lists[size_class];
    FreePiece* piece = list.first;
    list.first = piece->next;
    --list.count;
    return piece;
  }
  auto* head = static_cast<Head*>(std::malloc(sizeof(Head) + usable));
  if (head == nullptr) return nullptr;
  head->bytes = usable;
  return head + 1;
}

void Free(void* piece, void*) {
  if (piece == nullptr) return;
  const size_t size_class = ClassOf(HeadOf(piece)->bytes);
  if (size_class >= kClasses || free_lists.lists[size_class].count >= kMaxFreePerClass) {
    std::free(HeadOf(piece));
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
  const size_t had = HeadOf(piece)->bytes;
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
