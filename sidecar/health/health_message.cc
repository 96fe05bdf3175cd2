#include "sidecar/health/health_message.h"

#include <iterator>

namespace naru::health {
namespace {

// Wire types: protobuf.dev/programming-guides/encoding. Groups (3 and 4) are not in use any more.
enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

constexpr uint64_t TagOf(uint64_t field, WireType type) {
  return field << 3 | type;
}

void AppendVarint(std::string& bytes, uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}

// Takes a number off the front. Nothing when it ends neither there nor within ten bytes.
std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

// Takes the value of a field that is not wanted off the front.
bool Skip(std::string_view& bytes, uint64_t tag) {
  std::optional<uint64_t> length;
  switch (tag & 7) {
    case kVarint:
      return TakeVarint(bytes).has_value();
    case kFixed64:
      length = 8;
      break;
    case kFixed32:
      length = 4;
      break;
    case kLengthDelimited:
      length = TakeVarint(bytes);
      break;
  }
  if (!length || *length > bytes.size()) return false;
  bytes.remove_prefix(*length);
  return true;
}

}  // namespace

std::string EncodeHealthCheckRequest(std::string_view service) {
  std::string bytes;
  if (service.empty()) return bytes;  // proto3 leaves defaults out
  AppendVarint(bytes, TagOf(1, kLengthDelimited));
  AppendVarint(bytes, service.size());
  bytes += service;
  return bytes;
}

std::optional<uint64_t> DecodeHealthCheckResponse(std::string_view bytes) {
  uint64_t status = 0;
  while (!bytes.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(bytes);
    if (!tag) return std::nullopt;
    if (*tag != TagOf(1, kVarint)) {
      if (!Skip(bytes, *tag)) return std::nullopt;
      continue;
    }
    const std::optional<uint64_t> value = TakeVarint(bytes);
    if (!value) return std::nullopt;
    status = *value;  // the last one counts
  }
  return status;
}

std::string NameOfServingStatus(uint64_t status) {
  constexpr std::string_view kNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return status < std::size(kNames) ? std::string(kNames[status]) : "status " + std::to_string(status);
}

}  // namespace naru::health
