#include "discovery/dns/dns_message.h"

#include <gtest/gtest.h>

#include "tests/support/dns_messages.h"

namespace naru::discovery {
namespace {

// An answer of CoreDNS 1.10.1: courses.prod.internal A.
constexpr std::string_view kAnswer = R"(
  1234 8500 0001 0002 0001 0000
  07636f7572736573 0470726f64 08696e7465726e616c 00 0001 0001
  07636f7572736573 0470726f64 08696e7465726e616c 00 0001 0001 00000014 0004 0a4d000b
  07636f7572736573 0470726f64 08696e7465726e616c 00 0001 0001 00000014 0004 0a4d000c
  0470726f64 08696e7465726e616c 00 0002 0001 0000003c 0012 026e73 0470726f64 08696e7465726e616c 00)";

// The same server on a name that it does not have.
constexpr std::string_view kNameError = R"(
  1234 8503 0001 0000 0001 0000
  066e6f626f6479 0470726f64 08696e7465726e616c 00 0001 0001
  0470726f64 08696e7465726e616c 00 0006 0001 00000e10 003b
  026e73 0470726f64 08696e7465726e616c 00 0561646d696e 0470726f64 08696e7465726e616c 00
  00000001 00001c20 00000384 00127500 0000012c)";

// And _orders._tcp.prod.internal SRV, cut to one record and what goes along with it.
constexpr std::string_view kServices = R"(
  1234 8500 0001 0001 0000 0001
  075f6f7264657273 045f746370 0470726f64 08696e7465726e616c 00 0021 0001
  075f6f7264657273 045f746370 0470726f64 08696e7465726e616c 00 0021 0001 0000000f 001e
  0001 000a 1f90 0161 066f7264657273 0470726f64 08696e7465726e616c 00
  0161 066f7264657273 0470726f64 08696e7465726e616c 00 0001 0001 0000000c 0004 0a4d000d)";

// Compressed names (RFC 1035 4.1.4), capitals, a CNAME, and an OPT record.
constexpr std::string_view kCompressed = R"(
  0001 8180 0001 0002 0000 0001
  05 416c696173 04 50726f64 00 001c 0001
  c00c 0005 0001 0000000a 0004 01 78 c012
  c028 001c 0001 0000001e 0010 fd000000000000000000000000000011
  00 0029 04d0 00000000 0000)";

DnsMessage Parse(std::string_view hex) {
  const absl::StatusOr<DnsMessage> message = ParseDnsMessage(FromHex(hex));
  EXPECT_TRUE(message.ok()) << message.status();
  return message.value_or(DnsMessage{});
}

DnsMessage Expected(const DnsQuestion& question) {
  DnsMessage message;
  message.id = 0x1234;
  message.response = true;
  message.questions = {question};
  return message;
}

std::string Problem(const std::string& bytes) {
  const absl::StatusOr<DnsMessage> message = ParseDnsMessage(bytes);
  return message.ok() ? "" : std::string(message.status().message());
}

TEST(DnsMessage, IsReadWithAllItsRecords) {
  DnsMessage expected = Expected({"courses.prod.internal", RecordType::kA});
  expected.answers = {{"courses.prod.internal", RecordType::kA, 20, *ParseIp("10.77.0.11")},
                      {"courses.prod.internal", RecordType::kA, 20, *ParseIp("10.77.0.12")}};
  expected.authorities = {{"prod.internal", RecordType::kNs, 60, {}}};
  EXPECT_EQ(Parse(kAnswer), expected);
}

TEST(DnsMessage, GivesTheMinimumOfTheZone) {
  DnsMessage expected = Expected({"nobody.prod.internal", RecordType::kA});
  expected.code = ResponseCode::kNameError;
  expected.authorities = {{"prod.internal", RecordType::kSoa, 3600, SoaData{300}}};
  EXPECT_EQ(Parse(kNameError), expected);
}

TEST(DnsMessage, GivesServicesAndTheAddressesThatComeAlong) {
  DnsMessage expected = Expected({"_orders._tcp.prod.internal", RecordType::kSrv});
  expected.answers = {
      {"_orders._tcp.prod.internal", RecordType::kSrv, 15, SrvData{1, 10, 8080, "a.orders.prod.internal"}}};
  expected.additionals = {{"a.orders.prod.internal", RecordType::kA, 12, *ParseIp("10.77.0.13")}};
  EXPECT_EQ(Parse(kServices), expected);
}

TEST(DnsMessage, FollowsCompressedNamesAndIgnoresCase) {
  DnsMessage expected = Expected({"alias.prod", RecordType::kAaaa});
  expected.id = 1;
  expected.answers = {{"alias.prod", RecordType::kCname, 10, CnameData{"x.prod"}},
                      {"x.prod", RecordType::kAaaa, 30, *ParseIp("fd00::11")}};
  EXPECT_EQ(Parse(kCompressed), expected);
}

