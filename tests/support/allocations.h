// Counts what goes through operator new and delete, on every thread, in the tests that link
// naru_test_allocations.
#pragma once

#include <cstddef>

namespace naru {

size_t Allocations();
size_t Frees();

}  // namespace naru
