#include "sidecar/call/websocket.h"

#include <openssl/evp.h>

#include <array>

namespace naru::call {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string Base64(const unsigned char* bytes, int size) {
  std::string text(static_cast<size_t>((size + 2) / 3 * 4 + 1), '\0');
  const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, size);
  text.resize(static_cast<size_t>(written));
  return text;
}

Digest Sha1(std::string_view text) {
  Digest digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return digest;
}

}  // namespace

std::string WebSocketKey(std::string_view request_id) {
  return Base64(Sha1(request_id).data(), 16);
}

std::string WebSocketAccept(std::string_view key) {
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
  return Base64(Sha1(std::string(key).append(kGuid)).data(), 20);
}

}  // namespace naru::call