TEST(DnsMessage, IsNeverReadFromAPartOfItself) {
  for (const std::string_view hex : {kAnswer, kNameError, kServices, kCompressed}) {
    const std::string whole = FromHex(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(Problem(whole.substr(0, size)), "") << size << " bytes of " << hex;
    }
  }
}

TEST(DnsMessage, SaysWhereItBreaksOff) {
  const std::string whole = FromHex(kAnswer);
  EXPECT_EQ(Problem(whole.substr(0, 11)), "ends or breaks off inside its header");
  EXPECT_EQ(Problem(whole.substr(0, 20)), "ends or breaks off inside its question");
  EXPECT_EQ(Problem(whole.substr(0, 50)), "ends or breaks off inside a record");
  EXPECT_EQ(Problem(whole.substr(0, 74)),
            "ends or breaks off inside the A record of \"courses.prod.internal\"");
}

TEST(DnsMessage, CombinesBothPartsOfTheCode) {
  const DnsQuestion question{"a.internal", RecordType::kA};
  const DnsReply reply = DnsReply(1, question, ResponseCode::kNoError).Additional().Opt(1);
  const absl::StatusOr<DnsMessage> message = ParseDnsMessage(reply.Bytes());
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->code, static_cast<ResponseCode>(16));
  EXPECT_EQ(WordOf(message->code), "RCODE 16");
}

TEST(DnsMessage, TakesATtlBeyondTheGreatestForNone) {
  const DnsQuestion question{"a.internal", RecordType::kA};
  const auto message =
      ParseDnsMessage(DnsReply(1, question).Answer().A("a.internal", 0x8000'0000, "10.0.0.1").Bytes());
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->answers[0].ttl, 0u);
}

struct Malformed {
  std::string_view what;
  std::string_view hex;  // what follows a header with one question
};

// RFC 1035 4.1.4, 2.3.4, 3.4.1; RFC 3596 2.2; RFC 2782.
constexpr Malformed kMalformed[] = {
    {"a pointer to itself", "0001 8180 0001 0000 0000 0000 c00c 0001 0001"},
    {"a pointer to behind itself", "0001 8180 0001 0000 0000 0000 c00e 00 0001 0001"},
    {"two pointers in a circle", "0001 8180 0001 0000 0000 0000 0161 c00c 0001 0001"},
    {"a pointer cut in two", "0001 8180 0001 0000 0000 0000 c0"},
    {"a label of a reserved kind", "0001 8180 0001 0000 0000 0000 40 00 0001 0001"},
    {"an A record of three bytes", "0001 8180 0000 0001 0000 0000 00 0001 0001 00000001 0003 0a0000"},
    {"an AAAA record of four bytes", "0001 8180 0000 0001 0000 0000 00 001c 0001 00000001 0004 0a000001"},
    {"an SRV record that is too short for its target",
     "0001 8180 0000 0001 0000 0000 00 0021 0001 00000001 0006 0001 0001 1f90 00"},
    {"a CNAME longer than its record", "0001 8180 0000 0001 0000 0000 00 0005 0001 00000001 0001 0161 00"},
    {"a CNAME shorter than its record",
     "0001 8180 0000 0001 0000 0000 00 0005 0001 00000001 0004 0161 00 00"},
    {"more records promised than sent", "0001 8180 0000 ffff 0000 0000"},
};

TEST(DnsMessage, RefusesWhatIsMalformed) {
  for (const Malformed& row : kMalformed) EXPECT_NE(Problem(FromHex(row.hex)), "") << row.what;
}

TEST(DnsMessage, RefusesANameThatIsTooLong) {
  std::string name;
  for (int i = 0; i < 4; ++i) name += '\x3f' + std::string(63, 'a');
  const std::string bytes = FromHex("0001 8180 0001 0000 0000 0000") + name + FromHex("00 0001 0001");
  EXPECT_EQ(Problem(bytes), "ends or breaks off inside its question");
}

TEST(DnsMessage, TellsADotInsideALabelFromOneBetweenThem) {
  // One label "a.b", of which a character is a capital, and one byte that is none.
  const DnsMessage message = Parse("0001 8180 0001 0000 0000 0000 04 412e6207 00 0001 0001");
  EXPECT_EQ(message.questions[0].name, "a\\046b\\007");
}

TEST(DnsMessage, NamesTypesAndCodesAsEverybodyDoes) {
  EXPECT_EQ(WordOf(RecordType::kAaaa), "AAAA");
  EXPECT_EQ(WordOf(static_cast<RecordType>(99)), "TYPE99");
  EXPECT_EQ(WordOf(ResponseCode::kServerFailure), "SERVFAIL");
  EXPECT_EQ(WordOf(static_cast<ResponseCode>(9)), "RCODE 9");
}

TEST(DnsMessage, ComparesNamesWithoutCaseAndLastDot) {
  EXPECT_EQ(CanonicalName("Courses.Prod.Internal."), "courses.prod.internal");
}

}  // namespace
}  // namespace naru::discovery
