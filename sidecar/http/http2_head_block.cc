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

void MakeLower(std::string& text) {
  for (char& c : text) {
    if (IsUpper(c)) c = static_cast<char>(c + ('a' - 'A'));
  }
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
  Http2HeadBlock gone;
  gone.Swap(*this);
  const bool worth_keeping = gone.spans_.capacity() > 0 && gone.bytes_.capacity() <= kKeptBytes;
  if (worth_keeping && free_blocks.size() < kMaxFreeBlocks) free_blocks.emplace_back().Swap(gone);
}

void Http2HeadBlock::AddAnyCase(std::string_view name, std::string_view value) {
  std::string lower(name);
  MakeLower(lower);
  Add(lower, value);
}

std::string_view Http2Fields::Lower(std::string_view name) {
  if (std::none_of(name.begin(), name.end(), IsUpper)) return name;
  std::string& lower = copies_.emplace_front(name);
  MakeLower(lower);
  return lower;
}

}  // namespace naru::http
