// Frames of HTTP/2 made and read by hand, for tests that say what nghttp2 would not.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/http/http2_frame_scanner.h"
#include "sidecar/http/http2_session.h"

namespace naru {

using FrameType = http::Http2FrameHead::Type;

inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kAck = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;
inline constexpr uint8_t kPadded = 0x8;

inline std::string Number32(uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
          static_cast<char>(number)};
}

// A frame whose head says `length`, whatever the payload (RFC 9113 4.1).
inline std::string FrameOfLength(uint32_t length, uint8_t type, uint8_t flags, uint32_t stream,
                                 std::string_view payload) {
  std::string frame = Number32(length).substr(1);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  return frame.append(Number32(stream)).append(payload);
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload = {}) {
  return FrameOfLength(static_cast<uint32_t>(payload.size()), type, flags, stream, payload);
}

using FieldPairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// An integer of HPACK with `prefix_bits` of its first byte free, whose other bits are `first` (RFC 7541 5.1).
inline std::string HpackNumber(uint8_t first, int prefix_bits, size_t number) {
  const size_t most = (size_t{1} << prefix_bits) - 1;
  if (number < most) return {static_cast<char>(first | number)};
  std::string bytes{static_cast<char>(first | most)};
  for (number -= most; number >= 128; number >>= 7) bytes.push_back(static_cast<char>(number % 128 + 128));
  bytes.push_back(static_cast<char>(number));
  return bytes;
}

inline std::string HpackString(std::string_view text) {
  return HpackNumber(0, 7, text.size()).append(text);
}

// A header block of literal fields that enter no table (RFC 7541 6.2.2).
inline std::string Hpack(FieldPairs fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block.push_back('\0');
    block.append(HpackString(name)).append(HpackString(value));
  }
  return block;
}

// One setting, as SETTINGS has it.
inline std::string Setting(uint16_t id, uint32_t value) {
  return Number32(id).substr(2) + Number32(value);
}

// A request for / that ends with its head.
inline std::string GetFrame(uint32_t stream) {
  return Frame(FrameType::kHeaders, kEndHeaders | kEndStream, stream,
               Hpack({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "courses"}}));
}

// The preface and the SETTINGS with which a client begins.
inline std::string ClientPreface() {
  return std::string(http::kHttp2Preface) + Frame(FrameType::kSettings, 0, 0);
}

// A line for every frame that a session sent: "HEADERS 1 end", "RST_STREAM 1 CANCEL", "GOAWAY NO_ERROR".
inline std::string DescribeFrames(std::string_view bytes) {
  static constexpr const char* kNames[] = {"DATA",     "HEADERS",      "PRIORITY", "RST_STREAM",
                                           "SETTINGS", "PUSH_PROMISE", "PING",     "GOAWAY",
                                           "WINDOW",   "CONTINUATION"};
  auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
    return value;
  };
  auto word = [&](size_t at) { return std::string(http::WordOf(static_cast<http::Http2Error>(number(at)))); };
  std::string text;
  if (bytes.starts_with(http::kHttp2Preface)) {
    text = "preface\n";
    bytes.remove_prefix(http::kHttp2Preface.size());
  }
  while (bytes.size() >= 9) {
    const size_t length = (number(0) >> 8) + 9;
    const auto type = static_cast<uint8_t>(bytes[3]);
    const auto flags = static_cast<uint8_t>(bytes[4]);
    text += type < std::size(kNames) ? kNames[type] : "unknown";
    if (number(5) != 0) text += " " + std::to_string(number(5));
    if (type == FrameType::kRstStream) text += " " + word(9);
    if (type == FrameType::kGoAway) text += " " + word(13);
    if ((type == FrameType::kSettings || type == FrameType::kPing) && flags & kAck) text += " ack";
    if ((type == FrameType::kData || type == FrameType::kHeaders) && flags & kEndStream) text += " end";
    text += "\n";
    bytes.remove_prefix(std::min(length, bytes.size()));
  }
  return bytes.empty() ? text : text + "half a frame\n";
}

}  // namespace naru
