// Reads one HTTP/1 message the way a connection does, from bytes that arrive in fragments, and writes down
// what was understood. Codec tests and fuzzers compare these transcripts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sidecar/http/message.h"

namespace naru {

// The sizes in which every row of a codec table is read; the last is "all at once".
inline constexpr size_t kFragmentSizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 16, 31, static_cast<size_t>(-1)};

struct ReadMessage {
  // The first line, the fields (those that are not to be forwarded with a '-' before them), "[framing]", the
  // body, the trailers with a '+' before them, and "[end]" or how it did not end.
  std::string transcript;
  std::string problem;  // why it was refused; the transcript then holds what was understood until then
  std::string head;     // as it came
  std::string body;
  std::string rest;  // bytes behind the end, which belong to the next message
  bool complete = false;
};

// `whole` is everything that the peer sends before it finishes sending.
ReadMessage ReadRequest(std::string_view whole, size_t fragment_bytes);
// `request_method` is that of the request which this answers.
ReadMessage ReadResponse(std::string_view whole, std::string_view request_method, size_t fragment_bytes);

}  // namespace naru
