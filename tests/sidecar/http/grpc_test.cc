#include "sidecar/http/grpc.h"

#include <gtest/gtest.h>

#include <string>

namespace naru::http {
namespace {

using std::string_view_literals::operator""sv;

TEST(Grpc, IsKnownByItsContentType) {
  struct Row {
    std::string_view content_type;
    bool grpc;
  };
  for (const Row& row : {Row{"application/grpc", true}, Row{"application/grpc+proto", true},
                         Row{"application/grpc+json", true}, Row{"application/grpc;charset=utf-8", true},
                         Row{"application/grpc ; a=b", true}, Row{"Application/GRPC", true},
                         Row{"application/grpc-web", false}, Row{"application/grpc-web+proto", false},
                         Row{"application/grpcx", false}, Row{"application/grp", false}, Row{"", false},
                         Row{"application/json", false}, Row{" application/grpc", false}}) {
    EXPECT_EQ(IsGrpcContentType(row.content_type), row.grpc) << row.content_type;
  }
}

TEST(Grpc, IsARequestOfHttp2Only) {
  RequestHead head;
  EXPECT_FALSE(IsGrpc(head));
  head.fields.Add("Content-Type", "application/grpc");
  EXPECT_FALSE(IsGrpc(head));
  head.major_version = 2;
  EXPECT_TRUE(IsGrpc(head));
  head.fields.Clear();
  EXPECT_FALSE(IsGrpc(head));
  head.fields.Add("content-type", "application/json");
  EXPECT_FALSE(IsGrpc(head));
}

// grpc/doc/PROTOCOL-HTTP2.md: Percent-Byte-Unencoded is %x20-%x24 and %x26-%x7E.
TEST(GrpcMessage, IsPercentEncodedWhereItIsNotPrintable) {
  EXPECT_EQ(EncodeGrpcMessage(""), "");
  EXPECT_EQ(EncodeGrpcMessage("no endpoint"), "no endpoint");
  EXPECT_EQ(EncodeGrpcMessage("100%"), "100%25");
  EXPECT_EQ(EncodeGrpcMessage(" ~\x7f\n\t\0"sv), " ~%7F%0A%09%00");
  EXPECT_EQ(EncodeGrpcMessage("caf\xc3\xa9"), "caf%C3%A9");
}

TEST(GrpcMessage, HasNoByteThatAFieldMayNotHave) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string encoded = EncodeGrpcMessage(std::string(1, static_cast<char>(byte)));
    for (const char c : encoded) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << byte;
    EXPECT_EQ(encoded.size(), encoded[0] == '%' ? 3u : 1u) << byte;
  }
}

}  // namespace
}  // namespace naru::http
