// Looks at the frame heads in the bytes of an HTTP/2 connection, however they are cut, before nghttp2 does:
// what floods a connection is told by types and sizes alone, whatever the library makes of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace naru::http {

// RFC 9113 4.1 and 6.
struct Http2FrameHead {
  enum Type : uint8_t {
    kData = 0,
    kHeaders = 1,
    kPriority = 2,
    kRstStream = 3,
    kSettings = 4,
    kPushPromise = 5,
    kPing = 6,
    kGoAway = 7,
    kWindowUpdate = 8,
    kContinuation = 9,
  };
  static constexpr uint8_t kEndStreamOrAck = 0x1;

  uint32_t length = 0;
  uint8_t type = 0;
  uint8_t flags = 0;
  // The increment of a WINDOW_UPDATE.
  uint32_t window_increment = 0;
  int32_t stream = 0;

  bool operator==(const Http2FrameHead&) const = default;
};

class Http2FrameScanner {
 public:
  // `skip` bytes stand before the first frame, such as the preface.
  explicit Http2FrameScanner(size_t skip) : skip_(skip) {}

  // Calls `visit(head, begin)` for every frame whose head is complete. `begin` is where in `bytes` the frame
  // begins; 0 if that was before them.
  template <class Visit>
  void Scan(std::string_view bytes, Visit visit) {
    const char* const first = bytes.data();
    while (true) {
      const size_t skipped = std::min(skip_, bytes.size());
      skip_ -= skipped;
      bytes.remove_prefix(skipped);
      const size_t wanted = Wanted();
      const size_t taken = std::min(wanted - have_, bytes.size());
      std::copy_n(bytes.data(), taken, head_.data() + have_);
      have_ += taken;
      bytes.remove_prefix(taken);
      if (have_ < wanted) return;
      if (Wanted() > have_) continue;  // the head says that its increment is wanted too
      const Http2FrameHead head = Parse();
      skip_ = head.length - std::min<size_t>(head.length, have_ - kHeadBytes);
      const auto here = static_cast<size_t>(bytes.data() - first);
      const size_t begin = here - std::min(here, have_);
      have_ = 0;
      visit(head, begin);
    }
  }

 private:
  static constexpr size_t kHeadBytes = 9;
  static constexpr size_t kIncrementBytes = 4;

  uint8_t Byte(size_t i) const { return static_cast<uint8_t>(head_[i]); }
  uint32_t Length() const {
    return static_cast<uint32_t>(Byte(0)) << 16 | static_cast<uint32_t>(Byte(1)) << 8 | Byte(2);
  }
  size_t Wanted() const {
    const bool window =
        have_ >= kHeadBytes && Byte(3) == Http2FrameHead::kWindowUpdate && Length() == kIncrementBytes;
    return window ? kHeadBytes + kIncrementBytes : kHeadBytes;
  }
  uint32_t Word(size_t i) const {
    return static_cast<uint32_t>(Byte(i) & 0x7f) << 24 | static_cast<uint32_t>(Byte(i + 1)) << 16 |
           static_cast<uint32_t>(Byte(i + 2)) << 8 | Byte(i + 3);
  }
  Http2FrameHead Parse() const {
    Http2FrameHead head{Length(), Byte(3), Byte(4), 0, static_cast<int32_t>(Word(5))};
    if (have_ == kHeadBytes + kIncrementBytes) head.window_increment = Word(9);
    return head;
  }

  size_t skip_;
  size_t have_ = 0;
  std::array<char, kHeadBytes + kIncrementBytes> head_;
};

}  // namespace naru::http
