#include "sidecar/http/http2_head_block.h"

#include <algorithm>

namespace naru::http {
namespace {

constexpr size_t kMaxFreeBlocks = 512;
constexpr size_t kKeptBytes = 8192;  // larger blocks are rare

thread_local std::vector<Http2HeadBlock> free_blocks;

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

}  // namespace

void Http2HeadBlock::Renew() {
  if (spans_.capacity() == 0 && !free_blocks.empty()) {
    Swap(free_blocks.back());
    free_blocks.pop_back();
  }
  Clear();
}

void Http2HeadBlock::LetGo() {
  Clear();
  const bool worth_keeping = spans_.capacity() > 0 && bytes_.capacity() <= kKeptBytes;
  if (worth_keeping && free_blocks.size() < kMaxFreeBlocks) free_blocks.emplace_back().Swap(*this);
}

std::string_view Http2Fields::Lower(std::string_view name) {
  if (std::none_of(name.begin(), name.end(), IsUpper)) return name;
  std::string& lower = copies_.emplace_front(name);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

}  // namespace naru::http
