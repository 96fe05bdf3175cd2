#include "sidecar/http/http1_writer.h"

#include <algorithm>
#include <charconv>

namespace naru::http {
namespace {

// "100101102...599"
constexpr std::array<char, 1500> AllStatusTexts() {
  std::array<char, 1500> texts{};
  for (int status = 100; status < 600; ++status) {
    const auto at = static_cast<size_t>((status - 100) * 3);
    texts[at] = static_cast<char>('0' + status / 100);
    texts[at + 1] = static_cast<char>('0' + status / 10 % 10);
    texts[at + 2] = static_cast<char>('0' + status % 10);
  }
  return texts;
}
constexpr std::array<char, 1500> kStatusTexts = AllStatusTexts();

}  // namespace

std::string_view StatusText(int status) {
  if (status < 100 || status > 599) return "500";
  return {kStatusTexts.data() + (status - 100) * 3, 3};
}

void AppendRequestLine(std::string& out, std::string_view method, std::string_view target) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
}

void AppendStatusLine(std::string& out, int status, std::string_view reason) {
  out.append("HTTP/1.1 ").append(StatusText(status)).append(" ");
  out.append(reason.empty() ? UsualReason(status) : reason).append("\r\n");
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  // Grown once and filled, not appended to four times: most of composing a head is this.
  const size_t begin = out.size();
  out.resize(begin + name.size() + value.size() + 4);
  char* at = std::copy(name.begin(), name.end(), out.data() + begin);
  *at++ = ':';
  *at++ = ' ';
  at = std::copy(value.begin(), value.end(), at);
  *at++ = '\r';
  *at = '\n';
}

void AppendField(std::string& out, std::string_view name, uint64_t value) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  AppendField(out, name, std::string_view(digits, static_cast<size_t>(end - digits)));
}

std::string_view UsualReason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

ChunkPrefix::ChunkPrefix(uint64_t size) {
  static constexpr char kHex[] = "0123456789abcdef";
  begin_ = text_.size();
  text_[--begin_] = '\n';
  text_[--begin_] = '\r';
  do {
    text_[--begin_] = kHex[size & 15];
    size >>= 4;
  } while (size != 0);
}

bool MayBeTrailer(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kContentLength:
    case FieldId::kContentType:
    case FieldId::kExpect:
    case FieldId::kHost:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
    case FieldId::kXNaruAttempt:
    case FieldId::kXNaruCaller:
    case FieldId::kXNaruDeadlineMs:
    case FieldId::kXNaruOutcome:
      return false;
    default:
      return true;
  }
}

void AppendLastChunk(std::string& out, const FieldList& trailers) {
  out += "0\r\n";
  for (const Field& field : trailers) {
    if (MayBeTrailer(field.id) && !field.hop_by_hop) AppendField(out, field.name, field.value);
  }
  out += "\r\n";
}

}  // namespace naru::http
