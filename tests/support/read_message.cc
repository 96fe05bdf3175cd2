#include "tests/support/read_message.h"

#include <algorithm>
#include <vector>

#include "sidecar/http/body_decoder.h"
#include "sidecar/http/http1_head.h"

namespace naru {
namespace {

using http::BodyDecoder;
using http::Field;
using http::FieldList;
using http::Framing;
using http::HeadScanner;

// Hands out the bytes of a peer, each fragment in memory of its own, so that a sanitizer sees a read behind
// it.
class Fragments {
 public:
  Fragments(std::string_view whole, size_t fragment_bytes) : left_(whole), fragment_bytes_(fragment_bytes) {}

  bool empty() const { return left_.empty(); }
  std::vector<char> Next() {
    const std::string_view fragment = left_.substr(0, fragment_bytes_);
    left_.remove_prefix(fragment.size());
    return {fragment.begin(), fragment.end()};
  }
  std::string_view left() const { return left_; }

 private:
  std::string_view left_;
  const size_t fragment_bytes_;
};

std::string Describe(const Framing& framing) {
  switch (framing.kind) {
    case Framing::Kind::kNone:
      return "no body";
    case Framing::Kind::kLength:
      return "length " + std::to_string(framing.length);
    case Framing::Kind::kChunked:
      return "chunked";
    case Framing::Kind::kUntilClose:
      return "until close";
  }
  return "?";
}

std::string Describe(FieldList& fields) {
  std::string text;
  http::MarkHopByHop(fields);
  for (const Field& field : fields) {
    text.append(field.hop_by_hop ? "-" : "").append(field.name).append(": ").append(field.value).append("\n");
  }
  return text;
}

std::string Describe(http::RequestHead& head) {
  std::string text = std::string(head.method).append(" ").append(head.target);
  text += " HTTP/1." + std::to_string(head.minor_version) + "\n" + Describe(head.fields);
  text += "[" + Describe(head.body) + (head.keep_alive ? "" : ", then close");
  text += std::string(head.upgrade ? ", upgrade" : "") + (head.expect_continue ? ", awaits 100" : "");
  return text + "]\n";
}

std::string Describe(http::ResponseHead& head) {
  std::string text = "HTTP/1." + std::to_string(head.minor_version) + " " + std::to_string(head.status);
  text.append(" ").append(head.reason).append("\n").append(Describe(head.fields));
  return text + "[" + Describe(head.body) + (head.keep_alive ? "" : ", then close") + "]\n";
}

// Collects a head. What arrived behind it is left in `received`.
bool ReadHead(Fragments& fragments, std::vector<char>& received, ReadMessage& message) {
  HeadScanner scanner;
  HeadScanner::Verdict verdict = HeadScanner::Verdict::kIncomplete;
  while (verdict == HeadScanner::Verdict::kIncomplete && !fragments.empty()) {
    std::vector<char> more = fragments.Next();
    std::vector<char> moved;  // a new place every time: the scanner may keep no address
    moved.reserve(received.size() + more.size());
    moved.insert(moved.end(), received.begin(), received.end());
    moved.insert(moved.end(), more.begin(), more.end());
    received = std::move(moved);
    verdict = scanner.Scan({received.data(), received.size()});
  }
  if (verdict == HeadScanner::Verdict::kMalformed) message.problem = scanner.problem();
  if (verdict == HeadScanner::Verdict::kTooLarge) message.problem = "the head is too large";
  if (verdict != HeadScanner::Verdict::kComplete) return false;
  message.head.assign(received.begin() + scanner.begin(), received.begin() + scanner.end());
  received.erase(received.begin(), received.begin() + scanner.end());
  return true;
}

void ReadBody(const Framing& framing, Fragments& fragments, std::vector<char> received,
              ReadMessage& message) {
  BodyDecoder decoder;
  decoder.Start(framing);
  while (!decoder.done()) {
    if (received.empty() && fragments.empty()) break;
    if (received.empty()) received = fragments.Next();
    const BodyDecoder::Step step = decoder.Decode(received);
    message.problem = step.problem;
    if (!message.problem.empty()) return;
    message.body += step.payload;
    received.erase(received.begin(), received.begin() + step.consumed);
  }
  message.rest.assign(received.begin(), received.end());
  message.rest += fragments.left();
  message.complete = decoder.done() || decoder.EndOfStream();
  message.transcript += message.body;
  if (!message.body.empty()) message.transcript += "\n";
  for (const Field& field : decoder.trailers()) {
    message.transcript.append("+").append(field.name).append(": ").append(field.value).append("\n");
  }
}

template <class Head, class Parse>
ReadMessage Read(std::string_view whole, size_t fragment_bytes, Parse parse) {
  ReadMessage message;
  Fragments fragments(whole, fragment_bytes);
  std::vector<char> received;
  Head head;
  if (ReadHead(fragments, received, message)) {
    message.problem = parse(message.head, head);
    if (message.problem.empty()) {
      message.transcript = Describe(head);
      ReadBody(head.body, fragments, std::move(received), message);
    }
  }
  if (!message.problem.empty()) {
    message.transcript += "[refused: " + message.problem + "]";
  } else {
    message.transcript += message.complete ? "[end]" : "[cut short]";
  }
  return message;
}

}  // namespace

ReadMessage ReadRequest(std::string_view whole, size_t fragment_bytes) {
  return Read<http::RequestHead>(whole, fragment_bytes, http::ParseRequestHead);
}

ReadMessage ReadResponse(std::string_view whole, std::string_view request_method, size_t fragment_bytes) {
  return Read<http::ResponseHead>(whole, fragment_bytes,
                                  [&](std::string_view head, http::ResponseHead& into) {
                                    return http::ParseResponseHead(head, request_method, into);
                                  });
}

}  // namespace naru
