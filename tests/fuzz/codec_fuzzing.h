// What both codec fuzzers require of a message, whatever its bytes.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "sidecar/http/http1_writer.h"
#include "tests/fuzz/require.h"
#include "tests/support/read_message.h"

namespace naru {

// How the bytes arrive changes nothing that is understood.
inline void RequireSame(const ReadMessage& a, const ReadMessage& b) {
  Require(a.transcript == b.transcript);
  Require(a.problem == b.problem);
  Require(a.complete == b.complete);
  if (a.problem.empty()) Require(a.body == b.body && a.rest == b.rest && a.head == b.head);
}

// No field can end before its line does: that is how one message hides in another.
inline void RequireSound(const http::FieldList& fields, std::string_view head) {
  for (const http::Field& field : fields) {
    Require(!field.name.empty());
    Require(field.name.find_first_of(" \t\r\n:", 0, 5) == field.name.npos);
    Require(field.value.find_first_of("\0\r\n", 0, 3) == field.value.npos);
    Require(field.name.data() >= head.data() &&
            field.name.data() + field.name.size() <= head.data() + head.size());
  }
  Require(fields.Count(http::FieldId::kContentLength) + fields.Count(http::FieldId::kTransferEncoding) <= 1);
}

// Writes the fields and the body as naru would that forwards all of them, and no trailers.
inline void AppendRest(std::string& out, const http::FieldList& fields, const http::Framing& framing,
                       std::string_view body) {
  for (const http::Field& field : fields) http::AppendField(out, field.name, field.value);
  http::AppendEndOfHead(out);
  if (framing.kind != http::Framing::Kind::kChunked) {
    out += body;
    return;
  }
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, 11);
    out.append(http::ChunkPrefix(piece.size()).text()).append(piece).append(http::kChunkSuffix);
    body.remove_prefix(piece.size());
  }
  http::AppendLastChunk(out, {});
}

inline size_t FragmentBytes(uint8_t choice) {
  return kFragmentSizes[choice % std::size(kFragmentSizes)];
}

}  // namespace naru
