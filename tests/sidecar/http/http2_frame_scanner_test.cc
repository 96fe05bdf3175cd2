#include "sidecar/http/http2_frame_scanner.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/http2_frames.h"
#include "tests/support/read_message.h"

namespace naru::http {

void PrintTo(const Http2FrameHead& head, std::ostream* out) {
  *out << "type " << int{head.type} << ", flags " << int{head.flags} << ", length " << head.length
       << ", increment " << head.window_increment << ", stream " << head.stream;
}

namespace {

std::vector<Http2FrameHead> Scan(std::string_view bytes, size_t skip, size_t fragment_bytes) {
  std::vector<Http2FrameHead> heads;
  Http2FrameScanner scanner(skip);
  while (!bytes.empty()) {
    const std::string fragment(bytes.substr(0, fragment_bytes));  // in memory of its own
    bytes.remove_prefix(fragment.size());
    scanner.Scan(fragment, [&](const Http2FrameHead& head, size_t) { heads.push_back(head); });
  }
  return heads;
}

struct Row {
  const char* name;
  std::string bytes;
  std::vector<Http2FrameHead> heads;
  size_t skip = 0;
};

class FrameScanner : public testing::TestWithParam<Row> {};

TEST_P(FrameScanner, SeesTheSameHeadsHoweverTheyAreCut) {
  for (const size_t bytes : kFragmentSizes) {
    EXPECT_EQ(Scan(GetParam().bytes, GetParam().skip, bytes), GetParam().heads) << bytes;
  }
}

constexpr uint8_t kPing = Http2FrameHead::kPing;
constexpr uint8_t kData = Http2FrameHead::kData;
constexpr uint8_t kWindow = Http2FrameHead::kWindowUpdate;

INSTANTIATE_TEST_SUITE_P(
    Rows, FrameScanner,
    testing::Values(
        Row{"Nothing", "", {}}, Row{"HalfAHead", Frame(kPing, 0, 0).substr(0, 8), {}},
        Row{"Empty", Frame(kData, 0, 1), {{0, kData, 0, 0, 1}}},
        Row{"OneThatIsCutShort", Frame(kPing, 0, 0, "12345678").substr(0, 12), {{8, kPing, 0}}},
        Row{"OneAfterTheOther",
            Frame(kPing, 1, 0, "12345678") + Frame(kData, 1, 3, std::string(300, 'x')) + Frame(kData, 0, 3),
            {{8, kPing, 1}, {300, kData, 1, 0, 3}, {0, kData, 0, 0, 3}}},
        Row{"UnknownType",
            Frame(0xfa, 0xff, 0, "abc") + Frame(kData, 0, 1),
            {{3, 0xfa, 0xff}, {0, kData, 0, 0, 1}}},
        Row{"Increment",
            Frame(kWindow, 0, 1, Number32(65536)) + Frame(kData, 0, 1),
            {{4, kWindow, 0, 65536, 1}, {0, kData, 0, 0, 1}}},
        // RFC 9113 6.9: the highest bit is reserved.
        Row{"IncrementWithTheReservedBit",
            Frame(kWindow, 0, 1, Number32(0xffffffff)),
            {{4, kWindow, 0, 0x7fffffff, 1}}},
        Row{"IncrementThatIsCutShort", Frame(kWindow, 0, 1, Number32(1)).substr(0, 12), {}},
        Row{"IncrementOfAWrongLength",
            Frame(kWindow, 0, 1, "abc") + Frame(kWindow, 0, 1, "abcde") + Frame(kWindow, 0, 1) +
                Frame(kData, 0, 1),
            {{3, kWindow, 0, 0, 1}, {5, kWindow, 0, 0, 1}, {0, kWindow, 0, 0, 1}, {0, kData, 0, 0, 1}}},
        Row{"Preface",
            ClientPreface() + Frame(kData, 0, 1),
            {{0, Http2FrameHead::kSettings, 0}, {0, kData, 0, 0, 1}},
            kHttp2Preface.size()},
        Row{"HalfAPreface", std::string(kHttp2Preface.substr(0, 20)), {}, kHttp2Preface.size()},
        Row{"TheLongest",
            FrameOfLength(0xffffff, kData, 0, 1, std::string(100, 'x')),
            {{0xffffff, kData, 0, 0, 1}}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FrameScannerBegins, SaysWhereAFrameBegins) {
  const std::string bytes =
      Frame(kPing, 0, 0, "12345678") + Frame(kWindow, 0, 1, Number32(9)) + Frame(kData, 0, 1);
  std::vector<size_t> begins;
  Http2FrameScanner scanner(0);
  scanner.Scan(bytes, [&](const Http2FrameHead&, size_t begin) { begins.push_back(begin); });
  EXPECT_EQ(begins, (std::vector<size_t>{0, 17, 30}));
}

TEST(FrameScannerBegins, CountsFromTheStartWhatBeganBefore) {
  Http2FrameScanner scanner(0);
  const std::string ping = Frame(kPing, 0, 0, "12345678");
  std::vector<size_t> begins;
  auto note = [&](const Http2FrameHead&, size_t begin) { begins.push_back(begin); };
  scanner.Scan(ping.substr(0, 4), note);
  scanner.Scan(ping.substr(4) + ping, note);
  EXPECT_EQ(begins, (std::vector<size_t>{0, 13}));
}

}  // namespace
}  // namespace naru::http
