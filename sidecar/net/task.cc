#include "sidecar/net/task.h"

#include <array>
#include <new>

#include "sidecar/net/poison.h"

namespace naru::net {
namespace {

// The C library's pieces lie this far apart, eight bytes of each are its own: frames fill them.
constexpr size_t kClassBytes = 16;
constexpr size_t kHeapBytes = 8;
constexpr size_t kClasses = 256;          // frames up to 4 KiB; larger ones go to the heap
constexpr size_t kMaxFreePerClass = 256;  // beyond that a frame goes back to the heap

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first = nullptr;
  size_t count = 0;
};

struct FreeLists {
  std::array<FreeList, kClasses> lists;

  ~FreeLists() {
    for (FreeList& list : lists) {
      while (list.first != nullptr) ::operator delete(Take(list, sizeof(FreeFrame)));
    }
  }

  static void* Take(FreeList& list, size_t bytes) {
    Unpoison(list.first, bytes);
    --list.count;
    return std::exchange(list.first, list.first->next);
  }
};

thread_local FreeLists free_lists;

size_t ClassOf(size_t bytes) {
  return (bytes + kHeapBytes - 1) / kClassBytes;
}

size_t BytesOf(size_t size_class) {
  return size_class * kClassBytes + kClassBytes - kHeapBytes;
}

}  // namespace

void* FramePool::Allocate(size_t bytes) {
  const size_t size_class = ClassOf(bytes);
  if (size_class >= kClasses) return ::operator new(bytes);
  FreeList& list = free_lists.lists[size_class];
  const size_t class_bytes = BytesOf(size_class);
  if (list.first == nullptr) return ::operator new(class_bytes);
  return FreeLists::Take(list, class_bytes);
}

void FramePool::Free(void* frame, size_t bytes) noexcept {
  const size_t size_class = ClassOf(bytes);
  if (size_class >= kClasses || free_lists.lists[size_class].count >= kMaxFreePerClass) {
    ::operator delete(frame);
    return;
  }
  FreeList& list = free_lists.lists[size_class];
  list.first = new (frame) FreeFrame{list.first};
  ++list.count;
  Poison(frame, BytesOf(size_class));
}

}  // namespace naru::net
