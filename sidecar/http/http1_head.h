// Reads the head of an HTTP/1 message by the letter of RFC 9112: what two readers could understand in two
// ways is refused (bare LF or CR, obs-fold, blanks before a colon, more than one length). Sans-I/O: bytes in,
// values out.
//
// A head is first found whole (HeadScanner, which looks at every line end once however it arrives) and then
// parsed in one go, so that every view into it is contiguous. Our own and not llhttp, which decodes chunks: a
// parser of whole heads needs half the instructions, takes every method, and does not change with the
// library's version. The fuzzers hold it against llhttp.
#pragma once

#include <cstddef>
#include <string_view>

#include "sidecar/http/message.h"

namespace naru::http {

inline constexpr size_t kMaxHeadBytes = 64 * 1024;
inline constexpr size_t kMaxFields = 256;
inline constexpr size_t kMaxConnectionTokens = 64;  // each is looked for in every field

class HeadScanner {
 public:
  enum class Verdict {
    kIncomplete,
    kComplete,   // end() is where the head ends
    kMalformed,  // problem() says why
    kTooLarge,
  };

  // `bytes` are all bytes from the start of the message, those of earlier calls included; they may have
  // moved.
  Verdict Scan(std::string_view bytes);

  size_t begin() const {
    return begin_;
  }                                    // behind the empty lines that may stand before a head (RFC 9112 2.2)
  size_t end() const { return end_; }  // behind the empty line that ends the head
  std::string_view problem() const { return problem_; }
  void Reset() { *this = HeadScanner(); }

 private:
  static constexpr size_t kMaxEmptyLinesBefore = 2;

  Verdict Malformed(std::string_view problem);
  Verdict EndOfLine(std::string_view bytes, size_t line_feed);

  size_t begin_ = 0;
  size_t end_ = 0;
  size_t line_ = 0;     // where the current line starts
  size_t scanned_ = 0;  // no line feed before this
  std::string_view problem_;
};

// Parse a head that HeadScanner has found whole. Return an empty view, or what is wrong with it as a sentence
// in static memory. Views in `into` point into `head`.
std::string_view ParseRequestHead(std::string_view head, RequestHead& into);
// Reads method and target of a request whose head cannot be read to its end, as far as they stand whole at
// the start of `bytes`; for the log.
void ReadRequestLineOnly(std::string_view bytes, RequestHead& into);
// True if a connection that begins so speaks TLS: a handshake record of version 3 (RFC 8446 5.1).
bool LooksLikeTls(std::string_view bytes);
// `request_method` is that of the request which this answers: an answer to HEAD has no body whatever its
// fields say.
std::string_view ParseResponseHead(std::string_view head, std::string_view request_method,
                                   ResponseHead& into);

}  // namespace naru::http
