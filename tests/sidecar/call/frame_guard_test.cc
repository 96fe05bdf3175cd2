#include "sidecar/call/frame_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/http2_frames.h"
#include "tests/support/read_message.h"

namespace naru::call {
namespace {

using resilience::AbuseGuard;
using resilience::AbuseKind;
using resilience::TimePoint;
using std::chrono::seconds;

constexpr TimePoint kNow{seconds(1000)};
constexpr auto kNoneIsOver = [](int32_t) { return false; };

std::string Times(int times, std::string_view frame) {
  std::string all;
  for (int i = 0; i < times; ++i) all.append(frame);
  return all;
}

// The word of the abuse, "fine", or "unclear" when it depends on how the bytes are cut.
std::string Inspect(std::string_view bytes) {
  std::vector<std::string> words;
  for (const size_t fragment_bytes : kFragmentSizes) {
    FrameGuard guard(kNow);
    std::string word = "fine";
    for (std::string_view rest = bytes; !rest.empty() && word == "fine";) {
      const std::string fragment(rest.substr(0, fragment_bytes));
      rest.remove_prefix(fragment.size());
      if (const auto kind = guard.Inspect(fragment, kNoneIsOver, kNow)) word = resilience::WordOf(*kind);
    }
    words.push_back(word);
  }
  for (const std::string& word : words) {
    if (word != words[0]) return "unclear";
  }
  return words[0];
}

struct Row {
  const char* name;
  int honest;         // as many are fine
  std::string frame;  // and one more is
  const char* word;
};

class Floods : public testing::TestWithParam<Row> {};

TEST_P(Floods, AreKnownByOneFrameTooMany) {
  const Row& row = GetParam();
  const std::string begins = ClientPreface();
  EXPECT_EQ(Inspect(begins + Times(row.honest, row.frame)), "fine");
  EXPECT_EQ(Inspect(begins + Times(row.honest + 1, row.frame)), row.word);
}

// Of two streams in turn.
const std::string kResets =
    Frame(FrameType::kRstStream, 0, 1, Number32(8)) + Frame(FrameType::kRstStream, 0, 3, Number32(8));
const std::string kHeaders = Frame(FrameType::kHeaders, 0, 1, "x");
const std::string kContinuation = Frame(FrameType::kContinuation, 0, 1, "x");

INSTANTIATE_TEST_SUITE_P(
    Rows, Floods,
    testing::Values(
        // CVE-2023-44487
        Row{"RapidReset", 500, kHeaders + kResets, "rapid_reset"},
        Row{"ResetsOfOneStream", 10'001, Frame(FrameType::kRstStream, 0, 1, Number32(8)), "stale_reset"},
        // CVE-2024-28182
        Row{"Continuation", 32, kContinuation, "continuation"},
        // CVE-2019-9518
        Row{"EmptyData", 200, Frame(FrameType::kData, 0, 1), "empty_frames"},
        // CVE-2019-9512
        Row{"Ping", 10'000, Frame(FrameType::kPing, 0, 0, "12345678"), "ping"},
        Row{"PingAnswers", 10'000, Frame(FrameType::kPing, kAck, 0, "12345678"), "ping"},
        // CVE-2019-9515; the preface has had one
        Row{"Settings", 99, Frame(FrameType::kSettings, 0, 0), "settings"},
        Row{"SettingsAnswers", 99, Frame(FrameType::kSettings, kAck, 0), "settings"},
        // CVE-2019-9513
        Row{"Priority", 1000, Frame(FrameType::kPriority, 0, 1, "12345"), "priority"},
        Row{"UnknownFrames", 1000, Frame(0xfa, 0, 0, "x"), "priority"},
        Row{"PushPromise", 1000, Frame(FrameType::kPushPromise, 0, 1, "1234"), "priority"},
        // CVE-2019-9511
        Row{"TinyWindows", 4000, Frame(FrameType::kWindowUpdate, 0, 1, Number32(31)), "window"},
        Row{"WindowsOfNoLength", 4000, Frame(FrameType::kWindowUpdate, 0, 1), "window"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FrameGuard, LetsHonestFramesPassInAnyNumber) {
  for (const std::string& frame :
       {kHeaders, Frame(FrameType::kData, 0, 1, "x"), Frame(FrameType::kData, kEndStream, 1),
        Frame(FrameType::kWindowUpdate, 0, 1, Number32(32)), Frame(FrameType::kGoAway, 0, 0, "12345678")}) {
    EXPECT_EQ(Inspect(ClientPreface() + Times(20'000, frame)), "fine");
  }
}

TEST(FrameGuard, CountsContinuationsAnewForEachHeaderBlock) {
  EXPECT_EQ(Inspect(ClientPreface() + Times(1000, kHeaders + Times(32, kContinuation))), "fine");
  EXPECT_EQ(Inspect(ClientPreface() + Times(10, kHeaders + Times(32, kContinuation)) + kContinuation),
            "continuation");
}

TEST(FrameGuard, DoesNotTakeThePrefaceForFrames) {
  EXPECT_EQ(Inspect(http::kHttp2Preface), "fine");
  EXPECT_EQ(Inspect(ClientPreface()), "fine");
}

TEST(FrameGuard, SaysTheFirstOfTwoFloods) {
  FrameGuard guard(kNow);
  EXPECT_EQ(
      guard.Inspect(ClientPreface() + Times(33, kContinuation) + Times(20'000, Frame(FrameType::kPing, 0, 0)),
                    kNoneIsOver, kNow),
      AbuseKind::kContinuation);
}

TEST(FrameGuard, ForgivesWithTime) {
  FrameGuard guard(kNow);
  const std::string resets = Times(500, kResets);
  EXPECT_EQ(guard.Inspect(ClientPreface() + resets, kNoneIsOver, kNow), std::nullopt);
  EXPECT_EQ(guard.Inspect(resets, kNoneIsOver, kNow + seconds(5)), std::nullopt);
  EXPECT_EQ(guard.Inspect(resets, kNoneIsOver, kNow + seconds(9)), AbuseKind::kRapidReset);
}

TEST(FrameGuard, TakesTheResetOfAStreamThatIsOverForNoRapidReset) {
  FrameGuard guard(kNow);
  const auto all_are_over = [](int32_t) { return true; };
  EXPECT_EQ(guard.Inspect(ClientPreface() + Times(5000, kResets), all_are_over, kNow), std::nullopt);
  EXPECT_EQ(guard.Inspect(kResets, all_are_over, kNow), AbuseKind::kStaleReset);
}

}  // namespace
}  // namespace naru::call
