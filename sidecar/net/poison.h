// Tells AddressSanitizer which memory of a pool is lent and which is not, so that a view into a buffer or a
// frame that was given back is found like one into freed memory. Without the sanitizer these are nothing.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NARU_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define NARU_ADDRESS_SANITIZER 1
#endif

#ifdef NARU_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace naru::net {

inline void Poison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#ifdef NARU_ADDRESS_SANITIZER
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void Unpoison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#ifdef NARU_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

// For memory whose address goes to the kernel by a system call of our own, which the sanitizer does not see.
inline void CheckLent([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) {
#ifdef NARU_ADDRESS_SANITIZER
  // Reading where the poison starts makes the sanitizer report it as any other use.
  auto* poisoned =
      static_cast<const volatile char*>(__asan_region_is_poisoned(const_cast<void*>(memory), bytes));
  if (poisoned != nullptr) [[maybe_unused]]
    const char read = *poisoned;
#endif
}

}  // namespace naru::net
