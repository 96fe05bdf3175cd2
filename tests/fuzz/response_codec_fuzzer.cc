// Whatever an upstream sends: the same is understood however it arrives; what is refused has a sentence; what
// is accepted has one framing, no field that ends early, and means the same once naru has written it again.
// llhttp understands the same.
#include "sidecar/http/http1_head.h"
#include "tests/fuzz/codec_fuzzing.h"
#include "tests/fuzz/llhttp_oracle.h"

namespace naru {
namespace {

void RequireRoundTrip(const ReadMessage& read, std::string_view request_method) {
  http::ResponseHead head;
  Require(http::ParseResponseHead(read.head, request_method, head).empty());
  RequireSound(head.fields, read.head);
  Require(head.status >= 100 && head.status <= 599);
  if (head.minor_version != 1 || head.reason.empty() || !read.complete) return;
  std::string again;
  http::AppendStatusLine(again, head.status, head.reason);
  AppendRest(again, head.fields, head.body, read.body);
  const ReadMessage reread = ReadResponse(again, request_method, 7);
  Require(reread.complete && reread.rest.empty() && reread.body == read.body);
  Require(read.transcript.starts_with(reread.transcript.substr(0, reread.transcript.size() - 5)));
}

}  // namespace
}  // namespace naru

// The input: a byte that chooses how the rest arrives and, when it is odd, that it answers HEAD; then the
// bytes of the connection.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view method = data[0] % 2 == 1 ? "HEAD" : "GET";
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const naru::ReadMessage whole = naru::ReadResponse(bytes, method, static_cast<size_t>(-1));
  naru::RequireSame(whole, naru::ReadResponse(bytes, method, naru::FragmentBytes(data[0] / 2)));
  if (whole.head.empty()) return 0;
  naru::http::ResponseHead head;
  const std::string_view problem = naru::http::ParseResponseHead(whole.head, method, head);
  naru::RequireLikeLlhttp(whole.head, head, problem);
  if (whole.problem.empty()) naru::RequireRoundTrip(whole, method);
  return 0;
}
