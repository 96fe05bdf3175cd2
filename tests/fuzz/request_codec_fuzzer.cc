// Whatever an application sends: the same is understood however it arrives; what is refused has a sentence;
// what is accepted has one framing, no field that ends early, and means the same once naru has written it
// again. llhttp understands the same.
#include "sidecar/http/http1_head.h"
#include "tests/fuzz/codec_fuzzing.h"
#include "tests/fuzz/llhttp_oracle.h"

namespace naru {
namespace {

void RequireRoundTrip(const ReadMessage& read) {
  http::RequestHead head;
  Require(http::ParseRequestHead(read.head, head).empty());
  RequireSound(head.fields, read.head);
  if (head.minor_version != 1 || !read.complete) return;
  std::string again;
  http::AppendRequestLine(again, head.method, head.target);
  AppendRest(again, head.fields, head.body, read.body);
  const ReadMessage reread = ReadRequest(again, 7);
  Require(reread.complete && reread.rest.empty() && reread.body == read.body);
  Require(read.transcript.starts_with(reread.transcript.substr(0, reread.transcript.size() - 5)));
}

}  // namespace
}  // namespace naru

// The input: a byte that chooses how the rest arrives, then the bytes of the connection.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const naru::ReadMessage whole = naru::ReadRequest(bytes, static_cast<size_t>(-1));
  naru::RequireSame(whole, naru::ReadRequest(bytes, naru::FragmentBytes(data[0])));
  if (whole.head.empty()) return 0;
  naru::http::RequestHead head;
  naru::RequireLikeLlhttp(whole.head, head, naru::http::ParseRequestHead(whole.head, head));
  if (whole.problem.empty()) naru::RequireRoundTrip(whole);
  return 0;
}
