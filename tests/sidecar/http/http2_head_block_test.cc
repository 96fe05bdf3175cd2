#include "sidecar/http/http2_head_block.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

namespace naru::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Sent = std::vector<std::tuple<std::string, std::string, bool>>;

Pairs Of(const Http2HeadBlock& block) {
  Pairs pairs;
  for (size_t i = 0; i < block.size(); ++i) pairs.emplace_back(block[i].name, block[i].value);
  return pairs;
}

Sent Of(const Http2Fields& fields) {
  Sent sent;
  for (const Http2Fields::Entry& entry : fields.entries())
    sent.emplace_back(entry.name, entry.value, entry.indexed);
  return sent;
}

TEST(Http2HeadBlock, KeepsFieldsInTheirOrderAndOwnsThem) {
  Http2HeadBlock block;
  EXPECT_TRUE(block.empty());
  for (int i = 0; i < 1000; ++i)
    block.Add("name-" + std::to_string(i), std::string(static_cast<size_t>(i), 'x'));
  ASSERT_EQ(block.size(), 1000u);
  EXPECT_FALSE(block.empty());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(block[static_cast<size_t>(i)].name, "name-" + std::to_string(i));
    EXPECT_EQ(block[static_cast<size_t>(i)].value, std::string(static_cast<size_t>(i), 'x'));
  }
}

TEST(Http2HeadBlock, KeepsEmptyValuesAndTheSameNameTwice) {
  Http2HeadBlock block;
  block.Add("a", "");
  block.Add("a", "b");
  block.Add("", "c");
  EXPECT_EQ(Of(block), (Pairs{{"a", ""}, {"a", "b"}, {"", "c"}}));
}

TEST(Http2HeadBlock, IsEmptyOnceCleared) {
  Http2HeadBlock block;
  block.Add("a", "b");
  block.Clear();
  EXPECT_TRUE(block.empty());
  block.Add("c", "d");
  EXPECT_EQ(Of(block), (Pairs{{"c", "d"}}));
}

TEST(Http2HeadBlock, IsTakenBySwap) {
  Http2HeadBlock full;
  Http2HeadBlock empty;
  full.Add("a", "b");
  full.Swap(empty);
  EXPECT_EQ(Of(full), (Pairs{}));
  EXPECT_EQ(Of(empty), (Pairs{{"a", "b"}}));
}

TEST(Http2HeadBlock, StaysGoodWhenMoved) {
  Http2HeadBlock block;
  block.Add("a", "b");  // short enough to stand in the string itself
  const Http2HeadBlock moved = std::move(block);
  EXPECT_EQ(Of(moved), (Pairs{{"a", "b"}}));
}

// RFC 9113 8.2.1
TEST(Http2Fields, AreWrittenInLowerCase) {
  Http2Fields fields;
  fields.AddAnyCase("Content-Type", "Text/HTML");
  fields.Add("x-already", "A", false);
  fields.AddCopy("x-made-up", std::string("V"));
  fields.AddCopy("etag", std::string("\"Q\""), false);
  EXPECT_EQ(Of(fields), (Sent{{"content-type", "Text/HTML", true},
                              {"x-already", "A", false},
                              {"x-made-up", "V", true},
                              {"etag", "\"Q\"", false}}));
}

TEST(Http2Fields, KeepTheirCopiesWhereTheyAre) {
  Http2Fields fields;
  for (int i = 0; i < 1000; ++i) fields.AddCopy("N", std::to_string(i));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(fields.entries()[static_cast<size_t>(i)].value, std::to_string(i));
  fields.Clear();
  EXPECT_EQ(Of(fields), Sent{});
}

}  // namespace
}  // namespace naru::http
