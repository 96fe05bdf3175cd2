#include "sidecar/http/body_decoder.h"

#include <gtest/gtest.h>

#include "sidecar/http/http1_writer.h"

#include <string>
#include <string_view>
#include <utility>

namespace naru::http {
namespace {

constexpr Framing kChunked = {Framing::Kind::kChunked, 0};

Framing Length(uint64_t length) {
  return {Framing::Kind::kLength, length};
}

BodyDecoder::Step Decode(BodyDecoder& decoder, std::string& bytes) {
  return decoder.Decode({bytes.data(), bytes.size()});
}

TEST(BodyDecoder, IsDoneAtOnceWithoutABody) {
  BodyDecoder decoder;
  EXPECT_TRUE(decoder.done());
  decoder.Start({});
  EXPECT_TRUE(decoder.done());
  decoder.Start(Length(0));
  EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, TakesALengthAndLeavesWhatFollows) {
  BodyDecoder decoder;
  decoder.Start(Length(7));
  std::string first = "hel";
  EXPECT_EQ(Decode(decoder, first).payload, "hel");
  EXPECT_EQ(decoder.remaining(), 4u);
  EXPECT_FALSE(decoder.done());
  std::string second = "lo, world";
  const BodyDecoder::Step step = Decode(decoder, second);
  EXPECT_EQ(step.payload, "lo, ");
  EXPECT_EQ(step.consumed, 4u);
  EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, TellsALengthCutShort) {
  BodyDecoder decoder;
  decoder.Start(Length(5));
  std::string bytes = "hell";
  Decode(decoder, bytes);
  EXPECT_FALSE(decoder.EndOfStream());
  EXPECT_FALSE(decoder.done());
}

TEST(BodyDecoder, TakesEverythingUntilTheClose) {
  BodyDecoder decoder;
  decoder.Start({Framing::Kind::kUntilClose, 0});
  std::string bytes = "anything";
  EXPECT_EQ(Decode(decoder, bytes).payload, "anything");
  EXPECT_FALSE(decoder.done());
  EXPECT_TRUE(decoder.EndOfStream());
  EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, MakesOnePieceOfManySmallChunks) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  std::string bytes = "1\r\na\r\n2;x\r\nbc\r\n3\r\ndef\r\n";
  const BodyDecoder::Step step = Decode(decoder, bytes);
  EXPECT_EQ(step.payload, "abcdef");
  EXPECT_EQ(step.consumed, bytes.size());
  EXPECT_FALSE(decoder.done());
  EXPECT_FALSE(decoder.EndOfStream());
}

TEST(BodyDecoder, GivesThePiecesOfALargeChunkAsTheyCome) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  std::string pieces[] = {"ffffffffffffffff\r\nab", "cd", "e"};
  EXPECT_EQ(Decode(decoder, pieces[0]).payload, "ab");
  EXPECT_EQ(Decode(decoder, pieces[1]).payload, "cd");
  EXPECT_EQ(Decode(decoder, pieces[2]).payload, "e");
}

TEST(BodyDecoder, TakesALengthThatDoesNotFitIntoThirtyTwoBits) {
  constexpr uint64_t kGibibyte = uint64_t{1} << 30;
  BodyDecoder decoder;
  decoder.Start(Length(5 * kGibibyte + 3));
  std::string piece(1 << 20, 'x');
  for (uint64_t taken = piece.size(); taken <= 5 * kGibibyte; taken += piece.size()) {
    const BodyDecoder::Step step = Decode(decoder, piece);
    ASSERT_EQ(step.consumed, piece.size());
    ASSERT_EQ(step.payload.size(), piece.size());
    ASSERT_EQ(decoder.remaining(), 5 * kGibibyte + 3 - taken);
  }
  EXPECT_FALSE(decoder.done());
  EXPECT_FALSE(decoder.EndOfStream());
  EXPECT_EQ(Decode(decoder, piece).consumed, 3u);
  EXPECT_TRUE(decoder.done());
}

// What Decode says of an endless stream of `bytes` behind a first chunk, and after how many of them.
std::pair<std::string_view, size_t> Endless(std::string_view begin, const std::string& bytes) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  std::string first = "1\r\na\r\n" + std::string(begin);
  std::string_view problem = Decode(decoder, first).problem;
  size_t taken = 0;
  for (; problem.empty() && taken < 1'000'000; taken += bytes.size()) {
    std::string piece = bytes;
    problem = Decode(decoder, piece).problem;
  }
  return {problem, taken};
}

TEST(BodyDecoder, RefusesFramingWithoutEnd) {
  constexpr std::string_view kTooMuch = "the chunks of the body carry too much besides the body";
  for (const std::string& bytes : {std::string("x"), std::string(1000, 'x'), std::string(100'000, 'x')}) {
    const auto [problem, taken] = Endless("1;", bytes);
    EXPECT_EQ(problem, kTooMuch) << bytes.size();
    EXPECT_LE(taken, 33 * 1024 + bytes.size());
  }
  EXPECT_EQ(Endless("", std::string(1000, '0')).first, kTooMuch);  // a size of zeros
}

TEST(BodyDecoder, BearsFramingThatPayloadInterrupts) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  for (int chunk = 0; chunk < 10; ++chunk) {
    std::string bytes = "1;" + std::string(30'000, 'x') + "\r\na\r\n";
    ASSERT_EQ(Decode(decoder, bytes).problem, "");
  }
}

TEST(BodyDecoder, StartsAfreshAfterABodyThatFailed) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  std::string bad = "0\r\nA: b\r\nC : d\r\n\r\n";
  EXPECT_EQ(Decode(decoder, bad).problem, "the trailers are malformed");
  decoder.Start(kChunked);
  std::string good = "1\r\nx\r\n0\r\nE: f\r\n\r\nrest";
  const BodyDecoder::Step step = Decode(decoder, good);
  EXPECT_EQ(step.payload, "x");
  EXPECT_EQ(step.problem, "");
  EXPECT_EQ(good.substr(step.consumed), "rest");
  ASSERT_EQ(decoder.trailers().size(), 1u);
  EXPECT_EQ(*decoder.trailers().begin(), (Field{"E", "f"}));
  decoder.Start(Length(1));
  EXPECT_TRUE(decoder.trailers().empty());
}

TEST(BodyDecoder, KnowsTheTrailersThatNaruReads) {
  BodyDecoder decoder;
  decoder.Start(kChunked);
  std::string bytes = "0\r\nx-NARU-outcome: ok\r\n\r\n";
  Decode(decoder, bytes);
  ASSERT_NE(decoder.trailers().Find(FieldId::kXNaruOutcome), nullptr);
  EXPECT_EQ(decoder.trailers().Find(FieldId::kXNaruOutcome)->value, "ok");
}

// RFC 9110 7.6.1: a field that Connection names is for this connection only, wherever it stands.
TEST(BodyDecoder, DoesNotForwardTrailersThatConnectionNames) {
  FieldList head;
  head.Add("Connection", "keep-alive, X-Hop");
  BodyDecoder decoder;
  decoder.Start({Framing::Kind::kChunked, 0}, head);
  std::string body = "0\r\nx-hop: 1\r\nx-sum: 2\r\n\r\n";
  decoder.Decode(body);
  ASSERT_TRUE(decoder.done());
  std::string forwarded;
  AppendLastChunk(forwarded, decoder.trailers());
  EXPECT_EQ(forwarded, "0\r\nx-sum: 2\r\n\r\n");
}

}  // namespace
}  // namespace naru::http
