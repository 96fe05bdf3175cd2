// How much the admin port grants to its clients.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace naru::admin {

struct AdminLimits {
  size_t connections = 64;  // one more closes the one that has waited longest for its client to ask
  uint32_t head_bytes = 16 * 1024;
  uint64_t body_bytes = 1024;                                   // no request needs a body
  std::chrono::milliseconds idle = std::chrono::seconds(60);    // until the first byte of a request
  std::chrono::milliseconds request = std::chrono::seconds(5);  // from there to its last
  std::chrono::milliseconds response = std::chrono::seconds(30);
};

}  // namespace naru::admin
