#include "sidecar/http/grpc.h"

namespace naru::http {

bool IsGrpcContentType(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!EqualsIgnoringCase(content_type.substr(0, kGrpc.size()), kGrpc)) return false;
  content_type.remove_prefix(kGrpc.size());
  return content_type.empty() || content_type[0] == '+' || content_type[0] == ';' || content_type[0] == ' ';
}

bool IsGrpc(const RequestHead& head) {
  if (head.major_version != 2) return false;
  const Field* type = head.fields.Find(FieldId::kContentType);
  return type != nullptr && IsGrpcContentType(type->value);
}

std::string EncodeGrpcMessage(std::string_view message) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '%') {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return encoded;
}

}  // namespace naru::http
