// The fields of one HTTP/2 header block as they arrived, and those of one that is to be sent.
//
// A received block owns its bytes, so it stays good when the connection's buffer has gone. A block to be sent
// holds views where it can and copies what is made up on the way.
#pragma once

#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace naru::http {

inline constexpr size_t kFieldOverhead = 32;  // what a field counts beside its bytes (RFC 9113 6.5.2)

// What a peer sent: pseudo-header fields first, then the others, in their order.
class Http2HeadBlock {
 public:
  struct Entry {
    std::string_view name;
    std::string_view value;
  };

  void Add(std::string_view name, std::string_view value) {
    spans_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(name.size()),
                      static_cast<uint32_t>(value.size())});
    bytes_.append(name).append(value);
  }
  // A name in any case, as HTTP/1 has it.
  void AddAnyCase(std::string_view name, std::string_view value);
  // Keeps its memory.
  void Clear() {
    bytes_.clear();
    spans_.clear();
  }
  // Empties it. A block without memory, because it was swapped away, gets that of one which was let go.
  void Renew();
  // Leaves its memory for others of this thread. Empty then.
  void LetGo();
  void Swap(Http2HeadBlock& other) noexcept {
    bytes_.swap(other.bytes_);
    spans_.swap(other.spans_);
  }

  size_t size() const { return spans_.size(); }
  bool empty() const { return spans_.empty(); }
  // Views that are good until the block changes.
  Entry operator[](size_t i) const {
    const Span& span = spans_[i];
    const std::string_view bytes = bytes_;
    return {bytes.substr(span.begin, span.name_size),
            bytes.substr(span.begin + span.name_size, span.value_size)};
  }

 private:
  struct Span {
    uint32_t begin;
    uint32_t name_size;
    uint32_t value_size;
  };
  std::string bytes_;
  std::vector<Span> spans_;
};

// What naru sends. Names are made lower case (RFC 9113 8.2.1); views must stay good until it was submitted.
class Http2Fields {
 public:
  struct Entry {
    std::string_view name;
    std::string_view value;
    bool indexed;  // worth a place in the peer's dynamic table (RFC 7541 6.2)
  };

  // `indexed` is for values that come again. The name is lower case already.
  void Add(std::string_view name, std::string_view value, bool indexed = true) {
    entries_.push_back({name, value, indexed});
  }
  // A name in any case, as HTTP/1 has it.
  void AddAnyCase(std::string_view name, std::string_view value, bool indexed = true) {
    entries_.push_back({Lower(name), value, indexed});
  }
  // A value that was made on the way and is copied.
  void AddCopy(std::string_view name, std::string value, bool indexed = true) {
    Add(name, copies_.emplace_front(std::move(value)), indexed);
  }
  const std::vector<Entry>& entries() const { return entries_; }
  void Clear() {
    entries_.clear();
    copies_.clear();
  }

 private:
  std::string_view Lower(std::string_view name);

  std::vector<Entry> entries_;
  std::forward_list<std::string> copies_;  // its strings stay where they are
};

}  // namespace naru::http
